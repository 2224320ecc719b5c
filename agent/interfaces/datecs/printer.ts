// The line to one fiscal printer: finds its baud rate, knows whether it answers, and carries one command at a time.
// Decides nothing about receipts.
import { LINE, LINE_TAKEN, NAK, SYN, isl, islFrame } from '../../core/frames/isl.ts';
import type { Piece } from '../../core/frames/ports.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { Line } from '../../core/line/ports.ts';
import { AUTO_BAUDS } from './config.ts';
import type { Settings } from './config.ts';
import { anySeq, fresh, next, nextSeq } from './exchange.ts';
import type { Exchange, Loss, Then } from './exchange.ts';
import {
  ANSWER_MS_MAX,
  CLOSE_MS_MAX,
  LOOK_AGAIN_MS,
  PROBE_MS_MAX,
  PROBE_PAUSE_MS,
} from './limits.ts';
import { CMD, bodyOf, condensed, nameOf, replyOf, variantOf } from './wire.ts';
import type { Command, Condensed, Reply } from './wire.ts';

type Answer =
  | { readonly ok: true; readonly reply: Reply; readonly status: Condensed }
  | { readonly ok: false; readonly why: Loss };

export interface Printer {
  /** One at a time: a second while one is under way is a fault of the caller. Never rejects. */
  ask(command: Command, options: { readonly isAction: boolean }): Promise<Answer>;
  readonly isUp: boolean;
  /** Resolves true when the printer answers, false after `msMax`. */
  whenUp(msMax: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Shorter in tests. */
export interface Times {
  readonly answerMs: number;
  readonly probeMs: number;
  readonly pauseMs: number;
  /** Between looks at a printer that somebody must put in order. */
  readonly lookAgainMs: number;
  /** How long a receipt under way may still take when the service stops. */
  readonly closeMs: number;
}
export const TIMES: Times = {
  answerMs: ANSWER_MS_MAX,
  probeMs: PROBE_MS_MAX,
  pauseMs: PROBE_PAUSE_MS,
  lookAgainMs: LOOK_AGAIN_MS,
  closeMs: CLOSE_MS_MAX,
};

interface Pending {
  readonly frame: Buffer;
  readonly seq: number;
  readonly cmd: number;
  exchange: Exchange;
  timer: NodeJS.Timeout | undefined;
  readonly resolve: (answer: Answer) => void;
}

/** `onUp`: the printer answers, after it did not. */
export function openPrinter(
  settings: Settings,
  {
    host,
    onUp,
    times = TIMES,
  }: { readonly host: ServiceHost; readonly onUp: () => void; readonly times?: Times },
): Printer {
  const { dialect } = settings;
  const framer = isl(variantOf(dialect));
  let line: Line | undefined;
  let peer: string | undefined;
  let isUp = false;
  let isClosed = false;
  let isProbing = false;
  let baudIndex = 0;
  let probeTimer: NodeJS.Timeout | undefined;
  let pending: Pending | undefined;
  // Any number but the last one of the process before: the printer would repeat that one's answer.
  let seq = anySeq(host.random());
  const waiters = new Set<(isThere: boolean) => void>();

  const settle = (answer: Answer): void => {
    const done = pending;
    pending = undefined;
    clearTimeout(done?.timer);
    done?.resolve(answer);
  };
  const write = (bytes: Uint8Array): void => {
    // A write that fails takes the line down, and `down` settles what is pending.
    line?.write(bytes).catch(() => undefined);
  };
  const arm = (msMax: number): void => {
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    pending.timer = setTimeout(() => hear(next(pending!.exchange, { heard: 'silence' })), msMax);
  };
  const hear = (then: Then): void => {
    if (pending === undefined) return;
    if (then.go === 'lose') {
      host.trace('note', `${nameOf(pending.cmd)}: no answer (${then.why})`);
      return settle({ ok: false, why: then.why });
    }
    pending.exchange = then.exchange;
    if (then.go === 'resend') {
      framer.reset();
      write(pending.frame);
    }
    arm(times.answerMs);
  };
  const piece = (one: Piece): void => {
    if (one.is === 'frame' && one.body[0] === LINE) {
      write(Buffer.of(LINE_TAKEN));
      return arm(times.answerMs);
    }
    if (pending === undefined) return;
    if (one.is === 'control' && one.byte === NAK)
      return hear(next(pending.exchange, { heard: 'nak' }));
    if (one.is === 'control' && one.byte === SYN)
      return hear(next(pending.exchange, { heard: 'busy', nowMs: host.clock.nowMs() }));
    if (one.is === 'bad') return hear(next(pending.exchange, { heard: 'broken' }));
    if (one.is !== 'frame') return;
    const reply = replyOf(one.body, dialect);
    // An answer that comes twice, or late, belongs to a command before.
    if (reply === undefined || reply.seq !== pending.seq || reply.cmd !== pending.cmd) return;
    const status = condensed(reply, dialect);
    host.trace('in', `${nameOf(reply.cmd)}: ${status.refused ?? 'done'}`);
    settle({ ok: true, reply, status });
  };
  const send = (
    command: Command,
    options: { isAction: boolean; msMax: number },
  ): Promise<Answer> => {
    if (pending !== undefined || peer === undefined)
      return Promise.resolve({ ok: false, why: 'down' });
    seq = nextSeq(seq);
    const frame = islFrame(bodyOf(command, seq, dialect), variantOf(dialect));
    // What is left of an answer before is not for this one.
    framer.reset();
    return new Promise((resolve) => {
      pending = {
        frame,
        seq,
        cmd: command.cmd,
        exchange: fresh(options.isAction),
        timer: undefined,
        resolve,
      };
      host.trace('out', nameOf(command.cmd));
      write(frame);
      arm(options.msMax);
    });
  };

  const setUp = (): void => {
    isUp = true;
    host.talk({ at: 'up', with: peer ?? '' });
    for (const wake of waiters) wake(true);
    waiters.clear();
    onUp();
  };
  const setDown = (why: string): void => {
    isUp = false;
    if (!isClosed)
      host.talk(peer === undefined ? { at: 'down', why } : { at: 'joining', with: peer });
  };
  /** Asks for the status until something comes; at "auto" each silence is the next baud rate's turn. */
  const probe = async (): Promise<void> => {
    if (isProbing || isClosed || peer === undefined || isUp) return;
    isProbing = true;
    const msMax = isAuto(settings) ? times.probeMs : times.answerMs;
    const answer = await send({ cmd: CMD.status, data: '' }, { isAction: false, msMax });
    isProbing = false;
    if (isClosed || peer === undefined) return;
    if (answer.ok) return setUp();
    setDown('no answer');
    if (isAuto(settings)) await turn();
    else again();
  };
  const again = (): void => {
    clearTimeout(probeTimer);
    if (!isClosed) probeTimer = setTimeout(() => void probe(), times.pauseMs);
  };
  const turn = async (): Promise<void> => {
    baudIndex = (baudIndex + 1) % AUTO_BAUDS.length;
    peer = undefined;
    await line?.close();
    if (!isClosed) line = open();
  };
  const open = (): Line =>
    host.openLine(lineOf(settings, baudIndex), {
      up: (name) => {
        peer = name;
        framer.reset();
        host.talk({ at: 'joining', with: name });
        void probe();
      },
      bytes: (chunk) => {
        for (const one of framer.push(chunk)) piece(one);
      },
      down: (why) => {
        peer = undefined;
        setDown(why);
        settle({ ok: false, why: 'down' });
      },
      note: (text) => host.trace('note', text),
    });
  line = open();

  return {
    ask: async (command, { isAction }) => {
      if (!isUp) return { ok: false, why: 'down' };
      const answer = await send(command, { isAction, msMax: times.answerMs });
      // Silence, or nothing but noise: it must be found again.
      if (!answer.ok && answer.why !== 'down' && isUp) {
        setDown(`no whole answer (${answer.why})`);
        void probe();
      }
      return answer;
    },
    get isUp() {
      return isUp;
    },
    whenUp: (msMax) => {
      if (isUp) return Promise.resolve(true);
      return new Promise((resolve) => {
        const wake = (isThere: boolean): void => {
          clearTimeout(timer);
          waiters.delete(wake);
          resolve(isThere);
        };
        const timer = setTimeout(wake, msMax, false);
        waiters.add(wake);
      });
    },
    close: async () => {
      isClosed = true;
      clearTimeout(probeTimer);
      settle({ ok: false, why: 'down' });
      for (const wake of waiters) wake(false);
      peer = undefined;
      isUp = false;
      await line?.close();
    },
  };
}

const isAuto = ({ line }: Settings): boolean => line.kind === 'serial' && line.baud === 'auto';

function lineOf({ line }: Settings, baudIndex: number): Parameters<ServiceHost['openLine']>[0] {
  if (line.kind === 'tcp-client') return line;
  const { baud } = line;
  return { ...line, baud: baud === 'auto' ? AUTO_BAUDS[baudIndex]! : baud };
}
