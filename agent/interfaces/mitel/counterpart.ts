// The exchange: a table of extensions, as strict as the handbook. Ships for rehearsals; tests and the bench look
// into the table and dial in it. Pure but for timers.
import type { Clock } from '../../core/clock.ts';
import type { Counterpart } from '../../core/interface.ts';
import type { Settings } from './config.ts';
import { AGAIN_MS, NAME_CHARS_MAX, REPLY_MS_MAX, ROOM_CHARS, TRIES_MAX } from './limits.ts';
import { ACK, ENQ, NAK, frame, framer, messageOf } from './wire.ts';
import type { Message } from './wire.ts';

interface Extension {
  isCheckedIn: boolean;
  isLampOn: boolean;
  isUndisturbed: boolean;
  roomCode: string;
  name: string;
}
/** `silent`: hears nothing; `nak-ask`, `nak-frame`: says no; `lose-ack`: takes a frame and does not say so. */
type Fault = 'silent' | 'nak-ask' | 'nak-frame' | 'lose-ack';

export interface Sx200 extends Counterpart {
  readonly extensions: ReadonlyMap<string, Extension>;
  /** Bodies taken, in order. */
  readonly taken: readonly string[];
  /** Somebody dials a code at an extension. Resolves when the PMS has taken it; false: it never did. */
  dial(message: Message): Promise<boolean>;
  fault(fault: Fault, times?: number): void;
}

interface Options {
  /** Undefined: any extension exists. */
  readonly known?: readonly string[] | undefined;
}
interface Report {
  readonly frame: Buffer;
  readonly done: (taken: boolean) => void;
  tries: number;
}

export function createSx200(
  { enquiry }: Settings,
  { random }: { readonly clock: Clock; readonly random: () => number },
  { known }: Options = {},
): Sx200 {
  const extensions = new Map<string, Extension>();
  const taken: string[] = [];
  const faults: Fault[] = [];
  const reports: Report[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let wake = (): void => {};
  /** A name record is due, for this extension. */
  let named: string | undefined;

  const isFault = (...of: readonly Fault[]): boolean => {
    const [first] = faults;
    if (first === undefined || !of.includes(first)) return false;
    faults.shift();
    return true;
  };
  const at = (extension: string): Extension | undefined => {
    if (known !== undefined && !known.includes(extension)) return undefined;
    const blank = { isCheckedIn: false, isLampOn: false, isUndisturbed: false };
    const one = extensions.get(extension) ?? { ...blank, roomCode: '', name: '' };
    extensions.set(extension, one);
    return one;
  };
  const nameOf = (body: string): boolean => {
    const one = named === undefined ? undefined : at(named);
    const isFor = named !== undefined && body.slice(0, ROOM_CHARS).trimEnd() === named;
    named = undefined;
    if (one === undefined || !isFor || body.length > ROOM_CHARS + NAME_CHARS_MAX) return false;
    one.name = body.slice(ROOM_CHARS).trimEnd();
    return true;
  };
  /** Capitals, ten characters, blanks before the room: what the handbook says. */
  const take = (body: string): boolean => {
    if (named !== undefined) return nameOf(body);
    const message = messageOf(Buffer.from(body, 'latin1'));
    if (message === undefined || body !== frame(message).subarray(1, -1).toString('latin1'))
      return false;
    const one = at(message.extension);
    const { status } = message;
    const isOn = status === '1';
    if (one === undefined || !/^\d$/.test(status)) return false;
    if (message.function !== 'RM' && !/^[01]$/.test(status)) return false;
    switch (message.function) {
      case 'CHK':
        Object.assign(one, { isCheckedIn: isOn, ...(isOn ? {} : { isLampOn: false, name: '' }) });
        return true;
      case 'MW':
        one.isLampOn = isOn;
        return true;
      case 'DND':
        one.isUndisturbed = isOn;
        return true;
      case 'RM':
        one.roomCode = status;
        return true;
      case 'NAM':
        named = message.extension;
        return true;
      case 'WAK':
        return false;
    }
  };

  return {
    extensions,
    taken,
    dial: async (message) => {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      reports.push({ frame: frame(message), done: resolve, tries: 0 });
      wake();
      return promise;
    },
    fault: (fault, times = 1) => void faults.push(...Array.from({ length: times }, () => fault)),
    close: () => {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
    connect: (send) => {
      const line = createLine({ send, isFault, take, taken, reports, enquiry, timers, random });
      wake = () => line.wake();
      return line;
    },
  };
}

interface LineNeeds {
  readonly send: (bytes: Uint8Array) => void;
  readonly isFault: (...of: readonly Fault[]) => boolean;
  readonly take: (body: string) => boolean;
  readonly taken: string[];
  readonly reports: Report[];
  readonly enquiry: boolean;
  readonly timers: Set<NodeJS.Timeout>;
  readonly random: () => number;
}

/** One connection. The exchange speaks when nobody else does, and does not give way to the PMS. */
function createLine(needs: LineNeeds): {
  wake(): void;
  bytes(chunk: Buffer): void;
  closed(): void;
} {
  const { send, isFault, take, taken, reports, enquiry, timers, random } = needs;
  const pieces = framer();
  let heard: 'nothing' | 'ask' = 'nothing';
  let ours: 'idle' | 'asked' | 'sent' = 'idle';
  let timer: NodeJS.Timeout | undefined;
  const say = (byte: number): void => send(Buffer.of(byte));
  const later = (ms: number, work: () => void): void => {
    if (timer !== undefined) {
      clearTimeout(timer);
      timers.delete(timer);
    }
    timer = setTimeout(work, ms);
    timers.add(timer);
  };
  const report = (): void => {
    const [one] = reports;
    if (one === undefined) return;
    one.tries += 1;
    if (one.tries > TRIES_MAX) {
      reports.shift();
      one.done(false);
      ours = 'idle';
      return report();
    }
    ours = enquiry ? 'asked' : 'sent';
    if (enquiry) say(ENQ);
    else send(one.frame);
    // Not the same as the PMS waits: two that asked at once would do so for ever.
    later(REPLY_MS_MAX / 2 + random() * AGAIN_MS, report);
  };
  const answered = (byte: number): void => {
    const [one] = reports;
    if (one === undefined) return;
    if (byte === NAK) return later(AGAIN_MS, report);
    if (ours === 'asked') {
      ours = 'sent';
      send(one.frame);
      return later(REPLY_MS_MAX, report);
    }
    if (ours !== 'sent') return;
    reports.shift();
    ours = 'idle';
    one.done(true);
    report();
  };
  const framed = (body: string): void => {
    if (enquiry && heard !== 'ask') return say(NAK);
    heard = 'nothing';
    if (isFault('nak-frame') || !take(body)) return say(NAK);
    taken.push(body);
    if (!isFault('lose-ack')) say(ACK);
  };
  return {
    wake: () => {
      if (ours === 'idle') report();
    },
    bytes: (chunk) => {
      for (const piece of pieces.push(chunk)) {
        if (isFault('silent')) continue;
        if (piece.is === 'frame') framed(piece.body.toString('latin1'));
        else if (piece.is === 'bad') say(NAK);
        else if (piece.is === 'control' && piece.byte !== ENQ) answered(piece.byte);
        else if (piece.is === 'control') {
          const isNo = isFault('nak-ask');
          heard = isNo ? 'nothing' : 'ask';
          say(isNo ? NAK : ACK);
        }
      }
    },
    closed: () => {
      ours = 'idle';
      if (timer !== undefined) clearTimeout(timer);
    },
  };
}
