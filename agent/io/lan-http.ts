// HTTP and HTTPS to systems in the hotel: one request, one connection, one answer, within a deadline and a size.
// Follows nothing, keeps no cookie, unpacks nothing; who logs in how is the caller's.
import { X509Certificate } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { checkServerIdentity } from 'node:tls';
import type { PeerCertificate } from 'node:tls';
import { codeOf } from '../core/errors.ts';
import { ADDRESS_MS_MAX } from '../core/line/limits.ts';
import type { LanHttp, LanReply, LanRequest } from '../core/line/ports.ts';

/** Codes of its own: `timeout`, `aborted`, `too-large`, `bad-request`; else the system's or OpenSSL's. */
export const lanHttp: LanHttp = async (asked, signal) => {
  const { promise, resolve } = Promise.withResolvers<LanReply>();
  let isSent = false;
  let outgoing: ClientRequest;
  try {
    outgoing = open(asked);
  } catch {
    // A URL, header or certificate that cannot be sent or read.
    return { ok: false, code: 'bad-request', sent: false };
  }
  const fail = (code: string): void => {
    resolve({ ok: false, code, sent: isSent });
    outgoing.destroy();
  };
  const stop = (): void => fail('aborted');
  const tooLate = setTimeout(() => fail('timeout'), asked.msMax);
  signal.addEventListener('abort', stop, { once: true });
  outgoing.on('socket', (socket) => {
    // Before the connection stands nothing of the request has left.
    const ready = asked.url.startsWith('https:') ? 'secureConnect' : 'connect';
    socket.once(ready, () => (isSent = true));
  });
  outgoing.on('error', (error) => fail(codeOf(error)));
  outgoing.on('response', (response) => {
    collect(response, asked.bytesMax).then(
      (body) => {
        const { statusCode: status = 0 } = response;
        if (body === undefined) return fail('too-large');
        return resolve({ ok: true, status, body, headers: plainHeaders(response) });
      },
      (error: unknown) => fail(codeOf(error)),
    );
  });
  if (signal.aborted) stop();
  else outgoing.end(asked.body);
  const reply = await promise;
  clearTimeout(tooLate);
  signal.removeEventListener('abort', stop);
  return reply;
};

function open({ url, method, headers, body, trustPem }: LanRequest): ClientRequest {
  const options: RequestOptions = {
    ...{ method, agent: false, autoSelectFamilyAttemptTimeout: ADDRESS_MS_MAX },
    headers: {
      ...headers,
      Connection: 'close',
      ...(body !== undefined && { 'Content-Length': String(body.length) }),
    },
  };
  if (!url.startsWith('https:')) return requestHttp(url, options);
  if (trustPem === undefined) return requestHttps(url, options);
  const own = fingerprintsIn(trustPem);
  return requestHttps(url, {
    ...options,
    ca: trustPem,
    // A server's own certificate, given as such, is trusted though its authority is not known …
    allowPartialTrustChain: true,
    // … and whatever name it bears: boxes in hotels are called by their address.
    checkServerIdentity: (host: string, certificate: PeerCertificate) =>
      own.has(certificate.fingerprint256) ? undefined : checkServerIdentity(host, certificate),
  });
}

/** Throws when one of them is no certificate. */
function fingerprintsIn(pem: string): ReadonlySet<string> {
  const all = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (all.length === 0) throw new Error('No certificate');
  return new Set(all.map((one) => new X509Certificate(one).fingerprint256));
}

/** undefined: more than allowed. Rejects when the answer is cut off. */
async function collect(response: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function plainHeaders({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const texts = Object.entries(headers).filter((one): one is [string, string] => {
    return typeof one[1] === 'string';
  });
  return Object.fromEntries(texts);
}
