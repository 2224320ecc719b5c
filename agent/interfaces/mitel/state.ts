// The conversation with the exchange: who asks, who waits for whom, what is tried again. Pure.
// Everything sent is a state (checked in, lamp on), so that a frame without an answer may be sent again.
import type * as Common from '../../core/exchange/ports.ts';
import type { CommonEvent, Effect, Job } from '../../core/exchange/ports.ts';
import { AGAIN_MS, ALIVE_MS, QUEUE_MAX, REPLY_MS_MAX, TRIES_MAX, YIELD_MS } from './limits.ts';
import { ACK, ENQ, NAK } from './wire.ts';

interface Tries {
  /** ENQ without an answer, or with "not now". */
  readonly asks: number;
  /** Of the frame at hand. */
  readonly sends: number;
  readonly naks: number;
}
type Out =
  | { readonly is: 'idle' }
  | ({ readonly is: 'asking' } & Tries)
  /** The exchange asked at the same time: its frame first. */
  | ({ readonly is: 'yielding' } & Tries)
  /** May send, after something had got no answer in time: what still comes late is let pass. */
  | ({ readonly is: 'calming' } & Tries)
  | ({ readonly is: 'sent' } & Tries)
  | ({ readonly is: 'resting' } & Tries);

export const initial: Link = { at: 'down' };
export type Link =
  | { readonly at: 'down' }
  | {
      readonly at: 'up';
      /** It has answered on this connection. */
      readonly isProven: boolean;
      readonly out: Out;
      readonly queue: readonly Job[];
      /** A message of its is being stored: it gets its answer then. */
      readonly isStoring: boolean;
    };
type Up = Extract<Link, { at: 'up' }>;

export type Heard =
  | { readonly on: 'ack' }
  | { readonly on: 'nak' }
  | { readonly on: 'asked' }
  | { readonly on: 'message'; readonly body: Buffer }
  /** A frame that is none. */
  | { readonly on: 'bad' };
export type Event = CommonEvent | Heard;
type Step = Common.Step<Link>;

export interface Ways {
  /** Whether the exchange wants ENQ before a frame. */
  readonly enquiry: boolean;
}

const FRESH: Tries = { asks: 0, sends: 0, naks: 0 };
const stay = (state: Link): Step => ({ state, effects: [] });
const also = ({ state, effects }: Step, ...first: readonly Effect[]): Step => ({
  state,
  effects: [...first, ...effects],
});

export function next(link: Link, event: Event, ways: Ways): Step {
  if (event.on === 'up') return start(ways);
  if (link.at === 'down')
    return event.on === 'add' ? refuse(link, event.job, 'offline') : stay(link);
  switch (event.on) {
    case 'down':
      return { state: { at: 'down' }, effects: link.queue.map((job) => settle(job, 'offline')) };
    case 'ack':
      return proven(acked(link, ways), link);
    case 'nak':
      return proven(refused(link), link);
    case 'asked':
      return asked(link);
    case 'message':
      // While one is being stored there is no answer yet: the exchange sends this one again.
      if (link.isStoring) return stay(link);
      return {
        state: { ...link, isStoring: true },
        effects: [{ do: 'store', body: event.body }],
      };
    case 'bad':
      return link.isStoring ? stay(link) : { state: link, effects: [say(NAK)] };
    case 'stored':
      return stored({ ...link, isStoring: false }, event.ok, ways);
    case 'add':
      if (link.queue.length >= QUEUE_MAX) return refuse(link, event.job, 'busy');
      return go({ ...link, queue: [...link.queue, event.job] }, ways);
    case 'cancel':
      return cancel(link, event.id);
    case 'due':
      return due(link, ways);
  }
}

const say = (byte: number): Effect => ({ do: 'say', bytes: Buffer.of(byte) });
const settle = ({ id }: Job, why: 'offline' | 'busy' | 'refused' | 'expired'): Effect => ({
  do: 'settle',
  id,
  result: { ok: false, why },
});
const refuse = (state: Link, job: Job, why: 'offline' | 'busy'): Step => ({
  state,
  effects: [settle(job, why)],
});

function start(ways: Ways): Step {
  const up: Up = { at: 'up', isProven: false, out: { is: 'idle' }, queue: [], isStoring: false };
  // Without ENQ there is nothing to ask that would change nothing.
  return ways.enquiry ? ask(up, FRESH) : proven(wait(up), up);
}
const wait = (link: Up): Step => ({
  state: { ...link, out: { is: 'idle' } },
  effects: [{ do: 'wait', ms: ALIVE_MS }],
});
const proven = (step: Step, before: Up): Step =>
  before.isProven || step.state.at === 'down'
    ? step
    : also({ ...step, state: { ...step.state, isProven: true } }, { do: 'proven' });

const ask = (link: Up, tries: Tries): Step => ({
  state: { ...link, out: { ...tries, is: 'asking', asks: tries.asks + 1 } },
  effects: [say(ENQ), { do: 'wait', ms: REPLY_MS_MAX }],
});
function send(link: Up, tries: Tries): Step {
  const frame = link.queue[0]?.frames[0];
  if (frame === undefined) return wait(link);
  return {
    state: { ...link, out: { ...tries, is: 'sent', asks: 0, sends: tries.sends + 1 } },
    effects: [
      { do: 'send', frame },
      { do: 'wait', ms: REPLY_MS_MAX },
    ],
  };
}
/** An ACK that comes late would be taken for that of the frame, and every one after it for the next one's. */
const calm = (link: Up, tries: Tries): Step => ({
  state: { ...link, out: { ...tries, is: 'calming' } },
  effects: [{ do: 'wait', ms: AGAIN_MS }],
});
const rest = (link: Up, tries: Tries, ms: number): Step => ({
  state: { ...link, out: { ...tries, is: 'resting' } },
  effects: [{ do: 'wait', ms }],
});
const again = (link: Up, tries: Tries, { enquiry }: Ways): Step =>
  enquiry ? ask(link, tries) : send(link, tries);

/** The next frame, when nothing else is under way. */
function go(link: Up, ways: Ways): Step {
  if (link.out.is !== 'idle') return stay(link);
  return link.queue.length === 0 ? wait(link) : again(link, FRESH, ways);
}

function acked(link: Up, ways: Ways): Step {
  const { out, queue } = link;
  if (out.is === 'asking' || out.is === 'yielding') {
    return out.asks > 1 || out.sends > 0 ? calm(link, out) : send(link, out);
  }
  const [job, ...others] = queue;
  if (out.is !== 'sent' || job === undefined) return stay(link);
  const idle: Up = { ...link, out: { is: 'idle' } };
  const frames = job.frames.slice(1);
  if (frames.length > 0) return go({ ...idle, queue: [{ ...job, frames }, ...others] }, ways);
  const done = go({ ...idle, queue: others }, ways);
  return also(done, { do: 'settle', id: job.id, result: { ok: true } });
}

function refused(link: Up): Step {
  const { out } = link;
  if (out.is === 'asking' || out.is === 'yielding') {
    return out.asks >= TRIES_MAX ? giveUp(link, 'busy') : rest(link, out, AGAIN_MS);
  }
  if (out.is !== 'sent') return stay(link);
  const naks = out.naks + 1;
  return naks >= TRIES_MAX
    ? giveUp(link, 'refused')
    : rest(link, { ...out, naks, sends: 0 }, AGAIN_MS);
}

/** This job; the others get their turn after a pause. */
function giveUp(link: Up, why: 'busy' | 'refused'): Step {
  const [job, ...queue] = link.queue;
  const next = rest({ ...link, queue }, FRESH, AGAIN_MS);
  return job === undefined ? next : also(next, settle(job, why));
}

function asked(link: Up): Step {
  if (link.isStoring) return stay(link);
  const ready = say(ACK);
  if (link.out.is !== 'asking') return { state: link, effects: [ready] };
  return {
    state: { ...link, out: { ...link.out, is: 'yielding' } },
    effects: [ready, { do: 'wait', ms: YIELD_MS }],
  };
}

function stored(link: Up, ok: boolean, ways: Ways): Step {
  const answer = say(ok ? ACK : NAK);
  if (link.out.is !== 'yielding') return { state: link, effects: [answer] };
  return also(again(link, link.out, ways), answer);
}

function cancel(link: Up, id: number): Step {
  const index = link.queue.findIndex((job) => job.id === id);
  const job = link.queue[index];
  if (job === undefined) return stay(link);
  // The one that was sent is finished: soon it is known whether the exchange took it.
  if (index === 0 && link.out.is === 'sent') return stay(link);
  const queue = link.queue.filter((one) => one !== job);
  return { state: { ...link, queue }, effects: [settle(job, 'expired')] };
}

function due(link: Up, ways: Ways): Step {
  const { out } = link;
  switch (out.is) {
    case 'idle':
      return ways.enquiry ? ask(link, FRESH) : wait(link);
    case 'resting':
      return link.queue.length === 0 ? wait(link) : again(link, out, ways);
    case 'calming':
      return send(link, out);
    case 'yielding':
      return out.asks >= TRIES_MAX ? silent(link) : again(link, out, ways);
    case 'asking':
      return out.asks >= TRIES_MAX ? silent(link) : ask(link, out);
    case 'sent':
      return out.sends >= TRIES_MAX ? silent(link) : again(link, out, ways);
  }
}

/** Nobody is there: whoever waits learns it, and the line begins anew. */
function silent(link: Up): Step {
  return {
    state: { at: 'up', isProven: false, out: { is: 'idle' }, queue: [], isStoring: link.isStoring },
    effects: [
      ...link.queue.map((job) => settle(job, 'offline')),
      { do: 'drop', why: 'The exchange does not answer' },
    ],
  };
}
