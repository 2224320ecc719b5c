// A line that this side brings about (a TCP client, a serial port, a printer): tries, and after every failure
// tries again after a pause that grows. What one try is, each kind says.
import { access } from 'node:fs/promises';
import { LASTS_MS, PLUG_LOOK_MS } from '../core/line/limits.ts';
import { pauseMs } from '../core/line/pause.ts';
import type { Line, LineHears } from '../core/line/ports.ts';
import { createWrites, isDown } from './line-writes.ts';
import type { Put, Writes } from './line-writes.ts';

/** Of one try: `up` at most once, then bytes, then `gone`. All of it later, nothing while it is made. */
export interface AttemptHears {
  up(peer: string): void;
  bytes(chunk: Buffer): void;
  gone(why: string): void;
}
/** One try to connect, and the connection that comes of it. */
export interface Attempt {
  readonly put: Put;
  /** Resolves when nothing of it is left, after `gone` too; never rejects. Twice does no harm. */
  close(): Promise<void>;
}
type MakeAttempt = (hears: AttemptHears) => Attempt;

interface Options {
  readonly hears: LineHears;
  readonly reconnect: { readonly firstSeconds: number; readonly maxSeconds: number };
  readonly random: () => number;
  /** See core/line/limits.ts. */
  readonly pieceBytes: number;
  /** Between tries: calls when a device that was away is back. Gives what stops it. */
  readonly watch?: (isBack: () => void) => () => void;
}

type At =
  | { readonly is: 'trying'; readonly attempt: Attempt }
  | { readonly is: 'up'; readonly attempt: Attempt; readonly writes: Writes }
  /** The old connection is being closed; a serial port opens only once. */
  | { readonly is: 'closing'; readonly done: Promise<void> }
  | { readonly is: 'waiting'; readonly stop: () => void }
  | { readonly is: 'closed'; readonly done: Promise<void> };

export function attemptedLine(make: MakeAttempt, options: Options): Line {
  const { hears, reconnect, random, pieceBytes, watch } = options;
  let at: At = { is: 'closing', done: Promise.resolve() };
  let failures = 0;
  let lasts: NodeJS.Timeout | undefined;

  const start = (): void => {
    const attempt: Attempt = make({
      up: (peer) => {
        if (at.is !== 'trying' || at.attempt !== attempt) return;
        const slow = (): void => end(attempt, 'takes nothing');
        at = { is: 'up', attempt, writes: createWrites(attempt.put, { pieceBytes, slow }) };
        lasts = setTimeout(() => (failures = 0), LASTS_MS);
        hears.up(peer);
      },
      bytes: (chunk) => {
        if (at.is === 'up' && at.attempt === attempt) hears.bytes(chunk);
      },
      gone: (why) => end(attempt, why),
    });
    at = { is: 'trying', attempt };
  };
  const end = (attempt: Attempt, why: string): void => {
    if ((at.is !== 'trying' && at.is !== 'up') || at.attempt !== attempt) return;
    const wasUp = at.is === 'up';
    if (at.is === 'up') at.writes.stop();
    clearTimeout(lasts);
    failures += 1;
    const done = attempt.close().then(wait);
    at = { is: 'closing', done };
    hears.down(why, wasUp);
  };
  const wait = (): void => {
    if (at.is !== 'closing') return;
    const go = (): void => {
      stop();
      start();
    };
    const timer = setTimeout(go, pauseMs({ failures, random: random(), ...reconnect }));
    const unwatch = watch?.(() => {
      // Its rights are perhaps not set yet: the next pause is the first again.
      failures = 0;
      go();
    });
    const stop = (): void => {
      clearTimeout(timer);
      unwatch?.();
    };
    at = { is: 'waiting', stop };
  };
  start();
  return {
    write: async (bytes) => {
      if (at.is !== 'up') throw isDown();
      return at.writes.write(bytes);
    },
    drop: (why) => {
      const now = at;
      // Not within the caller's own step: its `down` comes as any other.
      if (now.is === 'up') {
        now.writes.stop();
        queueMicrotask(() => end(now.attempt, why));
      }
    },
    close: async () => {
      if (at.is === 'closed') return at.done;
      const now = at;
      if (now.is === 'up') now.writes.stop();
      if (now.is === 'waiting') now.stop();
      clearTimeout(lasts);
      const done = closed(now);
      at = { is: 'closed', done };
      return done;
    },
  };
}

async function closed(at: At): Promise<void> {
  if (at.is === 'trying' || at.is === 'up') return at.attempt.close();
  return at.is === 'closing' ? at.done : undefined;
}

/** For a device by its path: looks whether it is back, if it is away. */
export function watchPath(path: string): (isBack: () => void) => () => void {
  return (isBack) => {
    let isStopped = false;
    let wasAway = false;
    let timer: NodeJS.Timeout | undefined;
    const look = async (): Promise<void> => {
      const isThere = await access(path).then(
        () => true,
        () => false,
      );
      if (isStopped || (isThere && !wasAway)) return;
      if (isThere) return isBack();
      wasAway = true;
      timer = setTimeout(() => void look(), PLUG_LOOK_MS);
    };
    void look();
    return () => {
      isStopped = true;
      clearTimeout(timer);
    };
  };
}
