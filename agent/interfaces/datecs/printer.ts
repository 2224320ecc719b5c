// The line to one fiscal printer: finds its baud rate, and knows whether it answers. Decides nothing about receipts.
import type { ServiceHost } from '../../core/interface.ts';
import type { Line } from '../../core/line/ports.ts';
import { createChannel } from './channel.ts';
import type { Answer } from './channel.ts';
import { AUTO_BAUDS } from './config.ts';
import type { Settings } from './config.ts';
import {
  ABSENT_MS,
  ANSWER_MS_MAX,
  CLOSE_MS_MAX,
  LOOK_AGAIN_MS,
  PROBE_MS_MAX,
  PROBE_PAUSE_MS,
} from './limits.ts';
import { CMD, CONDITION_WORDS } from './wire.ts';
import type { Command } from './wire.ts';

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
  /** How long one is waited for that is not there. */
  readonly absentMs: number;
  /** How long a receipt under way may still take when the service stops. */
  readonly closeMs: number;
}
export const TIMES: Times = {
  answerMs: ANSWER_MS_MAX,
  probeMs: PROBE_MS_MAX,
  pauseMs: PROBE_PAUSE_MS,
  lookAgainMs: LOOK_AGAIN_MS,
  absentMs: ABSENT_MS,
  closeMs: CLOSE_MS_MAX,
};

interface Needs {
  readonly host: ServiceHost;
  /** The printer answers, after it did not. */
  readonly onUp: () => void;
  /** In words; called when they change. */
  readonly onProblems?: (problems: readonly string[]) => void;
  readonly times?: Times;
}

export function openPrinter(
  settings: Settings,
  { host, onUp, onProblems, times = TIMES }: Needs,
): Printer {
  let line: Line | undefined;
  /** While there is a connection. */
  let peer: string | undefined;
  let [isUp, isClosed, isProbing] = [false, false, false];
  let baudIndex = 0;
  let probeTimer: NodeJS.Timeout | undefined;
  let problems = '';
  const waiters = new Set<(isThere: boolean) => void>();
  const channel = createChannel({
    host,
    dialect: settings.dialect,
    // A write that fails takes the line down, and that ends what is under way.
    write: (bytes) => void line?.write(bytes).catch(() => undefined),
  });

  const wakeAll = (isThere: boolean): void => {
    for (const wake of waiters) wake(isThere);
  };
  const setDown = (why: string): void => {
    isUp = false;
    if (isClosed) return;
    host.talk(peer === undefined ? { at: 'down', why } : { at: 'joining', with: peer });
  };
  const heard = (answer: Answer): Answer => {
    if (!answer.ok) return answer;
    const words = answer.status.conditions.map((condition) => CONDITION_WORDS[condition]);
    if (words.join('\n') !== problems) onProblems?.(words);
    problems = words.join('\n');
    return answer;
  };
  /** Asks for the status until something comes; at "auto" each silence is the next baud rate's turn. */
  const probe = async (): Promise<void> => {
    if (isProbing || isClosed || peer === undefined || isUp) return;
    isProbing = true;
    const status = { cmd: CMD.status, data: '' };
    const options = isAuto(settings)
      ? { isAction: false, msMax: times.probeMs, silencesMax: 1 }
      : { isAction: false, msMax: times.answerMs };
    const answer = heard(await channel.send(status, options));
    isProbing = false;
    if (isClosed || peer === undefined) return;
    if (answer.ok) {
      isUp = true;
      host.talk({ at: 'up', with: peer });
      wakeAll(true);
      return onUp();
    }
    setDown('no answer');
    clearTimeout(probeTimer);
    if (isAuto(settings)) await turn();
    else probeTimer = setTimeout(() => void probe(), times.pauseMs);
  };
  const turn = async (): Promise<void> => {
    baudIndex = (baudIndex + 1) % AUTO_BAUDS.length;
    peer = undefined;
    await line?.close();
    if (isClosed) return;
    const again = (): void => void (line = open());
    // All rates were silent: it is off, and nobody needs its port opened every second.
    if (baudIndex === 0) probeTimer = setTimeout(again, times.pauseMs);
    else again();
  };
  const open = (): Line =>
    host.openLine(lineOf(settings, baudIndex), {
      up: (name) => {
        peer = name;
        channel.reset();
        host.talk({ at: 'joining', with: name });
        void probe();
      },
      bytes: (chunk) => channel.bytes(chunk),
      down: (why) => {
        peer = undefined;
        setDown(why);
        channel.reset();
      },
      note: (text) => host.trace('note', text),
    });
  line = open();

  return {
    ask: async (command, { isAction }) => {
      if (!isUp) return { ok: false, why: 'down' };
      const answer = heard(await channel.send(command, { isAction, msMax: times.answerMs }));
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
    whenUp: (msMax) => (isUp ? Promise.resolve(true) : waitIn(waiters, msMax)),
    close: async () => {
      isClosed = true;
      clearTimeout(probeTimer);
      channel.reset();
      wakeAll(false);
      peer = undefined;
      isUp = false;
      await line?.close();
    },
  };
}

function waitIn(waiters: Set<(isThere: boolean) => void>, msMax: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const wake = (isThere: boolean): void => {
    clearTimeout(timer);
    waiters.delete(wake);
    resolve(isThere);
  };
  const timer = setTimeout(wake, msMax, false);
  waiters.add(wake);
  return promise;
}

const isAuto = ({ line }: Settings): boolean => line.kind === 'serial' && line.baud === 'auto';

function lineOf({ line }: Settings, baudIndex: number): Parameters<ServiceHost['openLine']>[0] {
  if (line.kind === 'tcp-client') return line;
  const { baud } = line;
  return { ...line, baud: baud === 'auto' ? AUTO_BAUDS[baudIndex]! : baud };
}
