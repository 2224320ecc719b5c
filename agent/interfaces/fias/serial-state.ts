// Records over a serial line: ACK, NAK and ENQ, each with its time, in both directions at once. Pure; knows bytes
// and no records: channel.ts turns effects into writes and timers.
import {
  ANSWER_MS_MAX,
  ENQS_MAX,
  ENQ_MS_MAX,
  QUEUE_RECORDS_MAX,
  SENDS_MAX,
  SILENT_CYCLES_MAX,
} from './limits.ts';

export const ACK = 0x06;
export const NAK = 0x15;
export const ENQ = 0x05;
type Answer = typeof ACK | typeof NAK;

/** A record to send, its frame made; `id` names it to who gave it. */
interface Outgoing {
  readonly id: number;
  readonly frame: Buffer;
}

/** The sending half: one record at a time. */
type Sender =
  | { readonly at: 'idle' }
  | {
      readonly at: 'waiting';
      readonly record: Outgoing;
      /** Of the record itself: 1 and more. */
      readonly sends: number;
      /** Since the record, or since the answer's time ran out. */
      readonly enqs: number;
      /** Times that the record and all its ENQ went without any answer. */
      readonly silent: number;
      readonly dueMs: number;
    };

export interface Serial {
  readonly sender: Sender;
  readonly queue: readonly Outgoing[];
  /** What an ENQ is answered with: nothing valid received yet is a NAK. */
  readonly answer: Answer;
  readonly answeredMs: number;
}

export type SerialEvent =
  | { readonly on: 'send'; readonly record: Outgoing; readonly nowMs: number }
  /** A whole frame, its check byte right. */
  | { readonly on: 'frame'; readonly body: Buffer; readonly nowMs: number }
  /** A frame whose check is wrong, that is too long, or that never ended. */
  | { readonly on: 'bad'; readonly nowMs: number }
  | { readonly on: 'control'; readonly byte: number; readonly nowMs: number }
  | { readonly on: 'noise'; readonly nowMs: number }
  | { readonly on: 'due'; readonly nowMs: number };

export type SerialEffect =
  | { readonly do: 'write'; readonly bytes: Buffer }
  | { readonly do: 'deliver'; readonly body: Buffer }
  | { readonly do: 'sent'; readonly id: number }
  | { readonly do: 'dropped'; readonly id: number; readonly why: string }
  /** The other side answers nothing at all. */
  | { readonly do: 'lost' };

export interface SerialStep {
  readonly state: Serial;
  readonly effects: readonly SerialEffect[];
}

export const serialInitial: Serial = {
  sender: { at: 'idle' },
  queue: [],
  answer: NAK,
  answeredMs: Number.NEGATIVE_INFINITY,
};

/** When `due` must come; undefined: nothing is awaited. */
export const serialDueMs = (state: Serial): number | undefined =>
  state.sender.at === 'waiting' ? state.sender.dueMs : undefined;

export function serialNext(state: Serial, event: SerialEvent): SerialStep {
  switch (event.on) {
    case 'send':
      if (state.queue.length >= QUEUE_RECORDS_MAX)
        return step(state, [{ do: 'dropped', id: event.record.id, why: 'queue full' }]);
      return begin({ ...state, queue: [...state.queue, event.record] }, event.nowMs);
    case 'frame':
      return answer(state, { with: ACK, nowMs: event.nowMs }, [
        { do: 'deliver', body: event.body },
      ]);
    case 'bad':
      return answer(state, { with: NAK, nowMs: event.nowMs });
    case 'noise':
      return unexpected({ ...state, answer: NAK }, event.nowMs);
    case 'control':
      return control(state, event);
    case 'due':
      return due(state, event.nowMs);
  }
}

const step = (state: Serial, effects: readonly SerialEffect[] = []): SerialStep => ({
  state,
  effects,
});
const write = (...bytes: number[]): SerialEffect => ({ do: 'write', bytes: Buffer.from(bytes) });

/** An answer goes between our records by itself: a record is written in one piece. */
function answer(
  state: Serial,
  how: { readonly with: Answer; readonly nowMs: number },
  effects: readonly SerialEffect[] = [],
): SerialStep {
  const answered = { ...state, answer: how.with, answeredMs: how.nowMs };
  return step(answered, [write(how.with), ...effects]);
}

function begin(state: Serial, nowMs: number): SerialStep {
  const [record, ...queue] = state.queue;
  if (state.sender.at !== 'idle' || record === undefined) return step(state);
  const dueMs = nowMs + ANSWER_MS_MAX;
  const sender: Sender = { at: 'waiting', record, sends: 1, enqs: 0, silent: 0, dueMs };
  return step({ ...state, sender, queue }, [{ do: 'write', bytes: record.frame }]);
}

function control(
  state: Serial,
  event: { readonly byte: number; readonly nowMs: number },
): SerialStep {
  const { byte, nowMs } = event;
  const { sender } = state;
  if (byte === ENQ) {
    // Too late: it asks for the answer to a record that did not come.
    const isLate = nowMs - state.answeredMs > ENQ_MS_MAX;
    return answer(state, { with: isLate ? NAK : state.answer, nowMs });
  }
  if (sender.at === 'idle') return step({ ...state, answer: NAK });
  if (byte === ACK) return settle(state, [{ do: 'sent', id: sender.record.id }], nowMs);
  if (byte === NAK) return refused(state, nowMs);
  return unexpected({ ...state, answer: NAK }, nowMs);
}

/** The record under way is done with; the next begins. */
function settle(state: Serial, effects: readonly SerialEffect[], nowMs: number): SerialStep {
  const next = begin({ ...state, sender: { at: 'idle' } }, nowMs);
  return step(next.state, [...effects, ...next.effects]);
}

function refused(state: Serial, nowMs: number): SerialStep {
  const { sender } = state;
  if (sender.at === 'idle') return step(state);
  if (sender.sends >= SENDS_MAX)
    return settle(state, [{ do: 'dropped', id: sender.record.id, why: 'refused (NAK)' }], nowMs);
  return again(state, { sends: sender.sends + 1, silent: 0, nowMs });
}

function again(
  state: Serial,
  how: { readonly sends: number; readonly silent: number; readonly nowMs: number },
): SerialStep {
  const { sender } = state;
  if (sender.at === 'idle') return step(state);
  const { sends, silent, nowMs } = how;
  const waiting = { ...sender, sends, silent, enqs: 0, dueMs: nowMs + ANSWER_MS_MAX };
  return step({ ...state, sender: waiting }, [{ do: 'write', bytes: sender.record.frame }]);
}

/** What is no answer while one is awaited: ask for it. */
function unexpected(state: Serial, nowMs: number): SerialStep {
  const { sender } = state;
  if (sender.at === 'idle' || sender.enqs >= ENQS_MAX) return step(state);
  const waiting = { ...sender, enqs: sender.enqs + 1, dueMs: nowMs + ANSWER_MS_MAX };
  return step({ ...state, sender: waiting }, [write(ENQ)]);
}

function due(state: Serial, nowMs: number): SerialStep {
  const { sender } = state;
  if (sender.at === 'idle' || nowMs < sender.dueMs) return step(state);
  if (sender.enqs < ENQS_MAX) return unexpected(state, nowMs);
  const silent = sender.silent + 1;
  if (silent < SILENT_CYCLES_MAX) return again(state, { sends: sender.sends, silent, nowMs });
  const all = [sender.record, ...state.queue];
  const dropped = all.map(({ id }) => ({ do: 'dropped', id, why: 'no answer' }) as const);
  return step({ ...state, sender: { at: 'idle' }, queue: [] }, [...dropped, { do: 'lost' }]);
}
