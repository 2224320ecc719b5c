// Performs one request on one connection: the machine's effects become writes, reads and pauses.
import { codeOf } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import type { Call } from '../../core/line/ports.ts';
import { begin, next } from './state.ts';
import type { Effect, End, Event, Request } from './state.ts';
import { ENQ, frame, framer } from './wire.ts';
import type { Fields } from './wire.ts';

export interface Conversation {
  readonly clock: Clock;
  readonly answerMs: number;
  readonly signal: AbortSignal;
  /** Before the frame goes out, each time. */
  readonly sending: () => void;
}

/** Resolves with what became of it; never rejects. Hangs up before it resolves. */
export async function converse(
  call: Call,
  fields: Fields,
  { clock, answerMs, signal, sending }: Conversation,
): Promise<End> {
  const pieces = framer();
  let state: Request = begin.state;
  let dueMs = 0;
  const over: { end?: End } = {};

  const perform = async (effects: readonly Effect[]): Promise<void> => {
    for (const effect of effects) {
      switch (effect.do) {
        case 'ask':
          await write(Buffer.of(ENQ));
          break;
        case 'send':
          sending();
          await write(frame(fields));
          break;
        case 'wait':
          dueMs = clock.nowMs() + effect.ms;
          break;
        case 'end':
          over.end = effect.end;
          break;
      }
    }
  };
  const tell = async (event: Event): Promise<void> => {
    const step = next(state, event, answerMs);
    state = step.state;
    await perform(step.effects);
  };
  const gone = async (error: unknown): Promise<void> =>
    tell(signal.aborted ? { on: 'given-up' } : { on: 'closed', why: codeOf(error) });
  const write = async (bytes: Uint8Array): Promise<void> => {
    try {
      await call.write(bytes);
    } catch (error) {
      await gone(error);
    }
  };
  const listen = async (): Promise<void> => {
    const restMs = dueMs - clock.nowMs();
    if (restMs <= 0) return tell({ on: 'due' });
    try {
      const chunk = await call.read(restMs);
      if (chunk === undefined) return await tell({ on: 'closed', why: 'ended by the server' });
      for (const piece of pieces.push(chunk)) await tell({ on: 'piece', piece });
    } catch (error) {
      if (codeOf(error) === 'timeout') return tell({ on: 'due' });
      await gone(error);
    }
  };
  const giveUp = (): void => call.close();
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) await tell({ on: 'given-up' });
  else await perform(begin.effects);
  while (over.end === undefined) {
    if (signal.aborted) await tell({ on: 'given-up' });
    else await listen();
  }
  signal.removeEventListener('abort', giveUp);
  return over.end;
}
