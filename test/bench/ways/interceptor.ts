// A firewall that opens TLS: answers with a certificate of its own authority for the right name, agrees
// to any protocol name, and notes what it is told.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { issueForServer, makeAuthority } from '../cloud/certificates/issue.ts';

export interface Interceptor extends AsyncDisposable {
  readonly port: number;
  /** TLS handshakes that it was asked for. */
  readonly asked: () => number;
  /** Bytes that somebody told it inside TLS. */
  readonly told: () => number;
}

export async function openInterceptor(host: string): Promise<Interceptor> {
  const nowMs = Date.now();
  const validity = { fromMs: nowMs - 3_600_000, toMs: nowMs + 3_600_000 };
  const authority = makeAuthority('Hotel Firewall', validity);
  const { certPem, keyPem } = issueForServer(authority, { hosts: [host], validity });
  let asked = 0;
  let told = 0;
  const server = createServer({
    cert: certPem,
    key: keyPem,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNCallback: ({ protocols }) => protocols[0],
  });
  server.on('connection', () => (asked += 1));
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => (told += bytes.length));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked: () => asked,
    told: () => told,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}
