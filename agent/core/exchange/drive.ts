// Performs what an exchange's machine wants: the line, its timer, orders as jobs, messages stored before they are
// answered. Knows no protocol.
import type { RunningInterface, ServiceHost, Talk, TestStep } from '../interface.ts';
import type { Line } from '../line/ports.ts';
import type { LineSettings } from '../line/config.ts';
import type { OrderOutcome } from '../vocabulary.ts';
import type { CommonEvent, Effect, Machine, Result } from './ports.ts';

/** What has begun and does not go on was cut off: at 300 baud 90 characters take 3 s. */
const PAUSE_MS_MAX = 5_000;

const TEXTS: Readonly<Record<Exclude<Result, { ok: true }>['why'], string>> = {
  offline: 'The exchange is not there or does not answer',
  busy: 'The exchange is busy, or too many orders wait for it',
  refused: 'The exchange refused it: does it know this extension?',
  expired: 'Given up before it was sent: nothing was done',
};

interface Driven<S, H> {
  readonly line: LineSettings;
  readonly host: ServiceHost;
  readonly machine: Machine<S, H>;
  /** False: the exchange is to send it again. */
  readonly taken: (body: Buffer) => Promise<boolean>;
  /** A frame for the trace, names masked. */
  readonly shown: (frame: Buffer) => string;
}

export interface Exchange {
  /** Resolves when the exchange has taken all frames, or with why not. */
  submit(frames: readonly Buffer[], signal: AbortSignal): Promise<OrderOutcome>;
  close(): Promise<void>;
}

export function drive<S, H>({ line: settings, host, machine, ...with_ }: Driven<S, H>): Exchange {
  const settles = new Map<number, (result: Result) => void>();
  let state = machine.initial;
  /** Numbers connections: what was stored for an old one gets no answer on a new one. */
  let connection = 0;
  let peer = '';
  let jobs = 0;
  let timer: NodeJS.Timeout | undefined;
  let pause: NodeJS.Timeout | undefined;
  let isClosed = false;

  const dispatch = (event: CommonEvent | H): void => {
    const step = machine.next(state, event);
    state = step.state;
    for (const effect of step.effects) perform(effect);
  };
  // A line that is gone says so itself.
  const write = (bytes: Uint8Array): void => void line.write(bytes).catch(() => {});
  /** The exchange has its answer when the hotel has the event on the card, and not before. */
  const store = async (body: Buffer): Promise<void> => {
    const from = connection;
    const ok = await with_.taken(body).catch(() => false);
    if (from === connection) dispatch({ on: 'stored', ok });
  };
  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case 'say':
        return write(effect.bytes);
      case 'send':
        host.trace('out', with_.shown(effect.frame));
        return write(effect.frame);
      case 'store':
        return void store(effect.body);
      case 'wait':
        clearTimeout(timer);
        if (!isClosed) timer = setTimeout(() => dispatch({ on: 'due' }), effect.ms);
        return;
      case 'settle':
        settles.get(effect.id)?.(effect.result);
        settles.delete(effect.id);
        return host.count(effect.result.ok ? 'orders' : `orders-${effect.result.why}`);
      case 'proven':
        return host.talk({ at: 'up', with: peer });
      case 'note':
        return host.trace('note', effect.text);
      case 'drop':
        host.log.warning(effect.why);
        return line.drop(effect.why);
    }
  };
  const bytes = (chunk: Buffer): void => {
    for (const heard of machine.hear(chunk)) dispatch(heard);
    clearTimeout(pause);
    if (machine.isHearing() && !isClosed) pause = setTimeout(() => machine.hush(), PAUSE_MS_MAX);
  };
  const line: Line = host.openLine(settings, {
    up: (with_) => {
      connection += 1;
      peer = with_;
      machine.hush();
      host.talk({ at: 'joining', with: peer });
      dispatch({ on: 'up' });
    },
    bytes,
    down: (why, wasUp) => {
      connection += 1;
      clearTimeout(timer);
      if (wasUp) dispatch({ on: 'down' });
      host.talk({ at: 'down', why });
    },
    note: (text) => host.trace('note', text),
  });

  return {
    submit: async (frames, signal) => {
      if (signal.aborted) return { ok: false, why: 'expired', text: TEXTS.expired };
      jobs += 1;
      const id = jobs;
      const { promise, resolve } = Promise.withResolvers<Result>();
      settles.set(id, resolve);
      const cancel = (): void => dispatch({ on: 'cancel', id });
      signal.addEventListener('abort', cancel, { once: true });
      dispatch({ on: 'add', job: { id, frames } });
      const result = await promise;
      signal.removeEventListener('abort', cancel);
      return result.ok ? result : { ...result, text: TEXTS[result.why] };
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      clearTimeout(pause);
      dispatch({ on: 'down' });
      await line.close();
    },
  };
}

/**
 * Whether the exchange answers: opens the line, says what the machine says to begin with, and closes it. What the
 * exchange sends meanwhile is left with it.
 */
export async function tryExchange(
  host: ServiceHost,
  start: (host: ServiceHost) => RunningInterface,
  { msMax, signal }: { readonly msMax: number; readonly signal: AbortSignal },
): Promise<readonly TestStep[]> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const talks: Talk[] = [];
  const running = start({
    ...host,
    emit: async () => ({ ok: false, why: 'later' }),
    talk: (now) => {
      talks.push(now);
      if (now.at === 'up') resolve();
    },
  });
  const timer = setTimeout(resolve, msMax);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
  await running.close();
  const joined = talks.find((talk) => talk.at === 'joining');
  const last = talks.findLast((talk) => talk.at === 'down');
  const connected: TestStep = {
    step: 'connect',
    ok: joined !== undefined,
    text: joined === undefined ? `No connection: ${last?.why ?? 'none yet'}` : 'Connected',
  };
  if (joined === undefined) return [connected];
  const ok = talks.some((talk) => talk.at === 'up');
  const text = ok
    ? 'The exchange answers'
    : 'It is silent: is it the right port, are speed and parity the same?';
  return [connected, { step: 'answer', ok, text }];
}
