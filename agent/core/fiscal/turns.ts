// One thing after the other on a fiscal printer, and pauses that end when its service stops.

export interface Turns {
  /** After all that was given before, however it ended. */
  readonly inTurn: <T>(run: () => Promise<T>) => Promise<T>;
  /** Those that wait and the one under way. */
  readonly waiting: () => number;
  /** Resolves when what was given so far has ended. */
  readonly idle: () => Promise<unknown>;
}

export function createTurns(): Turns {
  let lane: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return {
    inTurn: (run) => {
      waiting += 1;
      const mine = lane.then(run).finally(() => (waiting -= 1));
      lane = mine.catch(() => undefined);
      return mine;
    },
    waiting: () => waiting,
    idle: () => lane,
  };
}

/** Ends early when the signal says so. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const wake = (): void => resolve();
  signal.addEventListener('abort', wake);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', wake);
}
