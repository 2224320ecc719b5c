// The exchange's end of the line: it comes first, one way at a time, and notes what the PMS does against the rules.
import type { Clock } from '../../core/clock.ts';
import { SENDER_MS } from './limits.ts';
import { SAY, createEar } from './wire.ts';
import type { Token } from './wire.ts';

/**
 * `silent`: hears nothing; `nak-start`, `pause-start`, `interrupt-start`: cannot now; `nak-message`: not right;
 * `lose-ack`: takes a message and does not say so; `damage`: its own BCC is wrong.
 */
export type Fault =
  | 'silent'
  | 'nak-start'
  | 'pause-start'
  | 'interrupt-start'
  | 'nak-message'
  | 'lose-ack'
  | 'damage';

export interface Report {
  readonly frame: Buffer;
  readonly done: (isTaken: boolean) => void;
}

interface Needs {
  readonly write: (bytes: Uint8Array) => void;
  readonly clock: Clock;
  readonly later: (ms: number, work: () => void) => NodeJS.Timeout;
  readonly takeFault: (...of: readonly Fault[]) => Fault | undefined;
  readonly take: (body: Buffer) => void;
  readonly offence: (text: string) => void;
  readonly reports: Report[];
  /** Messages alone, without handshake. */
  readonly isAlone: boolean;
}

/** NDA: so often, then the message is given up. */
const BIDS_MAX = 16;
const QUERIES_MAX = 33;
const REJECTS_MAX = 4;
/** What the specification asks of the PMS. */
const BETWEEN_MS = 500;
const REPLIES = {
  'nak-start': SAY.nak,
  'pause-start': Buffer.from([0x10, 0x3f]),
  'interrupt-start': Buffer.from([0x10, 0x3c]),
} as const;

export function createNeaxLine(needs: Needs): {
  wake(): void;
  bytes(chunk: Buffer): void;
  closed(): void;
} {
  const { write, clock, later, takeFault, take, offence, reports, isAlone } = needs;
  const ear = createEar();
  let turn: 'nobody' | 'theirs' | 'ours' = 'nobody';
  let stage: 'bid' | 'message' = 'bid';
  let tries = { silent: 0, rejects: 0 };
  let answer: Buffer | undefined;
  let endedMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;

  const after = (ms: number, work: () => void): void => {
    clearTimeout(timer);
    timer = later(ms, () => {
      if (isOpen) work();
    });
  };
  const finish = (isTaken: boolean): void => {
    reports.shift()?.done(isTaken);
    tries = { silent: 0, rejects: 0 };
    rest();
  };
  const rest = (): void => {
    turn = 'nobody';
    write(SAY.end);
    endedMs = Number.NEGATIVE_INFINITY;
    after(BETWEEN_MS, begin);
  };
  const begin = (): void => {
    if (reports.length === 0 || turn !== 'nobody') return;
    if (isAlone) {
      write(reports[0]!.frame);
      reports.shift()?.done(true);
      return begin();
    }
    turn = 'ours';
    stage = 'bid';
    bid();
  };
  const bid = (): void => {
    tries.silent += 1;
    if (tries.silent > BIDS_MAX) return finish(false);
    write(SAY.start);
    after(SENDER_MS, bid);
  };
  const message = (): void => {
    const [one] = reports;
    if (one === undefined) return rest();
    stage = 'message';
    tries.silent = 0;
    const bytes = Buffer.from(one.frame);
    if (takeFault('damage')) bytes[bytes.length - 1]! ^= 0x11;
    write(bytes);
    after(SENDER_MS, query);
  };
  const query = (): void => {
    tries.silent += 1;
    if (tries.silent > QUERIES_MAX) return finish(false);
    write(SAY.query);
    after(SENDER_MS, query);
  };
  const answered = ({ on }: Token): void => {
    if (on === 'ack') return stage === 'bid' ? message() : finish(true);
    if (on !== 'nak') return;
    tries.rejects += 1;
    if (tries.rejects >= REJECTS_MAX) return finish(false);
    if (stage === 'message') message();
    else after(SENDER_MS, bid);
  };
  const started = (): void => {
    // Both at once: the PMS gives way, and hears no answer.
    if (turn === 'ours') return;
    if (clock.nowMs() - endedMs < BETWEEN_MS) offence('half a second between messages');
    const fault = takeFault('nak-start', 'pause-start', 'interrupt-start');
    if (fault !== undefined) return write(REPLIES[fault as keyof typeof REPLIES]);
    turn = 'theirs';
    answer = undefined;
    write(SAY.ack);
  };
  const messaged = (token: Token): void => {
    if (isAlone && token.on === 'message') return take(token.body);
    if (turn !== 'theirs') return offence('a message without a start sequence');
    if (token.on !== 'message' || takeFault('nak-message')) {
      answer = SAY.nak;
      return write(answer);
    }
    answer = SAY.ack;
    take(token.body);
    if (!takeFault('lose-ack')) write(answer);
  };
  const heard = (token: Token): void => {
    if (takeFault('silent')) return;
    if (token.on === 'start') return started();
    if (token.on === 'message' || token.on === 'bad') return messaged(token);
    if (turn === 'ours') return answered(token);
    if (token.on === 'query' && turn === 'theirs') return write(answer ?? SAY.nak);
    if (token.on !== 'end') return;
    turn = 'nobody';
    endedMs = clock.nowMs();
    begin();
  };
  return {
    wake: () => {
      // In a moment: what wakes it may be a message of the PMS that is not answered yet.
      if (turn === 'nobody') after(1, begin);
    },
    bytes: (chunk) => {
      for (const token of ear.hear(chunk)) heard(token);
    },
    closed: () => void (isOpen = false),
  };
}
