// The vendor's own table of rooms and guests, as FIAS records change it: what a bench compares with the house. Pure.
import { filled, valueOf } from './wire.ts';
import type { FiasRecord } from './wire.ts';

interface VendorGuest {
  /** Empty: the vendor knows rooms only. */
  readonly booking: string;
  readonly name: string;
}
/** Guests by booking; empty: vacant. */
type VendorRooms = ReadonlyMap<string, readonly VendorGuest[]>;

export interface VendorTable {
  readonly rooms: VendorRooms;
  /** RE's and GI's statuses of a room: "ML" -> "Y". */
  readonly statuses: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly isInResync: boolean;
  apply(record: FiasRecord): void;
}

const STATUSES = ['ML', 'DN', 'CS', 'TV', 'MR', 'VR', 'RS'] as const;

export function createTable(): VendorTable {
  const rooms = new Map<string, readonly VendorGuest[]>();
  const statuses = new Map<string, Map<string, string>>();
  /** Set between DS and DE: who was named. */
  let named: Set<string> | undefined;

  const without = (room: string, booking: string | undefined): readonly VendorGuest[] =>
    booking === undefined ? [] : (rooms.get(room) ?? []).filter((one) => one.booking !== booking);
  const put = (room: string, record: FiasRecord): void => {
    const booking = filled(record, 'G#') ?? '';
    const before = [...rooms.values()].flat().find((one) => one.booking === booking);
    const name = filled(record, 'GN') ?? before?.name ?? '';
    const others = without(room, booking === '' ? undefined : booking);
    rooms.set(room, [...others, { booking, name }]);
    named?.add(`${room} ${booking}`);
  };
  const leave = (room: string, booking: string | undefined): void =>
    void rooms.set(room, without(room, booking));
  const change = (room: string, record: FiasRecord): void => {
    const from = filled(record, 'RO');
    const booking = filled(record, 'G#');
    if (from !== undefined) leave(from, booking);
    const isName = valueOf(record, 'GN') !== undefined;
    const isThere = (rooms.get(room) ?? []).some((one) => one.booking === (booking ?? ''));
    if (from !== undefined || (isName && (isThere || booking === undefined))) put(room, record);
  };
  const setStatuses = (room: string, record: FiasRecord): void => {
    for (const id of STATUSES) {
      const value = filled(record, id);
      if (value === undefined) continue;
      const of = statuses.get(room) ?? new Map<string, string>();
      statuses.set(room, of.set(id, value));
    }
  };
  const end = (): void => {
    const seen = named ?? new Set<string>();
    for (const [room, guests] of rooms)
      rooms.set(
        room,
        guests.filter(({ booking }) => booking === '' || seen.has(`${room} ${booking}`)),
      );
    named = undefined;
  };
  return {
    ...{ rooms, statuses },
    get isInResync() {
      return named !== undefined;
    },
    apply: (record) => {
      if (record.id === 'DS') named = new Set();
      if (record.id === 'DE') end();
      const room = filled(record, 'RN');
      if (room === undefined) return;
      if (record.id === 'GI') put(room, record);
      if (record.id === 'GO') leave(room, filled(record, 'G#'));
      if (record.id === 'GC') change(room, record);
      setStatuses(room, record);
    },
  };
}
