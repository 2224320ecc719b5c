// A client of the API for tests of the double: signs, sends, reads; nothing of its own.
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:https';
import type { AccountRecord, Pms } from './api.ts';

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

type Headers = Readonly<Record<string, string>>;

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** One request as it is; rejects when the connection ends without an answer. */
export async function raw(
  { port, rootsPem }: Pms,
  method: string,
  path: string,
  { headers = {}, body }: { readonly headers?: Headers; readonly body?: string } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        ca: rootsPem,
        method,
        path,
        headers,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

export interface Nonce {
  readonly nonce: string;
  readonly opaque: string;
}

export async function nonceOf(pms: Pms, path: string): Promise<Nonce> {
  const { headers } = await raw(pms, 'GET', path);
  const of = (name: string): string =>
    new RegExp(`${name}="([^"]*)"`).exec(String(headers['www-authenticate']))?.[1] ?? '';
  return { nonce: of('nonce'), opaque: of('opaque') };
}

/** Signs for `uri`, which a test may make another than the request's. */
export function signed(
  { apiUser, apiKey }: AccountRecord,
  { nonce, opaque }: Nonce,
  { method, uri }: { readonly method: string; readonly uri: string },
): string {
  const cnonce = randomBytes(8).toString('hex');
  const [ha1, ha2] = [md5(`${apiUser}:API:${apiKey}`), md5(`${method}:${uri}`)];
  const response = md5(`${ha1}:${nonce}:00000001:${cnonce}:auth:${ha2}`);
  return (
    `Digest username="${apiUser}", realm="API", nonce="${nonce}", uri="${uri}", algorithm=MD5, ` +
    `qop=auth, nc=00000001, cnonce="${cnonce}", response="${response}", opaque="${opaque}"`
  );
}

export const pathOf = ({ subscriptionId, accountId }: AccountRecord, rest: string): string =>
  `/${rest.replace('/', `/${subscriptionId}/${accountId}/`)}`;

/** Calls with one nonce for all; `rest` begins with the API: `pms_api/rooms.json`. */
export async function openClient(pms: Pms, account = pms.account()) {
  const nonce = await nonceOf(pms, pathOf(account, 'base_api/x.json'));
  return async (method: string, rest: string, body?: unknown): Promise<Got & { json: unknown }> => {
    const uri = pathOf(account, rest);
    const headers = { authorization: signed(account, nonce, { method, uri }) };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const got = await raw(pms, method, uri, { headers, ...sent });
    const isJson = got.headers['content-type']?.includes('json') === true && got.text !== '';
    return { ...got, json: isJson ? JSON.parse(got.text) : undefined };
  };
}
