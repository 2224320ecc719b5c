// Listens to an account's message channels by long poll, each from where it left off. An event is a reason
// to look, no more: what there is to do is read from the API. Channel addresses are secrets: never logged.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Records } from '../core/records.ts';
import { nextDelayMs } from '../core/retry.ts';
import {
  CURSOR_MS_MIN,
  EVENT_BYTES_MAX,
  HANDLE_MS_MAX,
  POLL_BACK_OFF_MS_MAX,
  POLL_MS_MAX,
  POLL_MS_MIN,
  POLL_PAUSE_MS_MAX,
} from './limits.ts';
import type { Ban, Consumer, Http, HttpReply, Wake } from './ports.ts';
import {
  cursorFrom,
  eventId,
  missingRight,
  parseCursor,
  refusalText,
  renderCursor,
} from './wire.ts';
import type { Channel, Cursor } from './wire.ts';

export interface ChannelNeeds {
  readonly http: Http;
  readonly records: Records;
  readonly ban: Ban;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** `pms-7001`: names the cursors and the log's lines. */
  readonly account: string;
  /** The address is no channel any more: time to ask for the root again. */
  readonly onLost: () => void;
}

/** Listens until `signal` aborts. Never rejects. `channel` is asked for before each poll: it may move. */
export async function listen(
  consumer: Consumer,
  channel: () => Channel | undefined,
  { signal, ...needs }: ChannelNeeds & { readonly signal: AbortSignal },
): Promise<void> {
  const { http, records, ban, clock, random, log, account } = needs;
  const key = `pms/cursor/${account}/${consumer.event}`;
  let cursor = parseCursor(records.get(key));
  let failures = 0;
  let isLookDue = true;
  const pause = async (ms: number): Promise<void> => {
    await sleep(ms, undefined, { signal }).catch(() => {});
  };
  const wake = async (why: Wake): Promise<boolean> => {
    const within = AbortSignal.any([signal, AbortSignal.timeout(HANDLE_MS_MAX)]);
    try {
      await Promise.race([consumer.wake(why, within), aborted(within)]);
      return true;
    } catch (error) {
      if (!signal.aborted) log.warning(`pms ${account}: ${consumer.event}: ${codeOf(error)}`);
      return false;
    }
  };
  /** A place is kept after what it tells was handled: after a power cut it is told again. */
  let keptMs = Number.NEGATIVE_INFINITY;
  let isKept = true;
  const keep = async (): Promise<void> => {
    if (isKept || cursor === undefined || clock.nowMs() - keptMs < CURSOR_MS_MIN) return;
    [isKept, keptMs] = [true, clock.nowMs()];
    await records
      .change({ put: [{ key, value: renderCursor(cursor) }] })
      .catch((error: unknown) => {
        log.warning(`pms ${account}: ${consumer.event}: cursor not kept: ${codeOf(error)}`);
      });
  };
  const failed = async (why: string): Promise<void> => {
    failures += 1;
    // Messages may have been dropped meanwhile; said once, not at every try.
    isLookDue = true;
    if (failures === 1 && !signal.aborted) {
      log.warning(`pms ${account}: ${consumer.event} is not listened to: ${why}`);
    }
    await pause(nextDelayMs({ failures, random: random(), capMs: POLL_BACK_OFF_MS_MAX }));
  };

  const step = async (): Promise<void> => {
    const leftMs = ban.leftMs();
    if (leftMs > 0) return pause(leftMs);
    if (isLookDue) {
      if (!(await wake({ by: 'start' }))) return failed('not handled');
      isLookDue = false;
    }
    const at = channel();
    if (at === undefined) return failed('no channel');
    const sinceMs = clock.nowMs();
    const heard = hear(await poll(http, at, cursor, signal));
    if (signal.aborted) return undefined;
    if (heard.is === 'banned') return ban.begin();
    if (heard.is === 'failed') {
      if (heard.isGone) needs.onLost();
      return failed(heard.why);
    }
    if (heard.is === 'event') {
      if (!(await wake({ by: 'event', id: heard.id }))) return failed('not handled');
      // Unpaired meanwhile: its cursors are gone and stay so.
      if (signal.aborted) return undefined;
      // Without a place the same message would come again and again.
      if (heard.cursor === undefined) return failed('a message without a place');
      [cursor, isKept] = [heard.cursor, false];
    } else if (clock.nowMs() - sinceMs < POLL_MS_MIN) {
      return failed('answers at once');
    }
    await keep();
    // Without a place a message between two polls may be missed, until the first one gives a place.
    isLookDue = cursor === undefined;
    if (failures > 0) log.info(`pms ${account}: ${consumer.event} is listened to again`);
    failures = 0;
    return pause(random() * POLL_PAUSE_MS_MAX);
  };
  while (!signal.aborted) await step();
}

async function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(Object.assign(new Error('too late'), { code: 'TIMEOUT' }));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

const poll = async (
  http: Http,
  { host, port, target }: Channel,
  cursor: Cursor | undefined,
  signal: AbortSignal,
): Promise<HttpReply> =>
  http({
    ...{ host, port, method: 'GET', target, signal, msMax: POLL_MS_MAX },
    headers:
      cursor === undefined
        ? {}
        : { 'If-Modified-Since': cursor.modified, 'If-None-Match': cursor.tag },
    bytesMax: EVENT_BYTES_MAX,
  });

type Heard =
  | { readonly is: 'event'; readonly id: number | undefined; readonly cursor: Cursor | undefined }
  | { readonly is: 'nothing' }
  | { readonly is: 'banned' }
  | { readonly is: 'failed'; readonly why: string; readonly isGone: boolean };

/** Nothing new is 304 at Clock, and 408 in later versions of what it uses. */
function hear(reply: HttpReply): Heard {
  if (!reply.ok) return { is: 'failed', why: reply.code, isGone: false };
  const { status, headers, body } = reply;
  if (status === 304 || status === 408) return { is: 'nothing' };
  if (status === 200) {
    return { is: 'event', id: eventId(body), cursor: cursorFrom(headers) };
  }
  if (status === 403 && missingRight(refusalText(body, status)) === undefined) {
    return { is: 'banned' };
  }
  return { is: 'failed', why: `HTTP ${status}`, isGone: status === 404 || status === 410 };
}
