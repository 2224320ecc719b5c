// Parts of the simulated vendor: its notebook, the questions whose answers it waits for, its key encoders. Pure.
import { JOURNAL_LINES_MAX, VENDOR_ANSWER_MS_MAX } from './limits.ts';
import { filled } from './wire.ts';
import type { Field, FiasRecord } from './wire.ts';

export interface Book {
  readonly violations: string[];
  readonly journal: string[];
  readonly heard: FiasRecord[];
  write(line: string): void;
  violation(text: string): void;
  hear(record: FiasRecord): void;
}

export function createBook(): Book {
  const violations: string[] = [];
  const journal: string[] = [];
  const heard: FiasRecord[] = [];
  const keep = <T>(list: T[], one: T): void => {
    list.push(one);
    if (list.length > JOURNAL_LINES_MAX) list.shift();
  };
  return {
    ...{ violations, journal, heard },
    write: (line) => keep(journal, line),
    violation: (text) => {
      keep(violations, text);
      keep(journal, `! ${text}`);
    },
    hear: (record) => keep(heard, record),
  };
}

export interface Timers {
  later(delayMs: number, run: () => void): () => void;
  close(): void;
}

export function createTimers(): Timers {
  const timers = new Set<NodeJS.Timeout>();
  return {
    later: (delayMs, run) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        run();
      }, delayMs);
      timers.add(timer);
      return () => {
        clearTimeout(timer);
        timers.delete(timer);
      };
    },
    close: () => {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

export interface Questions {
  /** `send` false: the link is not up. */
  ask(question: {
    readonly number: string | undefined;
    readonly answer: string;
    readonly send: () => boolean;
  }): Promise<FiasRecord>;
  /** An answer, or not one: PA and PL always are. */
  heard(record: FiasRecord): void;
  /** The connection is gone, and no answer comes any more. */
  drop(): void;
}

interface Waiting {
  readonly id: string;
  readonly number: string | undefined;
  readonly settle: (record: FiasRecord) => void;
  readonly fail: (error: Error) => void;
}

export function createQuestions(book: Book, timers: Timers): Questions {
  const waiting: Waiting[] = [];
  const answers = (record: FiasRecord) => (one: Waiting) =>
    (one.id === record.id || (one.id === 'PA' && record.id === 'PL')) &&
    (one.number === undefined || one.number === filled(record, 'P#'));
  return {
    ask: async ({ number, answer, send }) => {
      const { promise, resolve, reject } = Promise.withResolvers<FiasRecord>();
      const one = { id: answer, number, settle: resolve, fail: reject };
      waiting.push(one);
      const cancel = timers.later(VENDOR_ANSWER_MS_MAX, () => {
        if (waiting.includes(one)) waiting.splice(waiting.indexOf(one), 1);
        reject(new Error(`No ${answer} came`));
      });
      if (!send()) reject(new Error('The link is not up'));
      return promise.finally(cancel);
    },
    heard: (record) => {
      const index = waiting.findIndex(answers(record));
      if (index !== -1) waiting.splice(index, 1)[0]!.settle(record);
      else if (record.id === 'PA' || record.id === 'PL')
        book.violation(`${record.id} that nobody asked for`);
    },
    drop: () => {
      for (const one of waiting.splice(0)) one.fail(new Error('The connection broke off'));
    },
  };
}

export interface Encoders {
  /** KR, KD, KM or KZ. */
  asked(request: FiasRecord, answer: (id: string, fields: readonly Field[]) => void): void;
  reset(): void;
}

export function createEncoders(
  book: Book,
  timers: Timers,
  how: {
    readonly keyMs: number;
    readonly makesKey: (request: FiasRecord) => readonly Field[] | undefined;
  },
): Encoders {
  const atWork = new Set<string>();
  return {
    asked: (request, answer) => {
      const encoder = filled(request, 'KC') ?? '';
      if (atWork.has(encoder)) book.violation(`${request.id} while encoder ${encoder} is at work`);
      const made = how.makesKey(request);
      if (made === undefined) return;
      atWork.add(encoder);
      timers.later(how.keyMs, () => {
        atWork.delete(encoder);
        const echo = (['WS', 'KC', 'G#'] as const).flatMap((id) => {
          const value = filled(request, id);
          return value === undefined ? [] : ([[id, value]] as const);
        });
        answer(request.id === 'KZ' ? 'KZ' : 'KA', [...echo, ...made]);
      });
    },
    reset: () => atWork.clear(),
  };
}
