// A key request of Clock as an order to a lock system, and to which one. Pure.
import { parseOrder } from '../core/orders/wire.ts';
import type { ServiceInfo } from '../core/services.ts';
import type { OrderKind, OrderOf, OrderOutcome } from '../core/vocabulary.ts';
import { localTime } from '../core/local-time.ts';
import { KEY_AGE_MS_MAX } from './limits.ts';
import type { PmsDoorKey } from './ports.ts';

/** In words for the desk: Clock shows them at the key. */
type Found<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly text: string };

/** Who has the encoder; where nobody says so, the only one there is. */
export function lockOf(
  services: readonly ServiceInfo[],
  { kind, encoder }: { readonly kind: OrderKind; readonly encoder: string },
): Found<{ readonly service: ServiceInfo }> {
  const able = services.filter(({ takes }) => takes.includes(kind));
  const named = able.filter(({ targets }) => targets.includes(encoder));
  const service = named.length === 1 ? named[0] : able.length === 1 ? able[0] : undefined;
  if (service !== undefined) return { ok: true, service };
  if (able.length === 0) {
    return { ok: false, text: 'No lock system is set up on the unit that can do this.' };
  }
  const whose = named.length === 0 ? 'no' : 'more than one';
  return { ok: false, text: `Encoder "${encoder}" belongs to ${whose} lock system of the unit.` };
}

/** A card that is asked for now: not one that somebody asked for while nobody listened. */
export function isStale(key: PmsDoorKey, wallMs: number): boolean {
  const madeMs = Date.parse(key.created_at ?? '');
  return wallMs - madeMs > KEY_AGE_MS_MAX;
}

export const isDone = (key: PmsDoorKey): boolean =>
  key.issued_at !== null ||
  key.deleted_at !== null ||
  key.delete_requested_at !== null ||
  (key.error_text ?? '') !== '';

/** The same for writing a card and for taking it back. */
export function keyOrderOf<K extends 'key.encode' | 'key.cancel'>(
  kind: K,
  key: PmsDoorKey,
  how: {
    readonly card?: OrderOf<'key.encode'>['card'];
    readonly service: ServiceInfo;
    readonly timeZone: string;
    readonly wallMs: number;
  },
): Found<{ readonly order: OrderOf<K> }> {
  const { card, service, timeZone, wallMs } = how;
  const local = (given: string | null, otherwise: number): string => {
    const ms = Date.parse(given ?? '');
    return localTime(Number.isNaN(ms) ? otherwise : ms, timeZone);
  };
  if (kind === 'key.encode' && Number.isNaN(Date.parse(key.valid_to ?? ''))) {
    return { ok: false, text: 'The key request does not say until when the card is valid.' };
  }
  const [phone, email] = [key.mobile_key_phone_number ?? '', key.mobile_key_email ?? ''];
  const mobile = { ...(phone !== '' && { phone }), ...(email !== '' && { email }) };
  const parsed = parseOrder({
    ...{ kind, key: key.id, moreRooms: [], room: key.room_name ?? '' },
    ...(card !== undefined && { card }),
    ...(key.booking_id !== null && { booking: key.booking_id }),
    encoder: key.encoder_identifier || (service.targets[0] ?? ''),
    doorCodes: key.room_door_codes ?? [],
    commonDoors: key.common_door_codes ?? [],
    from: local(key.valid_from, wallMs),
    to: local(key.valid_to, wallMs),
    guestName: (key.guest_name ?? '').replaceAll(/\p{Cc}+/gu, ' '),
    ...(phone + email !== '' && { mobile }),
  });
  return parsed.ok
    ? { ok: true, order: parsed.value as OrderOf<K> }
    : { ok: false, text: `The key request cannot be carried out: ${parsed.text}.` };
}

/** What the desk reads when it did not work. */
export function failureOf({ why, text }: Exclude<OrderOutcome, { ok: true }>): string {
  const said = text === undefined || text === '' ? '' : ` (${text})`;
  return `${FAILURES[why]}${said}`;
}

const FAILURES = {
  offline: 'The lock system is not connected',
  busy: 'The encoder is busy: try again',
  refused: 'The lock system says no',
  expired: 'No card was put on the encoder in time',
  unsupported: 'The lock system cannot do this',
  wrong: 'The lock system does not understand the request',
  unknown: 'It is not known whether the card was written: check it',
} as const;

export const TOO_OLD = 'The request was too old when the unit received it: ask for the key again';
export const RESTARTED =
  'The unit was restarted while the card was written: check the card, then ask again';
export const NO_TIME = 'The unit does not know what time it is yet: try again in a minute';
