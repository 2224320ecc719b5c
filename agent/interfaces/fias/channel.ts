// Records over one connection: frames over TCP, frames with acknowledgements over a serial line. Knows bytes only;
// both sides of FIAS speak so, the PMS (session.ts) and the vendor (counterpart.ts).
import type { Clock } from '../../core/clock.ts';
import { FIAS_LRC, stxEtx, stxEtxFrame } from '../../core/frames/stx-etx.ts';
import type { Piece } from '../../core/frames/ports.ts';
import { RECORD_BYTES_MAX, RECORD_CHARS_MAX } from './limits.ts';
import { ACK, ENQ, NAK, serialDueMs, serialInitial, serialNext } from './serial-state.ts';
import type { SerialEffect, SerialEvent } from './serial-state.ts';

/** `sent`: taken by the kernel (TCP) or acknowledged (serial). `unsure`: it may have arrived. */
export type Delivery = 'sent' | 'refused' | 'unsure';

export interface Channel {
  bytes(chunk: Buffer): void;
  send(body: Buffer): Promise<Delivery>;
  /** The connection is gone: what was not acknowledged is unsure. */
  close(): void;
}

export interface ChannelNeeds {
  /** Undefined: TCP. */
  readonly serial: { readonly baud: number } | undefined;
  readonly clock: Clock;
  /** Keeps its order; rejects when the connection is gone. */
  readonly write: (bytes: Buffer) => Promise<void>;
  readonly heard: (body: Buffer) => void;
  readonly note: (text: string) => void;
  /** The other side answers nothing any more (serial). */
  readonly lost: (why: string) => void;
}

export const createChannel = (needs: ChannelNeeds): Channel =>
  needs.serial === undefined ? tcp(needs) : serial(needs, needs.serial.baud);

const noteOf = (piece: Exclude<Piece, { is: 'frame' } | { is: 'control' }>): string =>
  piece.is === 'bad'
    ? `A frame of ${piece.body.length} bytes is wrong (${piece.why})`
    : `${piece.count} bytes outside of frames: ${piece.head.toString('hex')}`;

function tcp({ write, heard, note }: ChannelNeeds): Channel {
  const framer = stxEtx({ bodyBytesMax: RECORD_BYTES_MAX });
  return {
    bytes: (chunk) => {
      for (const piece of framer.push(chunk)) {
        if (piece.is === 'frame') heard(piece.body);
        else if (piece.is !== 'control') note(noteOf(piece));
      }
    },
    send: async (body) =>
      write(stxEtxFrame(body)).then(
        () => 'sent',
        () => 'unsure',
      ),
    close: () => void framer.reset(),
  };
}

function serial(needs: ChannelNeeds, baud: number): Channel {
  const { clock, heard, note, lost } = needs;
  const framer = stxEtx({
    ...{ bodyBytesMax: RECORD_BYTES_MAX, check: FIAS_LRC, controls: [ACK, NAK, ENQ] },
  });
  /** Twice the longest record, ten bits a byte. */
  const recordMsMax = Math.ceil((2 * RECORD_CHARS_MAX * 10 * 1_000) / baud);
  const waiting = new Map<number, (delivery: Delivery) => void>();
  let state = serialInitial;
  let count = 0;
  let dueTimer: NodeJS.Timeout | undefined;
  let recordTimer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const settle = (id: number, delivery: Delivery): void => {
    waiting.get(id)?.(delivery);
    waiting.delete(id);
  };
  const perform = (effect: SerialEffect): void => {
    switch (effect.do) {
      case 'write':
        // Its end is heard of as the end of the connection.
        return void needs.write(effect.bytes).catch(() => {});
      case 'deliver':
        return heard(effect.body);
      case 'sent':
        return settle(effect.id, 'sent');
      case 'dropped':
        note(`A record was given up: ${effect.why}`);
        return settle(effect.id, effect.why === 'no answer' ? 'unsure' : 'refused');
      case 'lost':
        return lost('the other side does not answer');
    }
  };
  const dispatch = (event: SerialEvent): void => {
    if (isClosed) return;
    const { state: after, effects } = serialNext(state, event);
    state = after;
    clearTimeout(dueTimer);
    const dueMs = serialDueMs(state);
    if (dueMs !== undefined)
      dueTimer = setTimeout(
        () => dispatch({ on: 'due', nowMs: clock.nowMs() }),
        Math.max(1, dueMs - clock.nowMs()),
      );
    for (const effect of effects) perform(effect);
  };
  const take = (piece: Piece): void => {
    const nowMs = clock.nowMs();
    if (piece.is === 'frame') return dispatch({ on: 'frame', body: piece.body, nowMs });
    if (piece.is === 'control') return dispatch({ on: 'control', byte: piece.byte, nowMs });
    note(noteOf(piece));
    dispatch({ on: piece.is, nowMs });
  };
  return {
    bytes: (chunk) => {
      for (const piece of framer.push(chunk)) take(piece);
      clearTimeout(recordTimer);
      if (framer.held() === 0) return;
      recordTimer = setTimeout(() => {
        for (const piece of framer.reset()) if (piece.is === 'noise') note(noteOf(piece));
        dispatch({ on: 'bad', nowMs: clock.nowMs() });
      }, recordMsMax);
    },
    send: async (body) => {
      if (isClosed) return 'unsure';
      count += 1;
      const record = { id: count, frame: stxEtxFrame(body, { check: FIAS_LRC }) };
      const { promise, resolve } = Promise.withResolvers<Delivery>();
      waiting.set(record.id, resolve);
      dispatch({ on: 'send', record, nowMs: clock.nowMs() });
      return promise;
    },
    close: () => {
      isClosed = true;
      clearTimeout(dueTimer);
      clearTimeout(recordTimer);
      for (const id of waiting.keys()) settle(id, 'unsure');
    },
  };
}
