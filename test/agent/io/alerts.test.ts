// TLS alerts as the port checks hear them, sent by a real socket: which are a refusal, and which one says
// that only our certificate is missing (RFC 8446, 6.2).
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { realNetwork } from '../../../agent/io/network.ts';
import type { Handshake } from '../../../agent/diagnostics/ports.ts';

const network = realNetwork({ nowMs: () => performance.now(), wallMs: () => Date.now() });

/** What is heard when every handshake is ended by this fatal alert. */
async function hear(alert: number): Promise<Handshake> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.of(21, 3, 3, 0, 2, 2, alert)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const heard = await network.handshake(target, { serverName: 'a.example', roots: [] });
  server.close();
  return heard;
}

for (const [name, alert] of [
  ['handshake_failure', 40],
  ['access_denied', 49],
  ['protocol_version', 70],
  ['internal_error', 80],
  ['unsupported_extension', 110],
  // What a firewall says that reads the names: OpenSSL's word for it does not call it an alert.
  ['unrecognized_name', 112],
  ['no_application_protocol', 120],
] as const) {
  test(`${name} is heard as a refusal`, async () => {
    const heard = await hear(alert);
    assert.equal(heard.speaks, 'alert', JSON.stringify(heard));
    assert.equal(heard.speaks === 'alert' && heard.wantsCertificate, false);
  });
}

test('certificate_required is heard as a question for our certificate', async () => {
  const heard = await hear(116);
  assert.ok(heard.speaks === 'alert' && heard.wantsCertificate, JSON.stringify(heard));
});
