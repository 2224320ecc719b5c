// Clock's API as typed calls: door keys, bookings, rooms and housekeeping, phone calls, charges, fiscal
// results. A write is confirmed by reading it again where its answer was lost.
import { setTimeout as sleep } from 'node:timers/promises';
import { STRING_CHARS_MAX } from './limits.ts';
import type { Api, Call, Refusal, Reply } from './ports.ts';
import { SERVER_CODE, settle } from './settle.ts';
import { SCHEMAS, parseAs, path } from './wire.ts';
import type { Answers, DoorKey } from './wire.ts';

/** Milliseconds of Clock's dates: a second's fraction may get lost there. */
const SECOND_MS = 1_000;

export interface PhoneCall {
  /** Account-local, "YYYY-MM-DD HH:MM:SS". */
  readonly at: string;
  readonly line: string;
  /** "HH:MM:SS". */
  readonly duration?: string;
  readonly dialled?: string;
  readonly impulses?: number;
  readonly price?: string;
}

export interface NewCharge {
  /** Ours, unique: by it the charge is found again. Stands on the folio ("Bill # 123"). */
  readonly reference: string;
  readonly text: string;
  readonly revenueGroup: string;
  /** In currency units, with a decimal point. */
  readonly price: string;
  readonly qty?: number;
  readonly taxRate?: number;
  readonly templateId?: number;
}

export type Calls = ReturnType<typeof createCalls>;

/** `signal` ends with the account. `wait` passes the time before a lost answer is looked for. */
export function createCalls(api: Api, signal: AbortSignal, wait = sleepUntil) {
  const ask = async <K extends keyof Answers>(
    schema: K,
    call: Call,
  ): Promise<Reply<Answers[K]>> => {
    const reply = await api.call({ ...call, signal: call.signal ?? signal });
    if (!reply.ok) return reply;
    const parsed = parseAs(SCHEMAS[schema], reply.value);
    // A write was done all the same; that its answer is odd does not undo it.
    if (!parsed.ok && call.method !== 'GET')
      return { ok: false, why: 'unknown', code: `${SERVER_CODE} answer` };
    return parsed.ok
      ? { ok: true, value: parsed.value as Answers[K] }
      : { ok: false, why: 'malformed', text: parsed.text };
  };
  const tell = async (call: Call): Promise<Reply<undefined>> => {
    const reply = await api.call({ ...call, signal });
    return reply.ok ? { ok: true, value: undefined } : reply;
  };
  const pause = async (ms: number): Promise<boolean> => wait(ms, signal);
  const pms = (...parts: readonly (string | number)[]) => ({
    api: 'pms_api' as const,
    path: path(...parts),
  });
  const get = { method: 'GET', priority: 'read' } as const;
  const urgently = { method: 'GET', priority: 'urgent' } as const;

  /** Writes, and by reading sees whether it holds. */
  const confirmed = async <T>(
    write: () => Promise<Reply<unknown>>,
    read: () => Promise<Reply<T>>,
    holds: (value: T) => boolean,
  ): Promise<Reply<undefined>> =>
    settle<undefined | true>({
      write: async () => {
        const reply = await write();
        return reply.ok ? { ok: true, value: true } : reply;
      },
      look: async () => {
        const seen = await read();
        if (!seen.ok) return seen;
        return { ok: true, value: holds(seen.value) ? true : undefined };
      },
      ...{ isRepeatable: true, pause },
    }).then((reply) => (reply.ok ? { ok: true, value: undefined } : reply));

  const readKey = async (id: number): Promise<Reply<DoorKey>> =>
    ask('doorKey', { ...pms('door_keys', id), ...urgently });
  const answerKey = async (
    id: number,
    body: Readonly<Record<string, string>>,
    holds: (key: DoorKey) => boolean,
  ): Promise<Reply<undefined>> =>
    confirmed(
      async () =>
        api.call({
          ...pms('door_keys', id),
          ...{ method: 'PUT', priority: 'urgent', body, signal },
        }),
      async () => readKey(id),
      holds,
    );

  return {
    doorKeys: {
      read: readKey,
      /** Ids that wait to be written to a card; after `afterId` only. */
      waiting: async (afterId = 0) =>
        ask('ids', {
          ...{ ...pms('door_keys'), ...urgently },
          query: [
            ['issued_at.eq', ''],
            ['deleted_at.eq', ''],
            ['id.gt', `${afterId}`],
          ],
        }),
      deletesWanted: async () =>
        ask('ids', {
          ...{ ...pms('door_keys'), ...urgently },
          query: [
            ['deleted_at.eq', ''],
            ['delete_requested_at.not_eq', ''],
          ],
        }),
      /** A booking's cards that are out: issued, and not taken back. */
      out: async (bookingId: number) =>
        ask('ids', {
          ...{ ...pms('door_keys'), ...urgently },
          query: [
            ['booking_id.eq', `${bookingId}`],
            ['issued_at.not_eq', ''],
            ['deleted_at.eq', ''],
          ],
        }),
      issued: async (id: number, how: { atMs: number; system: string; qrCodeText?: string }) => {
        const body = {
          ...{ issued_at: new Date(how.atMs).toISOString(), reference_system: text(how.system) },
          ...(how.qrCodeText !== undefined && { qr_code_text: how.qrCodeText }),
        };
        return answerKey(id, body, (key) => isAt(key.issued_at, how.atMs));
      },
      failed: async (id: number, why: string) =>
        answerKey(id, { error_text: text(why) }, (key) => key.error_text === text(why)),
      deleted: async (id: number, atMs: number) =>
        answerKey(id, { deleted_at: new Date(atMs).toISOString() }, (key) =>
          isAt(key.deleted_at, atMs),
        ),
    },
    bookings: {
      checkedIn: async () =>
        ask('ids', { ...pms('bookings'), ...get, query: [['status', 'checked_in']] }),
      /** Those of them that changed since (ISO 8601). Seen to work, not documented. */
      checkedInChanged: async (since: string) =>
        ask('ids', {
          ...{ ...pms('bookings'), ...get },
          query: [
            ['status', 'checked_in'],
            ['updated_at.gteq', since],
          ],
        }),
      read: async (id: number) => ask('booking', { ...pms('bookings', id), ...get }),
      /** Several may answer: a person chooses. */
      inHotel: async (by: { room: string } | { tag: string } | { guest: string }) =>
        ask('inHotel', {
          ...{ ...pms('bookings', 'find_in_hotel'), ...urgently },
          query: [
            'room' in by
              ? ['room_name', by.room]
              : 'tag' in by
                ? ['identity_tag', by.tag]
                : ['main_guest_free_text_search', by.guest],
          ],
        }),
      ofRoom: async (roomId: number, day: string) =>
        ask('bookings', { ...pms('rooms', roomId, day, 'bookings'), ...get }),
    },
    rooms: {
      all: async () => ask('rooms', { ...pms('rooms'), ...get }),
      named: async (name: string) =>
        ask('rooms', { ...pms('rooms'), ...get, query: [['name', name]] }),
      /** Housekeeping by room; the rooms themselves do not tell it. */
      statuses: async (day: string) => statusesOf(ask, pms, day),
      setHousekeeping: async (id: number, status: Housekeeping, day: string) =>
        confirmed(
          async () =>
            api.call({
              ...{ ...pms('rooms', id), method: 'PUT', priority: 'write', signal },
              body: { room: { housekeeping_status: status } },
            }),
          async () => statusesOf(ask, pms, day),
          (rooms) => rooms.find((room) => room.id === id)?.housekeeping_status === status,
        ),
    },
    phone: {
      /** Nobody can look for them afterwards: `unknown` is for a person, never for another try. */
      report: async (calls: readonly PhoneCall[]) =>
        tell({
          ...{ ...pms('phone_calls'), method: 'POST', priority: 'write' },
          body: calls.map((one) => ({
            ...{ call_datetime: one.at, internal_line: one.line },
            ...(one.duration !== undefined && { duration: one.duration }),
            ...(one.dialled !== undefined && { dial_number: one.dialled }),
            ...(one.impulses !== undefined && { impulses: one.impulses }),
            ...(one.price !== undefined && { price: one.price }),
          })),
        }),
      hello: async () =>
        tell({ ...pms('phone_calls'), method: 'POST', priority: 'idle', body: {} }),
    },
    charges: {
      /** What can be charged, with its price: articles of a minibar too. */
      templates: async () => ask('templates', { ...baseOf('charge_templates'), ...get }),
      ofBooking: async (id: number) =>
        ask('charges', { ...pms('bookings', id, 'charges_by_source'), ...get }),
      /** Links it to the booking, on the folio that Clock chooses. Resolves with its id. */
      post: async (bookingId: number, charge: NewCharge) => {
        const place = pms('bookings', bookingId, 'charges_by_source');
        const mine = text(charge.reference);
        return settle<Answers['charge']>({
          write: async () =>
            ask('charge', {
              ...{ ...place, method: 'POST', priority: 'write' },
              body: { charge: chargeBody(charge) },
            }),
          look: async () => {
            const seen = await ask('charges', { ...place, ...get });
            if (!seen.ok) return seen;
            return { ok: true, value: seen.value.find((one) => one.print_text === mine) };
          },
          ...{ isRepeatable: false, pause },
        });
      },
    },
    fiscal: {
      read: async (folioId: number) =>
        ask('fiscal', { ...fiscalOf(folioId), ...get, priority: 'write' }),
      charges: async (folioId: number) =>
        ask('folioCharges', { ...baseOf('folios', folioId, 'charges'), ...get, priority: 'write' }),
      /** Payments of a folio. The documentation names this read, not what it answers. */
      credits: async (folioId: number) =>
        ask('credits', {
          ...{ ...baseOf('folios', folioId, 'credit_items'), ...get, priority: 'write' },
        }),
      /** What the printer answered; from then on Clock counts the folio as fiscalised. */
      answered: async (folioId: number, code: { request?: string; response: string }) =>
        confirmed(
          async () =>
            api.call({
              ...{ ...fiscalOf(folioId), method: 'PUT', priority: 'write', signal },
              body: {
                ...(code.request !== undefined && { fiscal_request_code: code.request }),
                fiscal_response_code: code.response,
              },
            }),
          async () => ask('fiscal', { ...fiscalOf(folioId), ...get }),
          (seen) => seen?.fiscal_response_code === code.response,
        ),
    },
  };
}

async function sleepUntil(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal }).catch(() => false);
}

/** Clean, being inspected, being cleaned, dirty. */
export type Housekeeping = '' | 'inspect' | 'progress' | 'checked_out';

type Place = Pick<Call, 'api' | 'path'>;

const baseOf = (...parts: readonly (string | number)[]) => ({
  api: 'base_api' as const,
  path: path(...parts),
});
const fiscalOf = (folioId: number) => baseOf('fiscalization', 'generic', folioId);

async function statusesOf(
  ask: (schema: 'roomStatuses', call: Call) => Promise<Reply<Answers['roomStatuses']>>,
  pms: (...parts: readonly string[]) => Place & { readonly api: 'pms_api' },
  day: string,
): Promise<Reply<Answers['roomStatuses'][number]['rooms']>> {
  const reply = await ask('roomStatuses', {
    ...{ ...pms('room_statuses'), method: 'GET', priority: 'read' },
    query: [
      ['from', day],
      ['to', day],
    ],
  });
  return reply.ok ? { ok: true, value: reply.value.flatMap(({ rooms }) => rooms) } : reply;
}

const chargeBody = (charge: NewCharge) => ({
  ...{ text: text(charge.text), revenue_group: charge.revenueGroup, price: charge.price },
  ...{ print_text: text(charge.reference), qty: charge.qty ?? 1 },
  ...(charge.taxRate !== undefined && { tax_rate: charge.taxRate }),
  ...(charge.templateId !== undefined && { charge_template_id: charge.templateId }),
});

const text = (given: string): string => given.slice(0, STRING_CHARS_MAX);

const isAt = (given: string | null, ms: number): boolean =>
  given !== null && Math.abs(Date.parse(given) - ms) < SECOND_MS;

/** Why not, in words that people must see; Clock's own where it gave some. */
export function wordsOf(refusal: Refusal): string {
  switch (refusal.why) {
    case 'rejected':
      return refusal.text;
    case 'right':
      return refusal.text;
    case 'malformed':
      return refusal.text;
    case 'unreachable':
    case 'unknown':
      return refusal.code;
    case 'key':
    case 'banned':
    case 'busy':
    case 'closed':
      return '';
  }
}
