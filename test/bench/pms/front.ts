// What happens to a call: firewall, limit, signature, right, work, answer; and to a poll of a channel.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { error, html, json, plain, send, session } from './answer.ts';
import type { Answer } from './answer.ts';
import type { AccountRecord } from './api.ts';
import type { Channels } from './channels.ts';
import { DENIED, challenge, decodeCredentials, verifySigned } from './digest.ts';
import type { Authority } from './digest.ts';
import { MONEY } from './endpoints/money.ts';
import { STAY } from './endpoints/stay.ts';
import type { Asked, Endpoint } from './endpoints/endpoint.ts';
import type { FaultBook } from './faults.ts';
import type { CallSeen, Journal } from './journal.ts';
import type { Limits } from './limits.ts';
import { parseQuery } from './query.ts';
import { Refusal, lacks, notFound } from './refusal.ts';
import type { Users } from './users.ts';

export interface FrontOptions {
  readonly users: Users;
  readonly faults: FaultBook;
  readonly journal: Journal;
  readonly channels: Channels;
  readonly authority: Authority;
  readonly limits: Limits;
  readonly nowMs: () => number;
  readonly accounts: readonly Pick<AccountRecord, 'kind' | 'accountId' | 'subscriptionId'>[];
  readonly hasApi: boolean;
  readonly hasPhone: boolean;
  /** The account's root. */
  readonly root: (accountId: number) => unknown;
  readonly world: Omit<Asked, 'params' | 'query' | 'body'>;
}

type Seen = ReturnType<Journal['see']>;

const WAF = html(403, '403 Forbidden');
const ENDPOINTS: readonly Endpoint[] = [...STAY, ...MONEY];
const PLACE: Readonly<Record<string, string>> = {
  ':id': String.raw`(\d{1,15})`,
  ':date': String.raw`(\d{4}-\d\d-\d\d)`,
};
const PATTERNS = new Map(
  ENDPOINTS.map((one) => {
    const parts = one.path.split('/').map((part) => PLACE[part] ?? part);
    return [one, new RegExp(`^${parts.join('/')}$`)] as const;
  }),
);

export function createFront(options: FrontOptions) {
  const { journal, limits } = options;
  return (request: IncomingMessage, response: ServerResponse): void => {
    const answer = async (): Promise<void> => {
      const body = await readBody(request, limits.bodyBytesMax);
      const isPoll = request.url?.startsWith('/sub/') === true;
      const call = seen(request, body?.length ?? limits.bodyBytesMax, options);
      const into = journal.see(isPoll ? 'polls' : 'calls', call);
      if (isPoll) await answerPoll(request, response, { ...options, into });
      else await answerCall(request, response, { ...options, into, body });
      journal.changed();
    };
    // A client that goes in the middle gets no answer.
    answer().catch(() => response.destroy());
  };
}

function seen(request: IncomingMessage, bodyBytes: number, { nowMs }: FrontOptions): CallSeen {
  const { url = '/', method = '', headers, socket } = request;
  const at = url.includes('?') ? url.indexOf('?') : url.length;
  return {
    ...{ atMs: nowMs(), address: socket.remoteAddress ?? '', method, bodyBytes },
    apiUser: decodeCredentials(headers.authorization ?? '').get('username'),
    ...{ path: url.slice(0, at), query: url.slice(at + 1) },
    sentCookie: headers.cookie !== undefined,
    ...{ why: undefined, status: undefined, fault: undefined },
  };
}

type Deciding = FrontOptions & { readonly into: Seen; readonly body: Buffer | undefined };

async function answerCall(
  request: IncomingMessage,
  response: ServerResponse,
  options: Deciding,
): Promise<void> {
  const { into, faults, users, nowMs } = options;
  const { apiUser, method, path, address } = into;
  const say = async (answer: Answer, fault?: Parameters<typeof send>[2]): Promise<void> => {
    const headers = { ...session(), ...answer.headers };
    into.status = await send(response, { ...answer, headers }, fault);
  };
  if (users.isBanned(address, nowMs())) return say(WAF);
  const trouble = faults.take('call', { apiUser, method, path });
  if (trouble !== undefined) into.fault = `call ${trouble.do}`;
  switch (trouble?.do) {
    case undefined:
    case 'expire-nonce':
    case 'throttle':
      break;
    case 'drop':
      return void response.socket?.destroy();
    case 'black-hole':
      return;
    case 'waf':
      if (trouble.ban === true) users.ban(address, nowMs());
      return say(WAF);
    case 'delay':
      await sleep(trouble.ms);
  }
  const accountId = Number(/^\/[a-z]+_api\/\d+\/(\d+)/.exec(path)?.[1] ?? 0);
  const isTooMany = users.isTooMany({ apiUser, accountId, address }, nowMs());
  if (trouble?.do === 'throttle' || isTooMany) return say(error(429, 'Too many requests'));
  const verdict = verifySigned(
    { method, target: request.url ?? '', authorization: request.headers.authorization },
    options.authority,
    { nowMs: nowMs(), keyOf: (user) => users.keyOf(user, accountId) },
  );
  if (!verdict.ok || trouble?.do === 'expire-nonce') {
    into.why = verdict.ok ? 'old nonce' : verdict.why;
    const header = { 'WWW-Authenticate': challenge(options.authority, nowMs()) };
    return say(plain(401, DENIED, header));
  }
  const refusal = faults.take('work', { apiUser, method, path });
  if (refusal !== undefined) {
    into.fault = 'work refuse';
    const { status, text = 'Refused', body, contentType = 'text/html' } = refusal;
    if (body === undefined) return say(error(status, text));
    return say({ status, headers: { 'Content-Type': contentType }, body });
  }
  const answer = work(verdict.apiUser, accountId, options);
  const fault = faults.take('answer', { apiUser, method, path });
  if (fault !== undefined) into.fault = `answer ${fault.do}`;
  return say(answer, fault);
}

/** Carries the call out. */
function work(apiUser: string, accountId: number, options: Deciding): Answer {
  const { into, users, journal } = options;
  try {
    const [, api = '', subscription, rest = ''] =
      /^\/([a-z]+_api)\/(\d+)\/\d+(?:\.json|\/(.*?))?$/.exec(into.path) ?? [];
    const account = options.accounts.find((one) => one.accountId === accountId);
    const isThere =
      account !== undefined &&
      account.subscriptionId === Number(subscription) &&
      (api === 'base_api' || api === `${account.kind}_api`);
    if (!isThere) throw notFound();
    if (!options.hasApi) throw new Refusal(500, 'Addon API not installed!');
    const name = rest.replace(/\/$/, '').replace(/\.json$/, '');
    if (name === '' && into.method === 'GET') return json(200, options.root(accountId));
    const [endpoint, params] = route(api, into.method, name);
    const isPhone = endpoint.path === 'phone_calls';
    if (isPhone && !options.hasPhone) throw new Refusal(500, 'Addon Phone calls not installed!');
    const right = endpoint.right.includes(':') ? endpoint.right : `${api}_${endpoint.right}`;
    if (users.rights(apiUser).has(right)) throw lacks(right);
    const body = parseBody(options.body);
    const query = parseQuery(into.query);
    const value = endpoint.answer({ ...options.world, params, query, body });
    if (into.method !== 'GET') {
      const { atMs, method, path } = into;
      journal.wrote({ atMs, apiUser, method, path, body });
    }
    return json(200, value);
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    into.why = problem.message;
    return problem.html
      ? html(problem.status, problem.message)
      : error(problem.status, problem.message);
  }
}

function route(api: string, method: string, name: string): [Endpoint, readonly string[]] {
  for (const [endpoint, pattern] of PATTERNS) {
    if (endpoint.api !== api || endpoint.method !== method) continue;
    const found = pattern.exec(name);
    if (found !== null) return [endpoint, found.slice(1)];
  }
  throw notFound();
}

function parseBody(body: Buffer | undefined): unknown {
  if (body === undefined) throw new Refusal(413, 'Request Entity Too Large');
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Refusal(400, 'There was a problem in the JSON you submitted');
  }
}

type Polling = FrontOptions & { readonly into: Seen };

async function answerPoll(
  request: IncomingMessage,
  response: ServerResponse,
  { into, faults, users, channels, nowMs, journal }: Polling,
): Promise<void> {
  const id = into.path.slice('/sub/'.length);
  const say = async (answer: Answer): Promise<void> => {
    into.status = await send(response, answer);
    journal.changed();
  };
  if (users.isBanned(into.address, nowMs())) return say(WAF);
  const fault = faults.take('poll', { method: into.method, path: id });
  if (fault !== undefined) into.fault = `poll ${fault.do}`;
  switch (fault?.do) {
    case undefined:
      break;
    case 'drop':
      return void response.socket?.destroy();
    case 'black-hole':
      return undefined;
    case 'empty':
      return say({ status: 304, headers: {}, body: '' });
    case 'malformed':
      return say(plain(200, '\u0000{"door_key_id":'));
    case 'refuse':
      return say(plain(fault.status, ''));
    case 'drop-after':
      setTimeout(() => response.socket?.destroy(), fault.ms).unref();
  }
  if (into.method !== 'GET' || !channels.has(id)) return say(html(404, '404 Not Found'));
  const cursor = {
    ifModifiedSince: request.headers['if-modified-since'],
    ifNoneMatch: request.headers['if-none-match'],
  };
  const answer = (one: Answer): void => void say(one).catch(() => response.destroy());
  const takeBack = channels.poll(id, cursor, { nowMs: nowMs(), answer });
  response.once('close', takeBack);
  return undefined;
}

/** The body, or undefined when it is larger than allowed (it is then read to its end and dropped). */
async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
  }
  return bytes > bytesMax ? undefined : Buffer.concat(chunks);
}
