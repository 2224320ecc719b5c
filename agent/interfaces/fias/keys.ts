// Key orders as KR, KD, KM and KZ, and their answers (KA, KZ): each awaited for a while, none ever repeated, for
// a card may have been made. Which answer belongs to which order is decided here. Pure.
import type { Order, OrderOf, OrderOutcome } from '../../core/vocabulary.ts';
import type { Settings } from './config.ts';
import { fiasDay, longTime, shortTime } from './times.ts';
import { filled, recordOf } from './wire.ts';
import type { FiasRecord } from './wire.ts';

export type KeyOrder = OrderOf<'key.encode' | 'key.cancel' | 'key.read'>;
export const isKey = (order: Order): order is KeyOrder =>
  order.kind === 'key.encode' || order.kind === 'key.cancel' || order.kind === 'key.read';

type KeySettings = Pick<Settings, 'keys' | 'quirks' | 'mode'>;

/** What an answer is known by. */
export interface Awaited {
  readonly record: 'KR' | 'KD' | 'KM' | 'KZ';
  readonly encoder: string;
  readonly desk: string;
  readonly booking: string | undefined;
}

export const awaitedOf = (request: FiasRecord): Awaited => ({
  record: request.id as Awaited['record'],
  encoder: filled(request, 'KC') ?? '',
  desk: filled(request, 'WS') ?? '',
  booking: filled(request, 'G#'),
});

/** Doors of one key: the room first, as the lock system calls it. */
function doorsOf(
  order: OrderOf<'key.encode' | 'key.cancel'>,
): readonly [string, string | undefined] {
  const [first, ...others] = order.doorCodes.length > 0 ? order.doorCodes : [order.room];
  const more = [...others, ...order.moreRooms];
  return [first!, more.length === 0 ? undefined : more.join(';')];
}

/** KO: a place each, "0" or "1"; undefined: the site has no common doors. */
function optionsOf(order: OrderOf<'key.encode'>, options: readonly string[]): string | undefined {
  if (options.length === 0) return undefined;
  return options.map((code) => (order.commonDoors.includes(code) ? '1' : '0')).join('');
}

/** KR, KD or KZ. A card more is made as KT D, after the one before it was answered. */
export function keyRequest(order: KeyOrder, settings: KeySettings): FiasRecord {
  const desk = order.desk ?? settings.keys.desk;
  if (order.kind === 'key.read')
    return recordOf('KZ', [
      ['KC', order.encoder],
      ['WS', desk],
    ]);
  const [room, more] = doorsOf(order);
  const booking = order.booking === undefined ? undefined : `${order.booking}`;
  if (order.kind === 'key.cancel')
    return recordOf('KD', [
      ['WS', desk],
      ['KC', order.encoder],
      ['RN', room],
      ['G#', booking],
      ['SI', more],
      ['ID', order.operator],
    ]);
  const isLong = settings.quirks.longKeyTimes || settings.mode === 'hotek';
  return recordOf('KR', [
    ['WS', desk],
    ['KC', order.encoder],
    ['RN', room],
    ['KT', order.card === 'original' ? 'N' : 'D'],
    ['G#', booking],
    ['GA', fiasDay(order.from)],
    ['GD', fiasDay(order.to)],
    ['DT', isLong ? longTime(order.to) : shortTime(order.to)],
    ['GN', order.guestName],
    ['SI', more],
    ['KO', optionsOf(order, settings.keys.options)],
    ['ID', order.operator],
  ]);
}

/** KM: the keys of a booking follow it into another room, or to another departure. */
export function keyChange(
  order: OrderOf<'room.moved' | 'guest.changed'>,
  settings: KeySettings & Pick<Settings, 'encoders'>,
): FiasRecord | undefined {
  const [encoder] = settings.encoders;
  if (encoder === undefined) return undefined;
  return recordOf('KM', [
    ['WS', settings.keys.desk],
    ['KC', encoder.identifier],
    ['RN', order.room],
    ['RO', order.kind === 'room.moved' ? order.from : undefined],
    ['GA', fiasDay(order.guest.arrival)],
    ['GD', fiasDay(order.guest.departure)],
    ['G#', `${order.guest.booking}`],
    ['GN', order.guest.lastName],
  ]);
}

/**
 * Which of the awaited an answer belongs to: by WS and KC; KC is often missing, then by WS and G#; and when all
 * but one are ruled out by what the answer does say, by that. Undefined: none, or it could be several.
 */
export function matching<T extends Awaited>(
  answer: FiasRecord,
  awaited: readonly T[],
): T | undefined {
  const says = { desk: filled(answer, 'WS'), encoder: filled(answer, 'KC') };
  const booking = filled(answer, 'G#');
  const fits = awaited.filter(
    (one) =>
      (answer.id === 'KZ') === (one.record === 'KZ') &&
      (says.desk === undefined || says.desk === one.desk) &&
      (says.encoder === undefined || says.encoder === one.encoder),
  );
  if (fits.length <= 1) {
    const [only] = fits;
    const isOther =
      says.encoder === undefined &&
      booking !== undefined &&
      only?.booking !== undefined &&
      only.booking !== booking;
    return isOther ? undefined : only;
  }
  const named = booking === undefined ? [] : fits.filter((one) => one.booking === booking);
  return named.length === 1 ? named[0] : undefined;
}

/** AS and CT for the person at the desk. */
const SAYS: Readonly<Record<string, string>> = {
  BY: 'The encoder is busy or not there',
  RY: 'The lock system asks to try again',
  NG: 'The lock system does not know the room or the guest',
  UR: 'The lock system cannot do this',
  DN: 'The lock system denied it',
  NR: 'The encoder did not answer',
  DE: 'The key was deleted',
  FX: 'The lock system does not have this feature',
  NF: 'The lock system has this feature off',
  IA: 'The lock system does not know the account',
};

export function keyOutcome(answer: FiasRecord): OrderOutcome {
  const code = filled(answer, 'AS') ?? '';
  const shown = filled(answer, 'CT');
  if (code === 'OK') {
    const body: Record<string, unknown> = {};
    if (shown !== undefined) body['text'] = shown;
    const card = filled(answer, '$2');
    if (card !== undefined) body['card'] = card;
    if (answer.id === 'KZ') Object.assign(body, cardOf(answer));
    return { ok: true, body };
  }
  const said = SAYS[code] ?? `The lock system answered ${code === '' ? 'without a code' : code}`;
  const text = shown === undefined ? `${said} (${code})` : `${said} (${code}): ${shown}`;
  return { ok: false, why: code === 'BY' || code === 'RY' ? 'busy' : 'refused', text };
}

/** What a card says, for display. */
const cardOf = (answer: FiasRecord): Readonly<Record<string, string>> => {
  const named = { room: 'RN', booking: 'G#', guest: 'GN', until: 'GD', time: 'DT', options: 'KO' };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, id]) => {
      const value = filled(answer, id);
      return value === undefined ? [] : [[name, value]];
    }),
  );
};
