// The iLink role: tells the exchange's web server what becomes of rooms, one request at a time, and takes the call
// records that the exchange posts.
import { codeOf } from '../../core/errors.ts';
import type {
  Interface,
  Need,
  RunningInterface,
  ServiceHost,
  TestStep,
} from '../../core/interface.ts';
import { maskName } from '../../core/mask.ts';
import type { Order, OrderOutcome } from '../../core/vocabulary.ts';
import { parseIlinkSettings } from './config.ts';
import type { IlinkSettings } from './config.ts';
import { createExchange } from './counterpart.ts';
import { extensionsOf, requestsFor } from './house.ts';
import { AGAIN_MS, ANSWER_BYTES_MAX, AWAY_MS, IDLE_MS, TRIES_MAX, WAITING_MAX } from './limits.ts';
import { listenForCalls } from './record.ts';
import { texts } from './texts.ts';
import { bodyOf, readAnswer } from './wire.ts';
import type { Request } from './wire.ts';

const TAKES = [
  ...(['room.checked-in', 'room.checked-out', 'room.moved', 'guest.changed'] as const),
  ...(['room.barring', 'room.privacy', 'message.light', 'wakeup.set', 'wakeup.clear'] as const),
  'resync',
] as const;
/** A house has rooms without a telephone; a lamp of one that has none is a mistake. */
const NEEDS_TELEPHONE: ReadonlySet<string> = new Set([
  ...['room.barring', 'room.privacy', 'message.light', 'wakeup.set', 'wakeup.clear'],
]);

function headersOf({ siteId, user, password, token }: IlinkSettings): Record<string, string> {
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  return {
    ...(siteId === undefined ? {} : { siteid: siteId }),
    ...(user === undefined ? {} : { Authorization: `Basic ${basic}` }),
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  };
}

const urlOf = ({ url }: IlinkSettings, path: string): string =>
  `${url.replace(/\/+$/, '')}/API/${path}`;
const peerOf = ({ url }: IlinkSettings): string => new URL(url).host;

/** `again`: it did not come about, and may on another try. */
type Sent = OrderOutcome & { readonly isAgain?: boolean };

async function ask(
  request: Request,
  settings: IlinkSettings,
  { host, signal }: { readonly host: ServiceHost; readonly signal: AbortSignal },
): Promise<Sent> {
  const reply = await host.http(
    {
      ...{ url: urlOf(settings, request.path), method: 'POST', body: bodyOf(request) },
      headers: { ...headersOf(settings), 'Content-Type': 'text/json' },
      ...{ msMax: settings.answerSeconds * 1_000, bytesMax: ANSWER_BYTES_MAX },
      trustPem: settings.trustPem,
    },
    signal,
  );
  if (!reply.ok) return { ok: false, why: 'offline', text: reply.code, isAgain: true };
  const answer = readAnswer(reply.body);
  if (answer?.result === 'success') return { ok: true };
  if (answer !== undefined) {
    return { ok: false, why: 'refused', text: answer.information || 'failed, without a reason' };
  }
  if (reply.status >= 500) {
    return { ok: false, why: 'busy', text: `HTTP status ${reply.status}`, isAgain: true };
  }
  const isDoor = reply.status === 401 || reply.status === 403;
  const text = isDoor ? 'user, password or token is wrong' : 'the answer is none of iLink';
  return { ok: false, why: 'refused', text: `HTTP status ${reply.status}: ${text}` };
}

const told = ({ path, fields: { firstname = '', lastname = '', ...rest } }: Request): string =>
  `${path} ${Object.values({ ...rest, title: '' }).join(' ')} ${maskName(`${firstname} ${lastname}`)}`
    .replaceAll(/ {2,}/g, ' ')
    .trim();

function start(settings: IlinkSettings, host: ServiceHost): RunningInterface {
  const extensions = extensionsOf(settings);
  const ending = new AbortController();
  const peer = peerOf(settings);
  const records = settings.calls === undefined ? undefined : listenForCalls(settings.calls, host);
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let heardMs = host.clock.nowMs();
  let isThere = false;

  const hear = (isHeard: boolean, why = ''): void => {
    heardMs = host.clock.nowMs();
    isThere = isHeard;
    host.talk(isThere ? { at: 'up', with: peer } : { at: 'down', why: `${peer}: ${why}` });
  };

  const send = async (request: Request, signal: AbortSignal): Promise<OrderOutcome> => {
    host.trace('out', told(request));
    for (let tries = 1; ; tries += 1) {
      const { isAgain = false, ...outcome } = await ask(request, settings, { host, signal });
      const why = outcome.ok ? '' : (outcome.text ?? outcome.why);
      if (!signal.aborted) hear(outcome.ok || outcome.why === 'refused', why);
      host.trace('in', outcome.ok ? 'success' : `${outcome.why}: ${why}`);
      host.count(outcome.ok ? 'set' : 'not set');
      if (!isAgain || tries >= TRIES_MAX || signal.aborted) return outcome;
      await pause(AGAIN_MS, signal);
    }
  };

  const carryOut = async (order: Order, signal: AbortSignal): Promise<OrderOutcome> => {
    if (signal.aborted) return { ok: false, why: 'expired' };
    const house = await host.house().catch(codeOf);
    if (typeof house === 'string') return { ok: false, why: 'busy', text: house };
    const requests = requestsFor(order, { settings, extensions, house });
    if (requests === undefined) return { ok: false, why: 'unsupported' };
    if (requests.length === 0 && NEEDS_TELEPHONE.has(order.kind)) {
      return { ok: false, why: 'wrong', text: 'this room has no extension in the settings' };
    }
    const refusals: string[] = [];
    for (const request of requests) {
      const outcome = await send(request, signal);
      if (outcome.ok) continue;
      if (signal.aborted) return { ok: false, why: 'expired' };
      // The other extensions of the house are not worse for it.
      if (outcome.why !== 'refused') return outcome;
      refusals.push(`${request.fields['extn']}: ${outcome.text ?? ''}`);
    }
    const text = refusals.slice(0, 5).join('; ');
    if (refusals.length > 0) return { ok: false, why: 'refused', text };
    return { ok: true, body: { requests: requests.length } };
  };

  /** In order: a guest who leaves must not overtake the one who came. */
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = tail;
    const mine = before.then(work);
    waiting += 1;
    tail = mine.catch(() => {}).finally(() => (waiting -= 1));
    return mine;
  };

  const look = async (): Promise<void> => {
    const reply = await knock(settings, host, ending.signal);
    if (!ending.signal.aborted) hear(reply.ok, reply.ok ? '' : reply.code);
  };
  const looking = setInterval(() => {
    const restMs = isThere ? IDLE_MS : AWAY_MS;
    if (waiting === 0 && host.clock.nowMs() - heardMs >= restMs) void inTurn(look);
  }, AWAY_MS / 2);
  host.talk({ at: 'joining', with: peer });
  void inTurn(look);

  return {
    handle: async (order, signal) => {
      if (!(TAKES as readonly string[]).includes(order.kind))
        return { ok: false, why: 'unsupported' };
      if (waiting >= WAITING_MAX) return { ok: false, why: 'busy', text: 'too many orders wait' };
      const either = AbortSignal.any([signal, ending.signal]);
      return inTurn(async () => carryOut(order, either));
    },
    close: async () => {
      clearInterval(looking);
      ending.abort();
      await tail;
      await records?.close();
    },
  };
}

/** Any answer will do: iLink has no request that only asks. */
const knock = async (settings: IlinkSettings, host: ServiceHost, signal: AbortSignal) =>
  host.http(
    {
      ...{ url: urlOf(settings, ''), method: 'GET', headers: headersOf(settings) },
      ...{ msMax: settings.answerSeconds * 1_000, bytesMax: ANSWER_BYTES_MAX },
      trustPem: settings.trustPem,
    },
    signal,
  );

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

function needsOf({ url, calls }: IlinkSettings): readonly Need[] {
  const { hostname, port, protocol } = new URL(url);
  const standard = protocol === 'https:' ? 443 : 80;
  const host = hostname.replace(/^\[|\]$/g, '');
  return [
    { need: 'connect', host, port: port === '' ? standard : Number(port) },
    ...(calls === undefined
      ? []
      : [{ need: 'listen', port: calls.port, from: calls.from } as const]),
  ];
}

async function test(
  settings: IlinkSettings,
  host: ServiceHost,
  signal: AbortSignal,
): Promise<readonly TestStep[]> {
  const reply = await knock(settings, host, signal);
  const isDoor = reply.ok && (reply.status === 401 || reply.status === 403);
  const seen = reply.ok ? `HTTP status ${reply.status}` : reply.code;
  const refused = 'it refuses user, password or token';
  const text = isDoor ? `${seen}: ${refused}` : `${seen}; iLink has no request that only asks`;
  const steps: TestStep[] = [{ step: 'connect', ok: reply.ok && !isDoor, text }];
  const extensions = extensionsOf(settings);
  const house = await host.house().catch(() => undefined);
  const rooms = house?.rooms ?? [];
  const without = rooms.filter(({ room }) => extensions(room).length === 0);
  const names = without.slice(0, 10).map(({ room }) => room);
  steps.push({
    ...{ step: 'extensions', ok: without.length < rooms.length || rooms.length === 0 },
    text:
      without.length === 0
        ? `all of ${rooms.length} rooms have an extension`
        : `${without.length} of ${rooms.length} rooms have no extension: ${names.join(', ')}`,
  });
  return steps;
}

export const ilink: Interface<IlinkSettings> = {
  name: 'ilink',
  title: texts.title.en,
  texts,
  takes: TAKES,
  emits: ['call.recorded'],
  parse: parseIlinkSettings,
  needs: needsOf,
  start,
  test,
  counterpart: (settings) => createExchange(settings),
};
