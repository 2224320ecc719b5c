// The lock server: rooms, encoders and cards, as strict as the real one. Ships for rehearsals; tests and the bench
// look into it (which card opens which room, when). Pure but for timers.
import type { Clock } from '../../core/clock.ts';
import type { Counterpart } from '../../core/interface.ts';
import type { Settings } from './config.ts';
import { OPERATOR_CHARS_MAX, ROOM_CHARS_MAX } from './limits.ts';
import { ACK, ENQ, NAK, authorisationsOf, dateOf, fieldsOf, frame, framer } from './wire.ts';
import type { Fields } from './wire.ts';

interface IssuedCard {
  readonly serial: number;
  readonly encoder: string;
  readonly isMobile: boolean;
  readonly rooms: readonly string[];
  readonly copy: number;
  readonly authorisations: readonly number[];
  readonly from: string;
  readonly to: string;
  readonly operator: string;
  /** Of each room when the card was made: a later original makes it void. */
  readonly generations: readonly number[];
}

/** What stands at an encoder, or is wrong with it. */
type At = 'blank' | 'nobody' | 'busy' | 'unplugged' | 'staff' | IssuedCard;

export interface LockServer extends Counterpart {
  readonly cards: readonly IssuedCard[];
  readonly requests: readonly Fields[];
  /** What happens at the encoder next, until something else is said; blank cards at first. */
  place(encoder: string, at: At): void;
  opens(card: IssuedCard, room: string, at: string): boolean;
  /** The next answers go wrong. */
  fault(fault: Fault, times?: number): void;
}
/** `ask-nak`, `frame-nak`: says no; `silent`: does it and says nothing; `hang-up`: does it and is gone; `damage`: wrong LRC. */
type Fault = 'ask-nak' | 'ask-silent' | 'frame-nak' | 'silent' | 'hang-up' | 'damage' | 'odd';

interface Options {
  /** Undefined: any room there is a name for. */
  readonly rooms?: readonly string[] | undefined;
  /** How long a person takes to place a card. */
  readonly placeMs?: number | undefined;
}

interface RoomState {
  generation: number;
  isCheckedIn: boolean;
  copies: number;
}

export function createLockServer(
  settings: Settings,
  needs: { readonly clock: Clock; readonly random: () => number },
  { rooms: known, placeMs = 0 }: Options = {},
): LockServer {
  const cards: IssuedCard[] = [];
  const requests: Fields[] = [];
  const places = new Map<string, At>();
  const rooms = new Map<string, RoomState>();
  const timers = new Set<NodeJS.Timeout>();
  const faults: Fault[] = [];
  const takeFault = (...of: readonly Fault[]): Fault | undefined => {
    const [first] = faults;
    return first !== undefined && of.includes(first) ? faults.shift() : undefined;
  };
  const roomOf = (name: string): RoomState | undefined => {
    if (known !== undefined && !known.includes(name)) return undefined;
    const room = rooms.get(name) ?? { generation: 0, isCheckedIn: false, copies: 0 };
    rooms.set(name, room);
    return room;
  };
  const encoders = new Set(settings.encoders.map(({ identifier }) => identifier));
  let serial = Math.floor(needs.random() * 1_000);

  const issue = (made: Made): Fields => {
    const states = made.rooms.map((name) => roomOf(name));
    if (states.includes(undefined)) return ['TD'];
    const all = states as RoomState[];
    if (!made.isNew && all.some((room) => !room.isCheckedIn)) return ['EA'];
    for (const room of all) {
      if (made.isNew) Object.assign(room, { isCheckedIn: true, copies: 0 });
      room.generation += made.isNew ? 1 : 0;
      room.copies += made.isNew ? 0 : 1;
    }
    serial += 1;
    const { isNew, command, returns, ...rest } = made;
    const copy = isNew ? 0 : Math.max(...all.map((room) => room.copies));
    const card = { ...rest, serial, copy, generations: all.map((room) => room.generation) };
    cards.push(card);
    if (!made.isMobile) places.set(made.encoder, card);
    return [command, made.encoder, ...(returns ? [serial.toString(16).padStart(8, '0')] : [])];
  };
  const answer = (fields: Fields): Fields => {
    requests.push(fields);
    const [command = ''] = fields;
    switch (command.replace(/\d$/, '')) {
      case 'CN':
      case 'CC':
      case 'CNM':
      case 'CCM': {
        const made = madeOf(fields);
        if (made === undefined) return ['ES'];
        if (made.isMobile) return issue(made);
        const wrong = encoderError(made.encoder);
        if (wrong !== undefined) return [wrong];
        const at = places.get(made.encoder) ?? 'blank';
        if (at === 'nobody') return ['ED'];
        return at === 'staff' ? ['EV'] : issue(made);
      }
      case 'CO': {
        const room = roomOf(fields[2] ?? '');
        if (fields.length !== 3 || fields[1] !== '0' || fields[2] === '') return ['ES'];
        if (room === undefined) return ['TD'];
        room.isCheckedIn = false;
        return ['CO', '0', fields[2]!];
      }
      case 'LT':
        return read(fields);
      case 'INFO':
        return fields.length === 1 ? ['INFO'] : ['ES'];
      default:
        return ['ES'];
    }
  };
  const encoderError = (encoder: string): string | undefined => {
    if (!encoders.has(encoder)) return 'NC';
    const at = places.get(encoder);
    return at === 'busy' ? 'OV' : at === 'unplugged' ? 'NC' : undefined;
  };
  const read = (fields: Fields): Fields => {
    const [, encoder = '', end = ''] = fields;
    if (!/^[ERT]$/.test(end)) return ['ES'];
    const wrong = encoderError(encoder);
    if (wrong !== undefined) return [wrong];
    const at = places.get(encoder) ?? 'blank';
    if (at === 'nobody') return ['ED'];
    if (typeof at === 'string') return ['LT', encoder, at === 'staff' ? 'LM' : 'LR'];
    const isValid = at.rooms.every((name, index) => isCurrent(at, name, index));
    const opened = Array.from({ length: 4 }, (_unused, index) => at.rooms[index] ?? '');
    const { copy, from, to, operator } = at;
    const status = isValid ? 'CI' : 'CO';
    return ['LT', encoder, ...opened, status, String(copy), '', from, to, operator];
  };
  const isCurrent = (card: IssuedCard, name: string, index: number): boolean => {
    const room = rooms.get(name);
    return room?.isCheckedIn === true && room.generation === card.generations[index];
  };

  return {
    cards,
    requests,
    place: (encoder, at) => void places.set(encoder, at),
    opens: (card, name, at) => {
      const index = card.rooms.indexOf(name);
      const [from, to] = [dateOf(card.from), dateOf(card.to)];
      if (index < 0 || from === undefined || to === undefined) return false;
      return isCurrent(card, name, index) && from <= at && at < to;
    },
    fault: (fault, times = 1) => void faults.push(...Array.from({ length: times }, () => fault)),
    close: () => {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
    connect: (send, end) =>
      conversation({
        send,
        end,
        takeFault,
        answer,
        later: (fields, work) => {
          const isAtEncoder = /^(CN|CC|LT)\d?$/.test(fields[0] ?? '');
          const timer = setTimeout(
            () => {
              timers.delete(timer);
              work();
            },
            isAtEncoder ? placeMs : 0,
          );
          timers.add(timer);
        },
      }),
  };
}

interface Made extends Omit<IssuedCard, 'serial' | 'copy' | 'generations'> {
  readonly command: string;
  readonly isNew: boolean;
  readonly returns: boolean;
}

/** Strict: undefined is a syntax error. */
function madeOf(fields: Fields): Made | undefined {
  const [command = '', first = ''] = fields;
  const isMobile = command.endsWith('M');
  const at = (index: number): string => fields[index - (isMobile ? 1 : 0)] ?? '';
  const cardEnd = isMobile ? 'R' : at(2);
  const rooms = [at(3), at(4), at(5), at(6)].filter((room) => room !== '');
  const [granted, from, to, operator] = [at(7), at(9), at(10), at(11)];
  const returned = isMobile ? '' : at(15);
  const authorisations = authorisationsOf(granted);
  const isRight =
    fields.length <= 16 &&
    first !== '' &&
    (!isMobile || /^\+\d{6,15}$/.test(first)) &&
    /^[ERT]$/.test(cardEnd) &&
    rooms.length > 0 &&
    rooms.every((room) => room.length <= ROOM_CHARS_MAX) &&
    authorisations.length === granted.length &&
    operator.length <= OPERATOR_CHARS_MAX &&
    /^[012]?$/.test(returned) &&
    (dateOf(from) ?? '') < (dateOf(to) ?? '');
  if (!isRight) return undefined;
  return {
    command,
    isNew: command.startsWith('CN'),
    returns: returned === '1' || returned === '2',
    encoder: first,
    ...{ isMobile, rooms, authorisations, from, to, operator },
  };
}

interface Hears {
  readonly send: (bytes: Uint8Array) => void;
  readonly end: () => void;
  readonly takeFault: (...of: readonly Fault[]) => Fault | undefined;
  readonly answer: (fields: Fields) => Fields;
  readonly later: (fields: Fields, work: () => void) => void;
}

/** One connection: a frame only after ENQ was answered, one at a time, with the right check. */
function conversation({ send, end, takeFault, answer, later }: Hears): {
  bytes(chunk: Buffer): void;
  closed(): void;
} {
  const pieces = framer();
  let at: 'idle' | 'ready' | 'working' | 'closed' = 'idle';
  const say = (byte: number): void => send(Buffer.of(byte));

  const asked = (): void => {
    const fault = takeFault('ask-nak', 'ask-silent');
    if (fault === 'ask-silent') return;
    if (at === 'working' || fault === 'ask-nak') return say(NAK);
    at = 'ready';
    say(ACK);
  };
  const framed = (body: Buffer): void => {
    const fields = fieldsOf(body);
    if (at !== 'ready' || fields === undefined || takeFault('frame-nak')) {
      if (at === 'ready') at = 'idle';
      return say(NAK);
    }
    at = 'working';
    say(ACK);
    later(fields, () => {
      const said = answer(fields);
      const fault = takeFault('silent', 'hang-up', 'damage', 'odd');
      if (at === 'closed') return;
      at = 'idle';
      if (fault === 'silent') return;
      if (fault === 'hang-up') return end();
      const bytes = frame(fault === 'odd' ? ['XX'] : said);
      if (fault === 'damage') bytes[bytes.length - 1]! ^= 0x55;
      send(bytes);
    });
  };
  return {
    bytes: (chunk) => {
      for (const piece of pieces.push(chunk)) {
        if (piece.is === 'control' && piece.byte === ENQ) asked();
        else if (piece.is === 'frame') framed(piece.body);
        else if (piece.is === 'bad') say(NAK);
      }
    },
    closed: () => void (at = 'closed'),
  };
}
