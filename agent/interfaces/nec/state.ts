// Who has the line: it goes one way at a time, the exchange comes first. Pure.
// A sender bids with the start sequence, sends one message and ends; half a second later the line is free again.
import type * as Common from '../../core/exchange/ports.ts';
import type { CommonEvent, Effect, Job, Result } from '../../core/exchange/ports.ts';
import {
  ALIVE_MS,
  BIDS_MAX,
  CALM_MS,
  GAP_MS,
  QUERIES_MAX,
  QUEUE_MAX,
  RECEIVER_MS,
  REJECTS_MAX,
  SENDER_MS,
} from './limits.ts';
import { SAY, messageOf, violated } from './wire.ts';
import type { Token } from './wire.ts';

interface Bid {
  /** Start sequences without an answer. */
  readonly bids: number;
  /** Refusals, pauses and interruptions of the frame at hand. */
  readonly rejects: number;
}
type Mode =
  | { readonly is: 'idle' }
  | ({ readonly is: 'bidding' } & Bid)
  /** May send, after a bid had got no answer in time: what still comes late is let pass. */
  | ({ readonly is: 'calming' } & Bid)
  /** A message is under way; `queries` for its answer. */
  | ({ readonly is: 'sent'; readonly queries: number } & Bid)
  /** The line is free in a moment. `sent`: what was taken, for the exchange may give it back. */
  | { readonly is: 'gap'; readonly rejects: number; readonly sent?: Buffer | undefined }
  /** The exchange has the line; `answer` to its last message. */
  | {
      readonly is: 'receiving';
      readonly answer?: 'ack' | 'nak' | undefined;
      readonly isStoring: boolean;
      readonly rejects: number;
      readonly sent?: Buffer | undefined;
    };

export type Link =
  | { readonly at: 'down' }
  | {
      readonly at: 'up';
      readonly isProven: boolean;
      readonly mode: Mode;
      readonly queue: readonly Job[];
    };
type Up = Extract<Link, { at: 'up' }>;
export const initial: Link = { at: 'down' };
export type Event = CommonEvent | Token;
type Step = Common.Step<Link>;

export interface Ways {
  readonly handshake: boolean;
  /** Asks a quiet exchange whether it is there. */
  readonly probes: boolean;
}

const say = (what: keyof typeof SAY): Effect => ({ do: 'say', bytes: SAY[what] });
const wait = (ms: number): Effect => ({ do: 'wait', ms });
const to = (link: Up, mode: Mode, ...effects: readonly Effect[]): Step => ({
  state: { ...link, mode },
  effects,
});
const stay = (state: Link): Step => ({ state, effects: [] });
const also = ({ state, effects }: Step, ...first: readonly Effect[]): Step => ({
  state,
  effects: [...first, ...effects],
});
const settle = ({ id }: Job, why: Extract<Result, { ok: false }>['why']): Effect => ({
  do: 'settle',
  id,
  result: { ok: false, why },
});

export function next(link: Link, event: Event, ways: Ways): Step {
  if (event.on === 'up') return start(ways);
  if (link.at === 'down') {
    const isOrder = event.on === 'add';
    return isOrder ? { state: link, effects: [settle(event.job, 'offline')] } : stay(link);
  }
  switch (event.on) {
    case 'down':
      return { state: { at: 'down' }, effects: link.queue.map((job) => settle(job, 'offline')) };
    case 'add':
      return add(link, event.job, ways);
    case 'cancel':
      return cancel(link, event.id);
    case 'stored':
      return stored(link, event.ok, ways);
    case 'due':
      return due(link, ways);
    case 'start':
    case 'query':
    case 'ack':
    case 'nak':
    case 'interrupt':
    case 'abort':
    case 'pause':
    case 'end':
    case 'message':
    case 'bad':
      return proven(heard(link, event), link);
  }
}

function start({ handshake, probes }: Ways): Step {
  const up: Up = { at: 'up', isProven: !probes, mode: { is: 'idle' }, queue: [] };
  if (probes && handshake) return bid(up, { bids: 0, rejects: 0 });
  return to(up, { is: 'idle' }, { do: 'proven' });
}

const proven = (step: Step, before: Up): Step =>
  before.isProven || step.state.at === 'down'
    ? step
    : also({ ...step, state: { ...step.state, isProven: true } }, { do: 'proven' });

function add(link: Up, job: Job, ways: Ways): Step {
  if (link.queue.length >= QUEUE_MAX) return { state: link, effects: [settle(job, 'busy')] };
  return go({ ...link, queue: [...link.queue, job] }, ways);
}

const isUnderWay = ({ mode }: Up): boolean =>
  mode.is === 'sent' || ((mode.is === 'gap' || mode.is === 'receiving') && mode.sent !== undefined);

function cancel(link: Up, id: number): Step {
  const index = link.queue.findIndex((job) => job.id === id);
  const job = link.queue[index];
  // What was sent is finished: in a moment it is known whether the exchange took it.
  if (job === undefined || (index === 0 && isUnderWay(link))) return stay(link);
  const queue = link.queue.filter((one) => one !== job);
  return { state: { ...link, queue }, effects: [settle(job, 'expired')] };
}

const bid = (link: Up, { bids, rejects }: Bid): Step =>
  to(link, { is: 'bidding', bids: bids + 1, rejects }, say('start'), wait(SENDER_MS));

/** The next message, when nobody has the line. */
function go(link: Up, { handshake, probes }: Ways, rejects = 0): Step {
  if (link.mode.is !== 'idle') return stay(link);
  if (link.queue.length === 0) return to(link, { is: 'idle' }, ...(probes ? [wait(ALIVE_MS)] : []));
  return handshake ? bid(link, { bids: 0, rejects }) : send(link, { bids: 0, rejects });
}

function send(link: Up, { bids, rejects }: Bid, handshake = false): Step {
  const frame = link.queue[0]?.frames[0];
  // Only to see whether it is there; or the order was given up meanwhile.
  if (frame === undefined) return release(link, rejects);
  const sent: Effect = { do: 'send', frame };
  if (!handshake) return to(link, { is: 'gap', rejects, sent: frame }, sent, wait(SENDER_MS));
  return to(link, { is: 'sent', queries: 0, bids, rejects }, sent, wait(SENDER_MS));
}

/** Ends our turn. */
const release = (link: Up, rejects: number, sent?: Buffer): Step =>
  to(link, { is: 'gap', rejects, sent }, say('end'), wait(GAP_MS));

function heard(link: Up, token: Token): Step {
  const { mode } = link;
  if (token.on === 'start') return yieldTo(link);
  if (token.on === 'message') return message(link, token.body);
  switch (mode.is) {
    case 'bidding':
      // A second ACK would be taken for that of the message, and every one after it for the next.
      if (token.on === 'ack' && mode.bids > 1) {
        return to(link, { ...mode, is: 'calming' }, wait(CALM_MS));
      }
      if (token.on === 'ack') return send(link, mode, true);
      return isNo(token) ? rejected(link, mode, token) : stay(link);
    case 'sent':
      if (token.on === 'ack') return release(link, 0, link.queue[0]?.frames[0]);
      return isNo(token) ? rejected(link, mode, token) : stay(link);
    case 'receiving':
      return receiving(link, mode, token);
    case 'idle':
    case 'calming':
    case 'gap':
      return stay(link);
  }
}

const isNo = ({ on }: Token): boolean =>
  on === 'nak' || on === 'pause' || on === 'interrupt' || on === 'abort';

/** Tried again when the line is free; the fourth time the order is. */
function rejected(link: Up, { rejects }: Bid, { on }: Token): Step {
  const [job, ...queue] = link.queue;
  if (rejects + 1 < REJECTS_MAX || job === undefined) return release(link, rejects + 1);
  const why = on === 'nak' && link.mode.is === 'sent' ? 'refused' : 'busy';
  return also(release({ ...link, queue }, 0), settle(job, why));
}

/** The exchange wants the line: it comes first, also when both bid at once. */
function yieldTo(link: Up): Step {
  const { mode } = link;
  if (mode.is === 'receiving' && mode.isStoring) return stay(link);
  const sent = mode.is === 'gap' || mode.is === 'receiving' ? mode.sent : undefined;
  const rejects = mode.is === 'idle' ? 0 : mode.rejects;
  const now: Mode = { is: 'receiving', isStoring: false, rejects, sent };
  return to(link, now, say('ack'), wait(RECEIVER_MS));
}

function message(link: Up, body: Buffer): Step {
  const { mode } = link;
  if (mode.is === 'receiving' && mode.isStoring) return stay(link);
  // Never seen between our message and its answer: then it counts as none.
  if (mode.is === 'sent') return stay(link);
  const sent = mode.is === 'gap' || mode.is === 'receiving' ? mode.sent : undefined;
  const rejects = mode.is === 'idle' ? 0 : mode.rejects;
  const now = to(link, { is: 'receiving', isStoring: true, rejects, sent }, wait(RECEIVER_MS));
  const store: Effect = { do: 'store', body };
  if (sent === undefined || !isReturned(sent, body)) return also(now, store);
  const [job, ...queue] = link.queue;
  const back: Up = { ...link, queue };
  const mine: Mode = { is: 'receiving', isStoring: true, rejects: 0 };
  const effects = [...(job === undefined ? [] : [settle(job, 'refused')]), store];
  return to(back, mine, wait(RECEIVER_MS), ...effects);
}

/** The same message with its feature code 80 higher. */
function isReturned(sent: Buffer, body: Buffer): boolean {
  const [ours, theirs] = [messageOf(sent.subarray(1, -2)), messageOf(body)];
  if (!ours.ok || !theirs.ok) return false;
  const { message: a } = ours;
  const { message: b } = theirs;
  return (
    a.feature === violated(b.feature) && a.function === b.function && a.extension === b.extension
  );
}

type Receiving = Extract<Mode, { is: 'receiving' }>;
function receiving(link: Up, mode: Receiving, { on }: Token): Step {
  // Silent while it is being stored: the exchange asks again.
  if (mode.isStoring) return stay(link);
  if (on === 'end') return free(link, mode);
  if (on === 'bad') return to(link, { ...mode, answer: 'nak' }, say('nak'), wait(RECEIVER_MS));
  // A message that never came is asked for.
  if (on === 'query') return to(link, mode, say(mode.answer ?? 'nak'), wait(RECEIVER_MS));
  return stay(link);
}

const free = (link: Up, { rejects, sent }: Receiving): Step =>
  to(link, { is: 'gap', rejects, sent }, wait(GAP_MS));

function stored(link: Up, ok: boolean, ways: Ways): Step {
  const { mode } = link;
  if (mode.is !== 'receiving' || !mode.isStoring) return stay(link);
  const done: Receiving = { ...mode, isStoring: false, answer: ok ? 'ack' : 'nak' };
  if (!ways.handshake) return free(link, done);
  return to(link, done, say(ok ? 'ack' : 'nak'), wait(RECEIVER_MS));
}

function due(link: Up, ways: Ways): Step {
  const { mode } = link;
  switch (mode.is) {
    case 'idle':
      return ways.probes && ways.handshake ? bid(link, { bids: 0, rejects: 0 }) : stay(link);
    case 'bidding':
      return mode.bids >= BIDS_MAX ? silent(link) : bid(link, mode);
    case 'calming':
      return send(link, mode, true);
    case 'sent':
      if (mode.queries >= QUERIES_MAX) return silent(link);
      return to(link, { ...mode, queries: mode.queries + 1 }, say('query'), wait(SENDER_MS));
    case 'gap':
      return mode.sent === undefined
        ? go({ ...link, mode: { is: 'idle' } }, ways, mode.rejects)
        : taken(link, ways);
    case 'receiving':
      // It has the line and says nothing. What is being stored is answered first, however late.
      return mode.isStoring ? to(link, mode, wait(RECEIVER_MS)) : free(link, mode);
  }
}

/** The frame was taken and not given back. */
function taken(link: Up, ways: Ways): Step {
  const [job, ...others] = link.queue;
  const idle: Up = { ...link, mode: { is: 'idle' } };
  if (job === undefined) return go(idle, ways);
  const frames = job.frames.slice(1);
  if (frames.length > 0) return go({ ...idle, queue: [{ ...job, frames }, ...others] }, ways);
  const done: Effect = { do: 'settle', id: job.id, result: { ok: true } };
  return also(go({ ...idle, queue: others }, ways), done);
}

/** Nobody is there: whoever waits learns it, and the line begins anew. */
function silent(link: Up): Step {
  return {
    state: { at: 'up', isProven: false, mode: { is: 'idle' }, queue: [] },
    effects: [
      ...link.queue.map((job) => settle(job, 'offline')),
      say('end'),
      { do: 'drop', why: 'The exchange does not answer' },
    ],
  };
}
