// One API user of Clock: waits its turn, signs, sends, and judges the answer. Retried is only what was
// surely not done: a call that Clock refused unsigned (401) or as one too many (429).
import type { Clock } from '../core/clock.ts';
import { authorization, parseChallenge } from './digest.ts';
import type { Challenge } from './digest.ts';
import {
  ANSWER_BYTES_MAX,
  CALL_MS_MAX,
  NONCE_MS_MAX,
  THROTTLED_MAX,
  WRONG_KEY_MS,
} from './limits.ts';
import type {
  Account,
  Api,
  Ban,
  Call,
  Http,
  HttpReply,
  Priority,
  Refusal,
  Reply,
} from './ports.ts';
import { emptyQueue, next } from './queue.ts';
import type { Event } from './queue.ts';
import { SERVER_CODE } from './settle.ts';
import { missingRight, parseJson, query, refusalText } from './wire.ts';

export interface UserNeeds {
  readonly http: Http;
  readonly port: number;
  readonly ban: Ban;
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Uint8Array;
}

interface User extends Api {
  close(): void;
}

type Answer = Extract<HttpReply, { ok: true }>;
/** What a request came to: an end, or another one. */
type Judged =
  | { readonly is: 'end'; readonly reply: Reply<unknown> }
  | { readonly is: 'challenged'; readonly challenge: Challenge }
  | { readonly is: 'throttled' };

const no = (refusal: Refusal): Judged => ({ is: 'end', reply: refusal });

export function createUser(account: Account, needs: UserNeeds): User {
  const { http, port, ban, clock, randomBytes } = needs;
  const turns = createTurns(clock);
  let nonce: { challenge: Challenge; sinceMs: number; count: number } | undefined;
  /** Under way to fetch a challenge: others wait for it, one is enough. */
  let probe: Promise<unknown> | undefined;
  let keyRefusedMs = Number.NEGATIVE_INFINITY;
  let isClosed = false;

  /** Why nothing may be sent now. */
  const obstacle = (call: Call): Refusal | undefined => {
    if (isClosed || call.signal?.aborted === true) return { ok: false, why: 'closed' };
    const leftMs = ban.leftMs();
    if (leftMs > 0) return { ok: false, why: 'banned', leftMs };
    return clock.nowMs() - keyRefusedMs < WRONG_KEY_MS ? { ok: false, why: 'key' } : undefined;
  };

  const header = (method: string, target: string): string | undefined => {
    if (nonce === undefined || clock.nowMs() - nonce.sinceMs >= NONCE_MS_MAX) return undefined;
    nonce.count += 1;
    return authorization(nonce.challenge, {
      ...{ user: account.apiUser, key: account.apiKey, method, target, count: nonce.count },
      cnonce: Buffer.from(randomBytes(8)).toString('hex'),
    });
  };

  const send = async (call: Call, target: string, signature: string | undefined) => {
    // Without a signature it only fetches a challenge: a body would go twice.
    const hasBody = call.body !== undefined && signature !== undefined;
    const reply = await http({
      ...{ host: account.host, port, method: call.method, target, signal: call.signal },
      headers: {
        Accept: 'application/json',
        ...(signature !== undefined && { Authorization: signature }),
        ...(hasBody && { 'Content-Type': 'application/json; charset=utf-8' }),
        ...(call.method !== 'GET' && !hasBody && { 'Content-Length': '0' }),
      },
      ...(hasBody && { body: Buffer.from(JSON.stringify(call.body)) }),
      ...{ msMax: call.msMax ?? CALL_MS_MAX, bytesMax: ANSWER_BYTES_MAX },
    });
    return reply.ok
      ? judge(reply, { isSigned: signature !== undefined, isRead: call.method === 'GET', ban })
      : no(lost(reply, { isSigned: signature !== undefined, call }));
  };

  const call = async (asked: Call): Promise<Reply<unknown>> => {
    const target = targetOf(account, asked);
    let throttled = 0;
    let isChallenged = false;
    for (let again = false; ; again = true) {
      const before = obstacle(asked);
      if (before !== undefined) return before;
      const turn = await turns.wait(asked.priority, { again, signal: asked.signal });
      if (turn === undefined) return obstacle(asked) ?? { ok: false, why: 'busy' };
      let judged: Judged | undefined;
      let signature: string | undefined;
      try {
        const now = obstacle(asked);
        if (now !== undefined) return now;
        signature = header(asked.method, target);
        if (signature !== undefined) judged = await send(asked, target, signature);
        else if (probe === undefined) {
          const sending = send(asked, target, undefined);
          probe = sending;
          judged = await sending.finally(() => (probe = undefined));
        }
        // Before the turn ends, or the next one would begin at once.
        if (judged?.is === 'throttled') turns.throttled((throttled += 1));
      } finally {
        turn.end();
      }
      switch (judged?.is) {
        case undefined:
          await probe;
          break;
        case 'end':
          return judged.reply;
        case 'throttled':
          if (throttled > THROTTLED_MAX) return { ok: false, why: 'busy' };
          break;
        case 'challenged':
          // An old nonce looks like a wrong key. A new one does not: then it is one.
          if (signature !== undefined && isChallenged) {
            keyRefusedMs = clock.nowMs();
            nonce = undefined;
            return { ok: false, why: 'key' };
          }
          isChallenged = true;
          nonce = { challenge: judged.challenge, sinceMs: clock.nowMs(), count: 0 };
      }
    }
  };
  return {
    call,
    close: () => {
      isClosed = true;
      turns.close();
    },
  };
}

/** Exactly what is sent and signed. */
function targetOf({ subscriptionId, accountId }: Account, call: Call): string {
  const base = `/${call.api}/${subscriptionId}/${accountId}`;
  // With its suffix no path is redirected, which would break the signature. The root is JSON by itself.
  const rest = call.path === undefined ? '' : `/${call.path}.json`;
  return `${base}${rest}${query(call.query ?? [])}`;
}

interface Judging {
  readonly isSigned: boolean;
  readonly isRead: boolean;
  readonly ban: Ban;
}

/** What says that not Clock, but somebody before it has given up waiting: Clock may have acted. */
const GATEWAY = new Set([502, 503, 504]);

function judge({ status, headers, body }: Answer, { isSigned, isRead, ban }: Judging): Judged {
  if (status === 429) return { is: 'throttled' };
  if (status === 401) {
    const challenge = parseChallenge(headers['www-authenticate']);
    if (challenge !== undefined) return { is: 'challenged', challenge };
    return no({ ok: false, why: 'malformed', text: '401 without a challenge' });
  }
  if (status >= 200 && status < 300) {
    if (!isSigned) return no({ ok: false, why: 'malformed', text: 'answered unsigned' });
    // A bulk, the hello: done, without words.
    if (body.length === 0) return { is: 'end', reply: { ok: true, value: undefined } };
    const json = parseJson(body);
    // A write was done all the same.
    if (json === undefined && !isRead) {
      return no({ ok: false, why: 'unknown', code: `${SERVER_CODE} ${status}` });
    }
    if (json === undefined) return no({ ok: false, why: 'malformed', text: 'no JSON' });
    return { is: 'end', reply: { ok: true, value: json.value } };
  }
  if (isSigned && !isRead && GATEWAY.has(status)) {
    return no({ ok: false, why: 'unknown', code: `${SERVER_CODE} ${status}` });
  }
  const text = refusalText(body, status);
  if (status === 403) {
    const right = missingRight(text);
    if (right !== undefined) return no({ ok: false, why: 'right', right, text });
    ban.begin();
    return no({ ok: false, why: 'banned', leftMs: ban.leftMs() });
  }
  return no({ ok: false, why: 'rejected', status, text });
}

/** Unsigned, nothing can have been done. */
function lost(
  { code, sent }: Extract<HttpReply, { ok: false }>,
  { isSigned, call }: { readonly isSigned: boolean; readonly call: Call },
): Refusal {
  if (sent && isSigned) return { ok: false, why: 'unknown', code };
  if (call.signal?.aborted === true) return { ok: false, why: 'closed' };
  return { ok: false, why: 'unreachable', code };
}

interface Turn {
  end(): void;
}

interface Turns {
  /** undefined: refused, given up or closed. */
  wait(
    priority: Priority,
    how: { readonly again: boolean; readonly signal: AbortSignal | undefined },
  ): Promise<Turn | undefined>;
  throttled(count: number): void;
  close(): void;
}

/** Performs the queue: its timer, and who is told. */
function createTurns(clock: Clock): Turns {
  let queue = emptyQueue;
  let lastId = 0;
  let alarm: NodeJS.Timeout | undefined;
  const waiting = new Map<number, (mayStart: boolean) => void>();
  const tell = (id: number, mayStart: boolean): void => {
    const told = waiting.get(id);
    waiting.delete(id);
    told?.(mayStart);
  };
  const feed = (event: Event): void => {
    const { state, effects } = next(queue, event);
    queue = state;
    clearTimeout(alarm);
    for (const effect of effects) {
      switch (effect.do) {
        case 'start':
          tell(effect.id, true);
          break;
        case 'refuse':
          tell(effect.id, false);
          break;
        case 'wait':
          alarm = setTimeout(() => feed({ on: 'due', nowMs: clock.nowMs() }), effect.delayMs);
      }
    }
  };
  return {
    wait: async (priority, { again, signal }) => {
      lastId += 1;
      const id = lastId;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      waiting.set(id, resolve);
      const giveUp = (): void => {
        feed({ on: 'given-up', id, nowMs: clock.nowMs() });
        tell(id, false);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      feed({ on: 'asked', id, priority, again, nowMs: clock.nowMs() });
      const mayStart = await promise;
      signal?.removeEventListener('abort', giveUp);
      return mayStart ? { end: () => feed({ on: 'ended', id, nowMs: clock.nowMs() }) } : undefined;
    },
    throttled: (count) => feed({ on: 'throttled', count, nowMs: clock.nowMs() }),
    close: () => feed({ on: 'emptied' }),
  };
}
