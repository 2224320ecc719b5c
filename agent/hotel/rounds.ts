// Goes round as long as something is due, one round at a time, and after a failure waits longer each time.
import { codeOf } from '../core/errors.ts';
import { nextDelayMs } from '../core/retry.ts';
import { POST_BACK_OFF_MS_MAX } from './limits.ts';
import type { Needs, Pms, Refusal, Reply } from './ports.ts';
import { words } from './posting.ts';

/** The round is gone again: Clock may say more then. */
export class Later extends Error {
  readonly code: string;
  constructor(refusal: Refusal) {
    super(words(refusal));
    this.code = words(refusal);
  }
}

/** What Clock said; throws Later when it refused. */
export function told<T>(reply: Reply<T>): T {
  if (reply.ok) return reply.value;
  throw new Later(reply);
}

type RoundsNeeds = Pick<Needs, 'pms' | 'random' | 'log'> & {
  readonly wait: (ms: number, signal: AbortSignal) => Promise<boolean>;
};
interface Round {
  /** For the log. */
  readonly name: string;
  /** False, or a rejection: again, later. */
  readonly round: (pms: Pms) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** What it returns says that something is due: now, and no longer when the back-off is over. Without Clock it rests. */
export function createRounds(needs: RoundsNeeds, { name, round, signal }: Round): () => void {
  const { log, wait } = needs;
  let isDue = false;
  let isAtIt = false;
  let nap = new AbortController();

  /** A trouble that stays is told once. */
  let trouble: string | undefined;
  const gone = async (pms: Pms): Promise<boolean> => {
    try {
      const isDone = await round(pms);
      trouble = undefined;
      return isDone;
    } catch (error) {
      const code = codeOf(error);
      if (!signal.aborted && trouble !== code) log.warning(`hotel: ${name}: ${code}`);
      trouble = code;
      return false;
    }
  };
  const run = async (): Promise<void> => {
    let failures = 0;
    while (isDue && !signal.aborted) {
      isDue = false;
      const pms = needs.pms();
      if (pms === undefined) return;
      if (await gone(pms)) {
        failures = 0;
        continue;
      }
      isDue = true;
      failures += 1;
      nap = new AbortController();
      const delayMs = nextDelayMs({
        ...{ failures, random: needs.random(), capMs: POST_BACK_OFF_MS_MAX },
      });
      await wait(delayMs, AbortSignal.any([signal, nap.signal]));
    }
  };
  return () => {
    isDue = true;
    nap.abort();
    if (isAtIt || signal.aborted) return;
    isAtIt = true;
    void run()
      .catch((error: unknown) => log.error(`hotel: ${name}: ${codeOf(error)}`))
      .finally(() => (isAtIt = false));
  };
}
