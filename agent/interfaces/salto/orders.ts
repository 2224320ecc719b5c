// What an order asks of the lock server, and what its answer means to the hotel. Pure.
import { toAscii } from '../../core/ascii.ts';
import { maskNumber } from '../../core/mask.ts';
import type { Order, OrderOf, OrderOutcome } from '../../core/vocabulary.ts';
import type { Settings } from './config.ts';
import { AUTHORISATION_MAX, OPERATOR_CHARS_MAX, ROOMS_MAX, ROOM_CHARS_MAX } from './limits.ts';
import type { End } from './state.ts';
import {
  authorisationChar,
  cardFields,
  cardOf,
  checkOutFields,
  dateField,
  mobileFields,
  readFields,
} from './wire.ts';
import type { CardRequest, Fields } from './wire.ts';

export interface Asked {
  readonly fields: Fields;
  /** Names the encoder or room, for texts. */
  readonly what: string;
}
type Refusal = Extract<OrderOutcome, { ok: false }>;
type Asking =
  | { readonly ok: true; readonly requests: readonly Asked[] }
  | { readonly ok: false; readonly outcome: Refusal };

const wrong = (text: string): { ok: false; outcome: Refusal } => ({
  ok: false,
  outcome: { ok: false, why: 'wrong', text },
});

export function requestsOf(order: Order, settings: Settings): Asking {
  if (order.kind === 'key.encode') return encode(order, settings);
  if (order.kind === 'key.cancel') return cancel(order);
  if (order.kind !== 'key.read') {
    const text = 'Lock systems take key orders only';
    return { ok: false, outcome: { ok: false, why: 'unsupported', text } };
  }
  const encoder = encoderOf(order.encoder, settings);
  if (encoder === undefined) return noEncoder(order.encoder);
  return { ok: true, requests: [{ fields: readFields(encoder), what: `encoder ${encoder}` }] };
}

/** By its identifier, or by the name that staff know. */
const encoderOf = (wanted: string, { encoders }: Settings): string | undefined =>
  encoders.find(({ identifier }) => identifier === wanted)?.identifier ??
  encoders.find(({ name }) => name === wanted)?.identifier;

const noEncoder = (wanted: string): { ok: false; outcome: Refusal } =>
  wrong(`No encoder "${wanted}" in this service's settings`);

type Rooms = Pick<OrderOf<'key.encode'>, 'room' | 'moreRooms' | 'doorCodes'>;
/** Door codes stand for the room where there are any; the suite's other rooms follow. */
function roomsOf({ room, moreRooms, doorCodes }: Rooms): readonly string[] {
  const own = doorCodes.length > 0 ? doorCodes : [room];
  return [...new Set([...own, ...moreRooms].filter((one) => one.trim() !== ''))];
}
/** What is left out on the line could make another room's name of it: rather no key than that one. */
function roomProblem(rooms: readonly string[]): string | undefined {
  if (rooms.length === 0) return 'The order names no room';
  const long = rooms.find((room) => room.length > ROOM_CHARS_MAX);
  if (long !== undefined) return `Room name longer than ${ROOM_CHARS_MAX}: "${long}"`;
  const foreign = rooms.find(
    (room) => /[\u00b3\p{Cc}]/u.test(room) || toAscii(room.replaceAll('?', '')).includes('?'),
  );
  if (foreign === undefined) return undefined;
  return `The lock system cannot write the room name "${foreign}": give it a door code in Clock`;
}

function encode(order: OrderOf<'key.encode'>, settings: Settings): Asking {
  const isMobile = order.encoder === settings.mobileKeysEncoder;
  const encoder = encoderOf(order.encoder, settings);
  if (encoder === undefined && !isMobile) return noEncoder(order.encoder);
  const rooms = roomsOf(order);
  const problem = roomProblem(rooms);
  if (problem !== undefined) return wrong(problem);
  if (rooms.length > ROOMS_MAX) {
    return wrong(`A card opens at most ${ROOMS_MAX} rooms; the order names ${rooms.length}`);
  }
  if (order.from >= order.to) return wrong('The key would end before it begins');
  const granted = grantedOf(order.commonDoors, settings);
  if (!granted.ok) return granted;
  const request: CardRequest = {
    is: order.card === 'original' ? 'new' : 'copy',
    rooms,
    granted: granted.chars,
    from: dateField(order.from, settings.dates, 'from'),
    to: dateField(order.to, settings.dates, 'to'),
    operator: (order.operator ?? settings.operator ?? '').slice(0, OPERATOR_CHARS_MAX),
  };
  if (isMobile) return mobile(order, request);
  const { cardEnd, serialNumber } = settings;
  const fields = cardFields({ ...request, encoder: encoder ?? '', cardEnd, serialNumber });
  return { ok: true, requests: [{ fields, what: `encoder ${encoder}` }] };
}

function mobile(order: OrderOf<'key.encode'>, request: CardRequest): Asking {
  const phone = (order.mobile?.phone ?? '').replaceAll(/[\s()./-]/g, '');
  if (!/^\+[1-9]\d{5,14}$/.test(phone)) {
    return wrong("A mobile key needs the guest's telephone number with + and country code");
  }
  const fields = mobileFields({ ...request, phone });
  return { ok: true, requests: [{ fields, what: `telephone ${maskNumber(phone)}` }] };
}

type Granted = { readonly ok: true; readonly chars: string } | ReturnType<typeof wrong>;
/** A door that is a number from 1 to 62 is that authorisation, where the settings do not say otherwise. */
function grantedOf(doors: readonly string[], { commonDoors }: Settings): Granted {
  const numbers = new Set<number>();
  for (const door of doors) {
    const named = commonDoors.find((one) => one.door === door.trim())?.authorisation;
    const number = named ?? (/^\d{1,2}$/.test(door.trim()) ? Number(door) : 0);
    if (number < 1 || number > AUTHORISATION_MAX) {
      return wrong(`No authorisation for the common door "${door}" in this service's settings`);
    }
    numbers.add(number);
  }
  const sorted = [...numbers].sort((a, b) => a - b);
  return { ok: true, chars: sorted.map(authorisationChar).join('') };
}

/** The lock system ends all keys of a room at once; a request per room. */
function cancel(order: OrderOf<'key.cancel'>): Asking {
  const rooms = roomsOf(order);
  const problem = roomProblem(rooms);
  if (problem !== undefined) return wrong(problem);
  const requests = rooms.map((room) => ({ fields: checkOutFields(room), what: `room ${room}` }));
  return { ok: true, requests };
}

/** Of the server's error codes: what happened, and what to do. */
const ERRORS: Readonly<Record<string, { readonly why: Refusal['why']; readonly text: string }>> = {
  ES: { why: 'refused', text: 'It does not understand the request: compare version and dates' },
  NC: { why: 'offline', text: 'The encoder is not connected: check its cable and power' },
  NF: { why: 'refused', text: 'Its database cannot be reached: see to the lock server' },
  OV: { why: 'busy', text: 'The encoder is busy: try again in a moment' },
  EP: { why: 'refused', text: 'The card cannot be used: take another one' },
  EF: { why: 'refused', text: 'The card has another format: take another one' },
  TD: { why: 'refused', text: 'It has no such room: compare the door codes in Clock' },
  ED: { why: 'refused', text: 'No card was placed in time: try again' },
  EA: { why: 'refused', text: 'The room is checked out there: make an original key first' },
  OS: { why: 'refused', text: 'The encoder is out of service' },
  EO: { why: 'refused', text: 'The card was made at another station' },
  EV: { why: 'refused', text: 'This is the card of a member of staff: take another one' },
  EG: { why: 'refused', text: 'It reports an error' },
};

/** `command` as it was asked; a digit behind it counts cards. */
const isAnswerTo = (command: string, said: string): boolean =>
  said === command || (said.startsWith(command) && /^\d$/.test(said.slice(command.length)));

export function outcomeOf(order: Order, { fields, what }: Asked, end: End): OrderOutcome {
  if (end.came === 'nothing') return { ok: false, why: end.why, text: `${end.text} (${what})` };
  if (end.came === 'silence') {
    // Reading changes nothing: whoever wants to know asks again.
    if (order.kind === 'key.read') return { ok: false, why: 'offline', text: end.text };
    const ask = order.kind === 'key.encode' ? 'see whether the card opens' : 'ask the lock system';
    return { ok: false, why: 'unknown', text: `${end.text} (${what}): ${ask}` };
  }
  const said = (end.fields[0] ?? '').trim();
  if (isAnswerTo(fields[0] ?? '', said)) return { ok: true, body: bodyOf(order, end.fields) };
  const error = ERRORS[said];
  if (error === undefined) {
    const text = `The lock server answered with a code that is not known (${what})`;
    return { ok: false, why: 'unknown', text };
  }
  const more = said === 'EG' ? `: ${end.fields.slice(1).join(' ').trim().slice(0, 200)}` : '';
  return {
    ok: false,
    why: error.why,
    text: `Lock server, ${what}: ${error.text}${more} (${said})`,
  };
}

function bodyOf(order: Order, fields: Fields): Record<string, unknown> | undefined {
  if (order.kind === 'key.read') return { ...cardOf(fields) };
  if (order.kind !== 'key.encode') return undefined;
  const serials = fields.slice(2).filter((field) => field.trim() !== '');
  return serials.length === 0 ? undefined : { serials };
}

/** For the trace: the telephone number masked. */
export const told = (fields: Fields): string =>
  fields
    .map((field, index) =>
      index === 1 && /^C[NC]M/.test(fields[0] ?? '') ? maskNumber(field) : field,
    )
    .join('|');
