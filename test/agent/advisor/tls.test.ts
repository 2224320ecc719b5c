// AWS IoT Device Advisor, the TLS cases, against the real agent process (page device-advisor-tests-tls).
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { after, before, test } from 'node:test';
import { THING } from '../unit.ts';
import { CONNECT, Exam, TRIGGER_TOPIC } from './exam.ts';

/** IoTSecurityPolicy_TLS13_1_2_2022_10 (page transport-security), as the bytes of a ClientHello. */
const RECOMMENDED = [0xc02b, 0xc02f];
const SUPPORTED = new Set([
  ...RECOMMENDED,
  ...[0x1301, 0x1302, 0x1303],
  ...[0xc02c, 0xc030, 0xc023, 0xc027, 0xc009, 0xc013, 0xc024, 0xc028, 0xc00a, 0xc014],
  // No suite: "I know secure renegotiation" (RFC 5746).
  0x00ff,
]);

let exam: Exam;
let relay: Server;
let hello = Buffer.alloc(0);
before(async () => {
  exam = await Exam.open(async (cloud) => {
    relay = createServer((socket) => {
      const far = connect(cloud.ports.mqtt, cloud.address);
      socket.once('data', (bytes) => (hello = bytes));
      for (const one of [socket, far]) one.on('error', () => {});
      socket.pipe(far).pipe(socket);
      socket.once('close', () => far.destroy());
      far.once('close', () => socket.destroy());
    });
    await new Promise<void>((done) => relay.listen(0, '127.0.0.1', done));
    return { ...cloud, ports: { ...cloud.ports, mqtt: (relay.address() as AddressInfo).port } };
  });
  await exam.unit.start();
  await exam.unit.untilUp(60_000);
});
after(async () => {
  await exam[Symbol.asyncDispose]();
  relay.close();
});

test('TLS_Connect', async () => {
  await exam.restart();
  assert.equal(exam.packets(CONNECT).length, 1);
});

test('TLS_Receive_Maximum_Size_Fragments', async () => {
  exam.cloud.publish(TRIGGER_TOPIC, Buffer.alloc(128 * 1024, 0x41));
  await exam.count(/← PUBLISH \d+ q1 .*trigger \(131072 bytes\)/, 1);
  await exam.until(() => exam.cloud.waitingFor(THING).length === 0, 'it is acknowledged');
});

test('TLS_Support_AWS_IoT_Cipher_Suites', async () => {
  hello = Buffer.alloc(0);
  await exam.restart();
  assert.equal(hello[0], 22, 'a handshake record');
  const at = 5 + 4 + 2 + 32 + 1 + hello[5 + 4 + 2 + 32]!;
  const count = hello.readUInt16BE(at) / 2;
  const offered = Array.from({ length: count }, (_, i) => hello.readUInt16BE(at + 2 + 2 * i));
  for (const suite of offered) assert.ok(SUPPORTED.has(suite), suite.toString(16));
  for (const suite of RECOMMENDED) assert.ok(offered.includes(suite), suite.toString(16));
});

test('TLS_Large_Size_Server_Cert', async () => {
  const fault = exam.cloud.inject({ at: 'handshake', do: 'large' });
  await exam.restart();
  assert.ok(fault.hits > 0);
  fault.undo();
});

for (const [name, shown, why] of [
  ['TLS_Unsecure_Server_Cert', 'wrong-authority', /SELF_SIGNED|UNABLE_TO/],
  ['TLS_Incorrect_Subject_Name_Server_Cert', 'wrong-name', /ALTNAME/],
  ['TLS_Expired_Server_Cert', 'expired', /EXPIRED/],
] as const) {
  test(name, async () => {
    const fault = exam.cloud.inject({ at: 'handshake', do: shown });
    await exam.restart({ until: 'started' });
    const { link } = await exam.unit.until((status) => status.link.problem !== null, 60_000);
    assert.match(link.problem!.why, why);
    await exam.until(() => fault.hits >= 2, 'it tries again');
    assert.deepEqual(exam.packets(CONNECT), [], 'nothing is said to it');
    fault.undo();
    await exam.unit.untilUp(60_000);
  });
}
