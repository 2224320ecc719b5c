// The message channels: long poll as nginx's push module does it (nchan), one subscriber a channel.
// A message's place is its second and its number within that second: Last-Modified and Etag. The client
// keeps the cursor. Knows no sockets: a poll answers by a function.
import type { Limits } from './limits.ts';

export interface Message {
  readonly seconds: number;
  readonly tag: number;
  readonly text: string;
}

export interface PollAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Cursor {
  readonly ifModifiedSince: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

interface Waiting {
  readonly dueMs: number;
  readonly after: { readonly seconds: number; readonly tag: number } | undefined;
  readonly etag: string | undefined;
  answer(answer: PollAnswer): void;
}

interface Channel {
  readonly messages: Message[];
  waiting: Waiting | undefined;
}

/** Read beside nchan 1.3.6; the cursor's headers must not be cached apart. */
const VARY = { Vary: 'If-None-Match, If-Modified-Since' };

const isAfter = (
  a: Pick<Message, 'seconds' | 'tag'>,
  b: Pick<Message, 'seconds' | 'tag'>,
): boolean => a.seconds > b.seconds || (a.seconds === b.seconds && a.tag > b.tag);

export class Channels {
  readonly #channels = new Map<string, Channel>();
  readonly #limits: Limits;
  readonly #firstMessage: 'oldest' | 'newest';

  constructor(limits: Limits, firstMessage: 'oldest' | 'newest') {
    this.#limits = limits;
    this.#firstMessage = firstMessage;
  }

  open(id: string): void {
    this.#channels.set(id, { messages: [], waiting: undefined });
  }

  has(id: string): boolean {
    return this.#channels.has(id);
  }

  publish(id: string, text: string, nowMs: number): void {
    const { messages, waiting } = this.#of(id);
    const last = messages.at(-1);
    // Never before the last one, should the clock have gone back.
    const seconds = Math.max(Math.floor(nowMs / 1_000), last?.seconds ?? 0);
    const tag = last?.seconds === seconds ? last.tag + 1 : 0;
    const message = { seconds, tag, text };
    messages.push(message);
    if (messages.length > this.#limits.channelMessagesMax) messages.shift();
    if (waiting !== undefined && (waiting.after === undefined || isAfter(message, waiting.after))) {
      this.#end(id, asAnswer(message));
    }
  }

  /**
   * A subscriber comes. `answer` is called once, now or later. Returns how to take the poll back when
   * its client is gone.
   */
  poll(
    id: string,
    cursor: Cursor,
    { nowMs, answer }: { readonly nowMs: number; readonly answer: Waiting['answer'] },
  ): () => void {
    const channel = this.#of(id);
    const after = placeOf(cursor);
    if (after === 'invalid') {
      answer({
        status: 400,
        headers: { 'Content-Type': 'text/plain' },
        body: 'Message ID invalid',
      });
      return () => {};
    }
    if (channel.waiting !== undefined) {
      answer({ status: 409, headers: {}, body: '' });
      return () => {};
    }
    this.#forget(channel, nowMs);
    const { messages } = channel;
    const first = this.#firstMessage === 'oldest' ? messages[0] : undefined;
    const next = after === undefined ? first : messages.find((message) => isAfter(message, after));
    if (next !== undefined) {
      answer(asAnswer(next));
      return () => {};
    }
    const waiting: Waiting = {
      dueMs: nowMs + this.#limits.pollMs,
      after,
      etag: after === undefined ? undefined : cursor.ifNoneMatch,
      answer,
    };
    channel.waiting = waiting;
    return () => {
      if (channel.waiting === waiting) channel.waiting = undefined;
    };
  }

  /** Ends polls whose time is up. */
  tick(nowMs: number): void {
    for (const [id, { waiting }] of this.#channels) {
      if (waiting === undefined || nowMs < waiting.dueMs) continue;
      const etag = waiting.etag === undefined ? {} : { Etag: waiting.etag };
      this.#end(id, { status: 304, headers: { ...VARY, ...etag }, body: '' });
    }
  }

  #of(id: string): Channel {
    const channel = this.#channels.get(id);
    if (channel === undefined) throw new Error(`There is no channel ${id}`);
    return channel;
  }

  #end(id: string, answer: PollAnswer): void {
    const channel = this.#of(id);
    const { waiting } = channel;
    channel.waiting = undefined;
    waiting?.answer(answer);
  }

  #forget({ messages }: Channel, nowMs: number): void {
    const oldest = Math.floor((nowMs - this.#limits.channelMessageMs) / 1_000);
    while (messages[0] !== undefined && messages[0].seconds < oldest) messages.shift();
  }
}

/** The place a client has read up to, by nchan's reading: no date is no place, no tag is an error. */
function placeOf({ ifModifiedSince, ifNoneMatch }: Cursor): Waiting['after'] | 'invalid' {
  const ms = Date.parse(ifModifiedSince ?? '');
  if (ifModifiedSince !== undefined && ifNoneMatch === undefined) return 'invalid';
  if (Number.isNaN(ms)) return undefined;
  return { seconds: Math.floor(ms / 1_000), tag: Number.parseInt(ifNoneMatch ?? '', 10) || 0 };
}

const asAnswer = ({ seconds, tag, text }: Message): PollAnswer => ({
  status: 200,
  headers: {
    ...VARY,
    'Content-Type': 'text/plain; charset=utf-8',
    'Last-Modified': new Date(seconds * 1_000).toUTCString(),
    Etag: String(tag),
  },
  body: text,
});
