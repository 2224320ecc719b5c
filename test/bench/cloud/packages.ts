// Where packages are fetched from, as from S3 by pre-signed links (page jobs-manage-presigned-url, "Using
// pre-signed URLs"): a link is good for one file and for a time, after which it is answered with 403;
// GET with Range of one range (RFC 9110, 14). Faults on demand.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { issueForServer, makeAuthority } from './certificates/issue.ts';

const HOUR_MS = 3_600_000;
/** AWS's default of a pre-signed link in a job. */
const LIFE_MS = HOUR_MS;

export interface PackageFault {
  /** After so many bytes of a body the connection is cut. */
  readonly cutAfter?: number;
  /** After so many bytes nothing more comes; the connection stays. */
  readonly stallAfter?: number;
  readonly bytesPerSecond?: number;
  /** The file over and over, its length not announced. */
  readonly endless?: boolean;
  /** 200 and the whole, as from a server that does not know Range. */
  readonly ignoreRange?: boolean;
  readonly status?: number;
  /** Other bytes of the same length. */
  readonly wrong?: boolean;
  readonly times: number;
}

/** How often a second a slow answer is written to. */
const PIECES = 20;

export interface Packages extends AsyncDisposable {
  /** On loopback. */
  readonly port: number;
  readonly rootsPem: string;
  put(name: string, bytes: Buffer): void;
  /** A link to it, good from now on. */
  link(name: string, options?: { readonly lifeMs?: number }): string;
  inject(fault: PackageFault): void;
  /** What was asked: status and range of every answer. */
  readonly answers: readonly { readonly status: number; readonly range: string | undefined }[];
}

/** `host`: the name in its links and its certificate, which something leads to `port` from that host's 443. */
export async function openPackages({ host }: { readonly host?: string } = {}): Promise<Packages> {
  const validity = { fromMs: Date.now() - HOUR_MS, toMs: Date.now() + 24 * HOUR_MS };
  const authority = makeAuthority('Bench Root CA of the packages', validity);
  const { certPem, keyPem } = issueForServer(authority, {
    hosts: [host ?? 'localhost'],
    validity,
  });
  const files = new Map<string, Buffer>();
  const secret = randomBytes(32);
  const answers: { status: number; range: string | undefined }[] = [];
  let fault: PackageFault | undefined;
  const signatureOf = (name: string, expires: string): Buffer =>
    createHmac('sha256', secret).update(`${name}\n${expires}`).digest();
  const isGood = (url: URL): boolean => {
    const expires = url.searchParams.get('X-Amz-Expires') ?? '';
    const given = Buffer.from(url.searchParams.get('X-Amz-Signature') ?? '', 'hex');
    const right = signatureOf(url.pathname.slice(1), expires);
    const isSigned = given.length === right.length && timingSafeEqual(given, right);
    return isSigned && Date.now() < Number(expires);
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'https://localhost');
    const { range } = request.headers;
    const now = fault;
    if (now !== undefined) fault = now.times > 1 ? { ...now, times: now.times - 1 } : undefined;
    const say = (status: number, headers = {}, body?: Buffer): void => {
      answers.push({ status, range });
      response.writeHead(status, headers);
      if (body === undefined) return void response.end();
      send(response, body, now ?? {}).catch(() => response.destroy());
    };
    if (now?.status !== undefined) return say(now.status);
    if (!isGood(url)) return say(403);
    const file = files.get(url.pathname.slice(1));
    if (file === undefined) return say(404);
    const bytes = now?.wrong === true ? Buffer.alloc(file.length, 0x20) : file;
    const asked = now?.ignoreRange === true ? '' : (range ?? '');
    const [, first] = /^bytes=(\d+)-$/.exec(asked) ?? [];
    const length = now?.endless === true ? {} : { 'Content-Length': bytes.length };
    if (first === undefined) return say(200, length, bytes);
    const from = Number(first);
    if (from >= bytes.length) return say(416, { 'Content-Range': `bytes */${bytes.length}` });
    const part = bytes.subarray(from);
    const shown = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    say(206, { 'Content-Length': part.length, 'Content-Range': shown }, part);
  };
  const server = createServer({ cert: certPem, key: keyPem }, answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const origin = host === undefined ? `https://localhost:${port}/` : `https://${host}/`;
  return {
    ...{ port, rootsPem: authority.certPem },
    put: (name, bytes) => void files.set(name, bytes),
    link: (name, { lifeMs = LIFE_MS } = {}) => {
      const url = new URL(name, origin);
      const expires = String(Date.now() + lifeMs);
      url.searchParams.set('X-Amz-Expires', expires);
      url.searchParams.set('X-Amz-Signature', signatureOf(name, expires).toString('hex'));
      return url.href;
    },
    inject: (next) => {
      fault = next;
    },
    answers,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((done) => {
        server.close(() => done());
      });
    },
  };
}

async function send(
  response: ServerResponse,
  body: Buffer,
  fault: Omit<PackageFault, 'times'>,
): Promise<void> {
  const { cutAfter, stallAfter, bytesPerSecond, endless } = fault;
  if (cutAfter !== undefined) {
    response.write(body.subarray(0, cutAfter), () => response.destroy());
  } else if (stallAfter !== undefined) {
    response.write(body.subarray(0, stallAfter));
  } else if (bytesPerSecond !== undefined) {
    const piece = Math.max(1, Math.round(bytesPerSecond / PIECES));
    for (let at = 0; at < body.length && !response.destroyed; at += piece) {
      response.write(body.subarray(at, at + piece));
      await sleep(1_000 / PIECES);
    }
    response.end();
  } else if (endless === true) {
    for (; !response.destroyed; await sleep(2)) response.write(body);
  } else {
    response.end(body);
  }
}
