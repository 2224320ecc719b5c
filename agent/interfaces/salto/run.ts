// A lock server of Salto or Onity ("Industry Standard"): one connection for one request, one request at a time.
// What an order asks is orders.ts, how it is asked state.ts; here is the queue and the way to the server.
import { codeOf } from '../../core/errors.ts';
import type { Interface, ServiceHost, Talk, TestStep } from '../../core/interface.ts';
import type { Call } from '../../core/line/ports.ts';
import type { Order, OrderOutcome } from '../../core/vocabulary.ts';
import { parse } from './config.ts';
import type { Settings } from './config.ts';
import { converse } from './converse.ts';
import { createLockServer } from './counterpart.ts';
import {
  AGAIN_MS,
  DIALS_MAX,
  DIALS_MS_MAX,
  DIAL_MS_MAX,
  FINISH_MS_MAX,
  LOOK_MS,
  QUEUE_MAX,
  READY_MS_MAX,
} from './limits.ts';
import { outcomeOf, requestsOf, told } from './orders.ts';
import type { Asked } from './orders.ts';
import type { End } from './state.ts';
import { texts } from './texts.ts';
import { ACK, ENQ, INFO_FIELDS, NAK } from './wire.ts';
import type { Fields } from './wire.ts';

const EXPIRED: OrderOutcome = {
  ok: false,
  why: 'expired',
  text: 'Given up while it waited for its turn: nothing was done',
};

export const salto: Interface<Settings> = {
  name: 'salto',
  title: texts.title.en,
  texts,
  takes: ['key.encode', 'key.cancel', 'key.read'],
  emits: [],
  parse,
  targets: ({ encoders, mobileKeysEncoder: mobile }) => [
    ...encoders.map(({ identifier }) => identifier),
    ...(mobile === undefined ? [] : [mobile]),
  ],
  needs: ({ host, port }) => [{ need: 'connect', host, port }],
  start,
  test,
  counterpart: (settings, needs) => createLockServer(settings, needs),
};

function start(settings: Settings, host: ServiceHost): ReturnType<typeof salto.start> {
  const talk = createTalk(settings, host);
  const closing = new AbortController();
  const turns = createTurns();

  const look = async (): Promise<void> => {
    const turn = turns.take();
    await turn.ready;
    const end = await hello(settings, host, closing.signal);
    if (!closing.signal.aborted) talk.heard(end);
    turn.done();
  };
  const looking = setInterval(() => {
    if (turns.waiting() === 0) void look();
  }, LOOK_MS);
  void look();

  return {
    handle: async (order, given) => {
      const asking = requestsOf(order, settings);
      if (!asking.ok) return asking.outcome;
      if (turns.waiting() >= QUEUE_MAX) {
        return { ok: false, why: 'busy', text: 'Too many key orders wait for the lock server' };
      }
      const signal = AbortSignal.any([given, closing.signal]);
      const turn = turns.take();
      try {
        await Promise.race([turn.ready, aborted(signal)]);
        if (signal.aborted) return EXPIRED;
        const outcome = await carryOut(order, asking.requests, { settings, host, signal, talk });
        // It may have been the encoder, or the server: then it is seen at once.
        if (!outcome.ok && outcome.why === 'unknown') void look();
        return outcome;
      } finally {
        turn.done();
      }
    },
    close: async () => {
      clearInterval(looking);
      closing.abort();
      const end = turns.take();
      await end.ready;
      end.done();
    },
  };
}

interface Turn {
  /** When all before it are done. */
  readonly ready: Promise<unknown>;
  /** Also without having been ready: whoever comes after still waits for those before. */
  done(): void;
}

/** In turn: the server serves one request at a time, and a card lies on one encoder. */
function createTurns(): { take(): Turn; waiting(): number } {
  let last: Promise<unknown> = Promise.resolve();
  let count = 0;
  return {
    waiting: () => count,
    take: () => {
      const ready = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = Promise.all([ready, promise]);
      count += 1;
      const done = (): void => {
        count -= 1;
        resolve();
      };
      return { ready, done };
    },
  };
}

const aborted = async (signal: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return;
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
};

const pause = async (ms: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, ms));

interface TalkOf {
  heard(end: Hello | End): void;
}
/** There is no lasting connection: the server is there when it was there the last time. */
function createTalk({ host: name, port }: Settings, host: ServiceHost): TalkOf {
  const where = `${name}:${port}`;
  let said: string | undefined;
  const say = (talk: Talk): void => {
    const now = JSON.stringify(talk);
    if (now !== said) host.talk(talk);
    said = now;
  };
  say({ at: 'joining', with: where });
  return {
    heard: (end) => {
      if (end.came === 'nothing' && end.why === 'expired') return;
      if (end.came === 'nothing' && end.why === 'offline') say({ at: 'down', why: end.text });
      else if (end.came !== 'silence') say({ at: 'up', with: where });
    },
  };
}

interface Needs {
  readonly settings: Settings;
  readonly host: ServiceHost;
  readonly signal: AbortSignal;
  readonly talk: TalkOf;
}

/** One after the other, up to the first that fails; says which were done before it. */
async function carryOut(
  order: Order,
  requests: readonly Asked[],
  { settings, host, signal, talk }: Needs,
): Promise<OrderOutcome> {
  let outcome: OrderOutcome = { ok: true };
  const done: string[] = [];
  for (const asked of requests) {
    const end = await deliver(asked.fields, { settings, host, signal });
    talk.heard(end);
    outcome = outcomeOf(order, asked, end);
    host.count(outcome.ok ? 'keys' : `keys-${outcome.why}`);
    if (!outcome.ok) break;
    done.push(asked.what);
  }
  if (outcome.ok || done.length === 0) return outcome;
  return { ...outcome, text: `Done: ${done.join(', ')}. Not done: ${outcome.text ?? ''}` };
}

/** Dials again as long as the server has not taken the frame; never after that. */
async function deliver(fields: Fields, needs: Omit<Needs, 'talk'>): Promise<End> {
  const { settings, host, signal } = needs;
  const sinceMs = host.clock.nowMs();
  for (let dials = 1; ; dials += 1) {
    const end = await tryOnce(fields, needs);
    const isGone = end.came === 'nothing' && end.why === 'offline';
    if (!isGone || dials >= DIALS_MAX || host.clock.nowMs() - sinceMs >= DIALS_MS_MAX) return end;
    host.trace('note', `Not delivered, again: ${end.text}`);
    // Ends early when it is given up: the next try says so.
    await Promise.race([pause(AGAIN_MS), aborted(signal)]);
    host.log.info(`Lock server ${settings.host}: ${end.text}; trying again`);
  }
}

async function tryOnce(
  fields: Fields,
  { settings, host, signal }: Omit<Needs, 'talk'>,
): Promise<End> {
  const call = await connect(settings, host, signal);
  if (!('write' in call)) return call;
  const answerMs = settings.answerSeconds * 1_000;
  const end = await converse(call, fields, {
    ...{ clock: host.clock, answerMs, signal },
    sending: () => host.trace('out', told(fields)),
  });
  if (end.came === 'answer') host.trace('in', told(end.fields));
  else host.trace('note', end.text);
  await leave(call);
  return end;
}

type Nothing = Extract<End, { came: 'nothing' }>;
async function connect(
  { host: name, port }: Settings,
  host: ServiceHost,
  signal: AbortSignal,
): Promise<Call | Nothing> {
  try {
    return await host.dialTcp({ host: name, port, msMax: DIAL_MS_MAX }, signal);
  } catch (error) {
    return signal.aborted
      ? { came: 'nothing', why: 'expired', text: 'Given up before the lock server was reached' }
      : { came: 'nothing', why: 'offline', text: `Lock server not reached (${codeOf(error)})` };
  }
}

async function leave(call: Call): Promise<void> {
  await call.finish(FINISH_MS_MAX).catch(() => {});
  call.close();
}

type Hello = Nothing | { readonly came: 'hello'; readonly isBusy: boolean };
/** ENQ alone: the server says whether it is free, and nothing is done. */
async function hello(settings: Settings, host: ServiceHost, signal: AbortSignal): Promise<Hello> {
  const call = await connect(settings, host, signal);
  if (!('write' in call)) return call;
  try {
    await call.write(Buffer.of(ENQ));
    const answer = (await call.read(READY_MS_MAX))?.[0];
    if (answer === ACK || answer === NAK) return { came: 'hello', isBusy: answer === NAK };
    const what = answer === undefined ? 'hung up' : 'said something else';
    return { came: 'nothing', why: 'offline', text: `No lock server: asked with ENQ, it ${what}` };
  } catch (error) {
    const text = `The lock server does not answer (${codeOf(error)})`;
    return { came: 'nothing', why: 'offline', text };
  } finally {
    await leave(call);
  }
}

/** INFO asks for nothing at an encoder: whatever comes back shows that frames are understood. */
async function test(
  settings: Settings,
  host: ServiceHost,
  signal: AbortSignal,
): Promise<readonly TestStep[]> {
  const said = await hello(settings, host, signal);
  const isThere = said.came === 'hello';
  const reached: TestStep = {
    step: 'connect',
    ok: isThere,
    text: isThere
      ? `The lock server answers${said.isBusy ? ', and is busy' : ''}`
      : `${said.text}: check host and port, the PMS settings there, and its firewall`,
  };
  if (!isThere) return [reached];
  const end = await deliver(INFO_FIELDS, { settings, host, signal });
  const answered = end.came === 'answer';
  const understood: TestStep = {
    step: 'request',
    ok: answered,
    text: answered
      ? 'It understands requests. Make a test key to see that the encoders answer'
      : `${end.text}: is "Industry Standard" chosen there?`,
  };
  return [reached, understood];
}
