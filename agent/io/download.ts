// Fetches a file over HTTPS, and only the rest of it where a part is there already. Knows nothing of
// what it fetches: who asked checks it.
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { codeOf } from '../core/errors.ts';
import { agentFor } from './proxy.ts';
import type { Proxy } from './proxy.ts';
import type { Fetch, Fetched } from '../update/ports.ts';

/** Node gives up an address after 250 ms: too soon for a satellite (nodejs/node#54359). */
const ADDRESS_MS_MAX = 5_000;

interface Bounds {
  /** Authorities, PEM. */
  readonly roots: readonly string[];
  readonly deadlineMs: number;
  readonly idleMs: number;
  readonly proxy?: Proxy | undefined;
}

/** `file` is made with 0600 and fsynced before the answer, also when only a part has come. */
export const httpsFetch =
  (bounds: Bounds): Fetch =>
  async ({ url, file, size, signal }) => {
    let handle: FileHandle | undefined;
    try {
      handle = await open(file, 'a+', 0o600);
      return await resume(handle, { ...bounds, url, size, signal });
    } catch (error) {
      return { ok: false, kind: 'way', why: codeOf(error) };
    } finally {
      await handle?.sync().catch(() => {});
      await handle?.close();
    }
  };

interface Order extends Bounds {
  readonly url: string;
  readonly size: number;
  readonly signal: AbortSignal;
}

const other = (why: string): Fetched => ({ ok: false, kind: 'other', why });

async function resume(handle: FileHandle, order: Order): Promise<Fetched> {
  const { size } = order;
  let have = (await handle.stat()).size;
  if (have > size) {
    await handle.truncate(0);
    have = 0;
  }
  if (have === size) return { ok: true };
  const ended = AbortSignal.any([order.signal, AbortSignal.timeout(order.deadlineMs)]);
  const response = await answered(order, { from: have, signal: ended });
  const status = response.statusCode ?? 0;
  if (status === 200 || (status === 206 && startsAt(response, have, size))) {
    if (status === 200) await handle.truncate(0);
    return body(handle, response, { have: status === 200 ? 0 : have, size });
  }
  response.destroy();
  // What is here does not go with what lies there: the next try begins anew.
  if (status === 416 || status === 206) await handle.truncate(0);
  if (status === 416 || status === 206) return { ok: false, kind: 'way', why: `HTTP_${status}` };
  // S3: AccessDenied when the link's time is over, ExpiredToken when that of whoever signed it is.
  if (status === 403 || status === 400)
    return { ok: false, kind: 'expired', why: `HTTP_${status}` };
  return status >= 500 || status === 429
    ? { ok: false, kind: 'way', why: `HTTP_${status}` }
    : other(`HTTP_${status}`);
}

async function answered(
  { url, roots, idleMs, proxy }: Order,
  { from, signal }: { readonly from: number; readonly signal: AbortSignal },
): Promise<IncomingMessage> {
  return new Promise((done, fail) => {
    const call = request(url, {
      ca: [...roots],
      signal,
      agent: proxy === undefined ? false : agentFor(proxy, { keepAlive: false }),
      minVersion: 'TLSv1.2',
      timeout: idleMs,
      headers: from > 0 ? { Range: `bytes=${from}-` } : {},
      ...{ autoSelectFamilyAttemptTimeout: ADDRESS_MS_MAX },
    });
    call.on('timeout', () => call.destroy(Object.assign(new Error('idle'), { code: 'ETIMEDOUT' })));
    call.on('error', fail);
    call.once('response', done);
    call.end();
  });
}

/** RFC 9110, 14.4: `bytes 100-199/200`. */
function startsAt({ headers }: IncomingMessage, have: number, size: number): boolean {
  return headers['content-range'] === `bytes ${have}-${size - 1}/${size}`;
}

async function body(
  handle: FileHandle,
  response: IncomingMessage,
  { have, size }: { readonly have: number; readonly size: number },
): Promise<Fetched> {
  const announced = response.headers['content-length'];
  if (announced !== undefined && Number(announced) !== size - have) {
    response.destroy();
    return other('another length than the manifest says');
  }
  let at = have;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (at + chunk.length > size) {
      response.destroy();
      await handle.truncate(0);
      return other('longer than the manifest says');
    }
    await handle.appendFile(chunk);
    at += chunk.length;
  }
  return at === size ? { ok: true } : { ok: false, kind: 'way', why: 'broken off' };
}
