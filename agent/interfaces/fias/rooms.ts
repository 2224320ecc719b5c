// Performs the resync: all rooms, one record after the other, while changes go out between them. Without knowing the
// rooms it says nothing: an empty house would check everybody out at the vendor's.
import { setImmediate } from 'node:timers/promises';
import { codeOf } from '../../core/errors.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { House, OrderOf, OrderOutcome } from '../../core/vocabulary.ts';
import { wants } from './filter.ts';
import { HOUSE_RETRY_MS, RESYNC_RECORDS_AT_ONCE } from './limits.ts';
import { createResync } from './resync.ts';
import type { Resync } from './resync.ts';
import type { Session } from './session.ts';
import type { Saying, STAY_KINDS } from './stays.ts';

export interface Rooms {
  /** Asked for by the hotel. */
  resync(): Promise<OrderOutcome>;
  /** Done as soon as the rooms are known. A vendor that asked (DR) gets its DS and DE in any case. */
  wanted(by: 'vendor' | 'us'): void;
  happened(order: OrderOf<(typeof STAY_KINDS)[number]>): void;
  up(): void;
  down(): void;
  close(): void;
}

export interface RoomsNeeds {
  readonly host: ServiceHost;
  readonly session: Session;
  /** Undefined: the link is down. */
  readonly saying: (house: House) => Saying | undefined;
}

const no = (why: 'offline' | 'busy' | 'unknown', text: string): OrderOutcome => ({
  ok: false,
  why,
  text,
});

export function createRooms({ host, session, saying }: RoomsNeeds): Rooms {
  let running: Resync | undefined;
  let wantedBy: 'vendor' | 'us' | undefined;
  let timer: NodeJS.Timeout | undefined;

  const walk = async (house: House): Promise<OrderOutcome> => {
    const connection = session.connection();
    const resync = createResync(house);
    running = resync;
    for (let count = 1; ; count += 1) {
      // The kernel takes small records at once: without a pause nothing else would be heard until DE.
      if (count % RESYNC_RECORDS_AT_ONCE === 0) await setImmediate();
      const now = saying(house);
      if (now === undefined || session.connection() !== connection)
        return no('offline', 'The connection broke off during the resync');
      const record = resync.next(now);
      if (record === undefined) break;
      const told = await session.say(record);
      if (told === 'down' || told === 'unsure')
        return no('offline', 'The connection broke off during the resync');
    }
    host.count('resyncs');
    return { ok: true, body: { rooms: resync.rooms } };
  };
  const attempt = async (): Promise<OrderOutcome> => {
    const vendor = session.vendor();
    if (vendor === undefined) return no('offline', 'The vendor is not connected');
    const isListed = wants(vendor.described, 'GI') || wants(vendor.described, 'GO');
    if (!isListed && wantedBy !== 'vendor') return { ok: true, body: { rooms: 0 } };
    let house: House;
    try {
      house = await host.house();
    } catch (error) {
      return no('busy', `The rooms are not known just now (${codeOf(error)})`);
    }
    if (house.asOfMs === undefined) return no('busy', 'The rooms are not known yet');
    return walk(house);
  };
  let going: Promise<OrderOutcome> | undefined;
  const go = async (): Promise<OrderOutcome> => {
    // Whoever asks again meanwhile gets the one that runs.
    going ??= attempt().finally(() => {
      going = undefined;
      running = undefined;
    });
    return going;
  };
  const serve = async (): Promise<void> => {
    clearTimeout(timer);
    const outcome = await go();
    if (outcome.ok) {
      wantedBy = undefined;
      return;
    }
    host.trace('note', `Resync: ${outcome.text ?? outcome.why}`);
    if (outcome.why === 'busy') timer = setTimeout(() => void serve(), HOUSE_RETRY_MS);
  };
  return {
    resync: go,
    wanted: (by) => {
      if (wantedBy !== 'vendor') wantedBy = by;
      void serve();
    },
    happened: (order) => running?.happened(order),
    up: () => {
      if (wantedBy !== undefined) void serve();
    },
    down: () => clearTimeout(timer),
    close: () => clearTimeout(timer),
  };
}
