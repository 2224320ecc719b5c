// Records that wait for the agent: in order, one at a time, tried until the agent has answered.
import { codeOf } from '../../core/errors.ts';
import type { ServiceHost } from '../../core/interface.ts';
import { maskNumber } from '../../core/mask.ts';
import type { EventOf, LocalTime, Verdict } from '../../core/vocabulary.ts';
import type { CallSettings } from './config.ts';
import { createJudge } from './judge.ts';
import {
  AGAIN_MS_MAX,
  AGAIN_MS_MIN,
  AHEAD_MS_MAX,
  CLOSE_MS_MAX,
  HELD_MAX,
  TWINS_MAX,
} from './limits.ts';
import { localMs } from './time.ts';
import { keyOf, readRecord, shapeOf } from './wire.ts';

interface Held {
  readonly text: string;
  readonly connection: number;
  /** When it came: what the record leaves out of its date is judged by it. */
  readonly nowLocal: LocalTime;
  readonly twin: number;
}

export interface Store {
  /** False: there is no room for it. */
  add(text: string, connection: number): boolean;
  /** From full until half of it is gone. */
  isTooFull(): boolean;
  /** Gives what waits a moment; says what is lost then. */
  close(): Promise<void>;
}

interface Hears {
  /** The record has been dealt with, whatever it was. */
  stored(connection: number): void;
  /** It was full, and half of it is gone. */
  emptied(): void;
}

export function createStore(settings: CallSettings, host: ServiceHost, hears: Hears): Store {
  const judge = createJudge(settings);
  const { layout } = settings;
  const isCounted = layout.kind === 'columns' && layout.twins === 'count';
  const held: Held[] = [];
  const stop = new AbortController();
  const twins = createTwins();
  let isFull = false;
  let going = Promise.resolve();
  let isGoing = false;

  const tell = async (event: EventOf<'call.recorded'>): Promise<void> => {
    for (let againMs = AGAIN_MS_MIN; !stop.signal.aborted; againMs *= 2) {
      const verdict = await host
        .emit(event)
        .catch((error: unknown): Verdict => ({ ok: false, why: 'later', text: codeOf(error) }));
      if (verdict.ok) return host.count(verdict.isRepeat ? 'repeats' : 'calls');
      if (verdict.why !== 'later') {
        host.count('refused');
        return host.trace('note', `not taken: ${verdict.why}`);
      }
      host.trace('note', `waits for the agent: ${verdict.text ?? 'not now'}`);
      await pause(Math.min(againMs, AGAIN_MS_MAX), stop.signal);
    }
  };

  const deal = async ({ text, nowLocal, twin }: Held): Promise<void> => {
    const read = readRecord(layout, text, nowLocal);
    if (read.is === 'other') return host.count('filtered');
    if (read.is === 'wrong') {
      host.count('not understood');
      return host.trace('in', `not understood (${read.field}): ${shapeOf(text)}`);
    }
    const { call } = read;
    const judged = judge(call, keyOf(call.at, text, twin));
    const number = maskNumber(call.dialled ?? '');
    const told = `${call.extension} at ${call.at}, ${call.seconds ?? '?'} s, to ${number}`;
    if (judged.is === 'left-out') {
      host.count('left out');
      return host.trace('in', `left out (${judged.why}): ${told}`);
    }
    host.trace('in', `call of ${told}, price ${judged.event.price ?? 'none'}`);
    if (localMs(call.at) - localMs(nowLocal) > AHEAD_MS_MAX) {
      host.count('ahead of time');
      host.trace(
        'note',
        'the record is of the future: check the clock of the exchange, and day and month',
      );
    }
    if (judged.isPriceMissing) host.count('no price');
    host.count('read');
    await tell(judged.event);
  };

  const go = async (): Promise<void> => {
    for (let one = held[0]; one !== undefined && !stop.signal.aborted; one = held[0]) {
      await deal(one);
      if (stop.signal.aborted) return;
      // It may have come again meanwhile, on another connection.
      hears.stored(held.shift()?.connection ?? one.connection);
      if (isFull && held.length <= HELD_MAX / 2) {
        isFull = false;
        hears.emptied();
      }
    }
    isGoing = false;
  };

  return {
    add: (text, connection) => {
      const last = held.at(-1);
      // It has not been answered, and is sent again: it waits already.
      if (layout.kind === 'hobic' && last?.text === text) {
        held[held.length - 1] = { ...last, connection };
        return true;
      }
      if (held.length >= HELD_MAX) {
        if (!isFull)
          host.log.warning(`calls: ${HELD_MAX} records wait for the agent; no more are taken`);
        isFull = true;
        return false;
      }
      const twin = isCounted ? twins.of(text, connection) : 0;
      held.push({ text, connection, nowLocal: host.local(host.clock.wallMs()), twin });
      if (!isGoing) {
        isGoing = true;
        going = go();
      }
      return true;
    },
    isTooFull: () => isFull,
    close: async () => {
      const late = setTimeout(() => stop.abort(), CLOSE_MS_MAX);
      await going;
      clearTimeout(late);
      stop.abort();
      if (held.length === 0) return;
      host.count('lost', held.length);
      host.log.warning(`calls: ${held.length} records were not taken by the agent and are lost`);
    },
  };
}

/** How often a line came before within the same connection. */
function createTwins(): { of(text: string, connection: number): number } {
  const counts = new Map<string, number>();
  let current = 0;
  return {
    of: (text, connection) => {
      if (connection !== current) counts.clear();
      current = connection;
      const count = counts.get(text) ?? 0;
      counts.delete(text);
      counts.set(text, count + 1);
      const [oldest] = counts.keys();
      if (counts.size > TWINS_MAX && oldest !== undefined) counts.delete(oldest);
      return count;
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = (): void => resolve();
  signal.addEventListener('abort', stop, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', stop);
}
