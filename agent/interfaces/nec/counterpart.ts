// The exchange: rooms' telephones and the line to the PMS, as strict as the specification. Ships for rehearsals;
// tests and the bench look into it and dial in it. Written apart from state.ts, so that one checks the other.
import type { Clock } from '../../core/clock.ts';
import type { Counterpart } from '../../core/interface.ts';
import type { Settings } from './config.ts';
import { createNeaxLine } from './counterpart-line.ts';
import type { Fault, Report } from './counterpart-line.ts';
import { codeOf, frame, messageOf } from './wire.ts';
import type { Message } from './wire.ts';

interface Telephone {
  isCheckedIn: boolean;
  isCutOff: boolean;
  isUndisturbed: boolean;
  isLampOn: boolean;
  /** "0700" */
  wakeup: string;
  language: string;
  name: string;
  /** Room and cleaning status: "03". */
  status: string;
}

export interface Neax extends Counterpart {
  readonly telephones: ReadonlyMap<string, Telephone>;
  /** "16-1 101", in order. */
  readonly taken: readonly string[];
  /** What the PMS did against the rules of the line. */
  readonly offences: readonly string[];
  /** Sends a message to the PMS. Resolves when it has taken it; false: it never did. */
  report(message: Message): Promise<boolean>;
  fault(fault: Fault, times?: number): void;
}

interface Options {
  /** Undefined: any extension exists. */
  readonly known?: readonly string[] | undefined;
}

const BLANK: Telephone = {
  ...{ isCheckedIn: false, isCutOff: true, isUndisturbed: false, isLampOn: false },
  ...{ wakeup: '', language: '0', name: '', status: '03' },
};
/** Characters of data behind the extension. */
const DATA_CHARS: Readonly<Record<string, number>> = {
  ...{ '16-1': 0, '16-2': 0, '16-A': 2, '16-B': 23, '13-1': 0, '13-2': 0 },
  ...{ '15-1': 3, '19-4': 5, '19-5': 5, '21-6': 15, '61-3': 2 },
};

export function createNeax(
  { handshake, line: { kind } }: Settings,
  { clock }: { readonly clock: Clock; readonly random: () => number },
  { known }: Options = {},
): Neax {
  const telephones = new Map<string, Telephone>();
  const taken: string[] = [];
  const offences: string[] = [];
  const faults: Fault[] = [];
  const reports: Report[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let wake = (): void => {};

  const later = (ms: number, work: () => void): NodeJS.Timeout => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
    return timer;
  };
  const takeFault = (...of: readonly Fault[]): Fault | undefined => {
    const [first] = faults;
    return first !== undefined && of.includes(first) ? faults.shift() : undefined;
  };
  const send = (bytes: Buffer, done: (isTaken: boolean) => void = () => {}): void => {
    reports.push({ frame: bytes, done });
    wake();
  };
  /** With the feature code 80 higher: it cannot be done. */
  const giveBack = (message: Message): void => {
    const feature = (Number.parseInt(message.feature, 16) + 0x80).toString(16).toUpperCase();
    send(frame({ ...message, feature }));
  };
  const take = (body: Buffer): void => {
    const parsed = messageOf(body);
    if (!parsed.ok) return void offences.push(parsed.why);
    const { message } = parsed;
    const one = telephones.get(message.extension) ?? { ...BLANK };
    const isKnown = known === undefined || known.includes(message.extension);
    if (!isKnown || !carryOut(one, message)) return giveBack(message);
    telephones.set(message.extension, one);
    taken.push(`${codeOf(message)} ${message.extension} ${message.data}`.trimEnd());
  };

  return {
    telephones,
    taken,
    offences,
    report: async (message) => {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      send(frame(message), resolve);
      return promise;
    },
    fault: (fault, times = 1) => void faults.push(...Array.from({ length: times }, () => fault)),
    close: () => {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
    connect: (write) => {
      const isAlone = handshake === 'none' && kind !== 'serial';
      const line = createNeaxLine({
        ...{ write, clock, later, takeFault, take, reports, isAlone },
        offence: (text) => void offences.push(text),
      });
      wake = () => line.wake();
      return line;
    },
  };
}

/** False: it cannot be done. */
function carryOut(one: Telephone, message: Message): boolean {
  const code = codeOf(message);
  const { data } = message;
  if (DATA_CHARS[code] !== data.length) return false;
  switch (code) {
    case '16-1':
    case '16-A':
    case '16-B':
      Object.assign(one, { isCheckedIn: true, isCutOff: false, status: '10' });
      if (code === '16-A') one.language = data.charAt(0);
      if (code === '16-B') {
        Object.assign(one, { language: data.charAt(6), name: data.slice(8).trimEnd() });
      }
      return code !== '16-A' || /^[0-7][1-4]$/.test(data);
    case '16-2':
      Object.assign(one, { ...BLANK, isLampOn: one.isLampOn, status: '00' });
      return true;
    case '13-1':
    case '13-2':
      one.isLampOn = code === '13-1';
      return true;
    case '15-1':
      one.isCutOff = data.startsWith('1') || data.startsWith('6');
      one.isUndisturbed = data.startsWith('5') || data.startsWith('6');
      return /^[0156] {2}$/.test(data);
    case '19-4':
      one.wakeup = data.slice(0, 4);
      return /^([01]\d|2[0-3])[0-5]\d4$/.test(data);
    case '19-5':
      one.wakeup = '';
      return /^ {4}4$/.test(data);
    case '21-6':
      one.name = data.trimEnd();
      return one.isCheckedIn;
    default:
      one.status = data;
      return /^(0[0-4]|1[0-3]|2[01])$/.test(data);
  }
}
