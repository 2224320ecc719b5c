// Who is let in: TLS versions, names, ALPN, certificates; and HTTPS, what a unit has left without MQTT.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { after, before, beforeEach, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Cloud, Credentials } from './api.ts';
import { closed, connectMqtt, connectPacket, connectRaw, tlsOptions } from './client.ts';
import { openCloud } from './cloud.ts';

const THING = 'clockrpi-0123456789abcdef0123456789abcdef';
let cloud: Cloud;
let unit: Credentials;

before(async () => {
  cloud = await openCloud();
  unit = cloud.addThing(THING);
});
after(async () => cloud.close());
beforeEach(() => cloud.advance(1_100));

/** The handshake as a client sees it; then the error or close that follows at once, if any. */
async function handshake(more: ConnectionOptions = {}, at?: 'alpn'): Promise<TLSSocket> {
  const socket = connectTls({ ...tlsOptions(cloud, unit, at), ...more });
  await once(socket, 'secureConnect');
  return socket;
}

async function isCutOff(socket: TLSSocket): Promise<boolean> {
  socket.on('error', () => {});
  socket.resume();
  if (!socket.destroyed) await once(socket, 'close', { signal: AbortSignal.timeout(2_000) });
  return true;
}

test('the unit connects with TLS 1.2 and 1.3, and with nothing older', async () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await handshake({ minVersion: version, maxVersion: version });
    assert.equal(socket.getProtocol(), version);
    socket.destroy();
  }
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' } as const;
  await assert.rejects(handshake(old), /protocol|alert|version/i);
});

test('suites without elliptic curves are refused', async () => {
  const dhe = {
    maxVersion: 'TLSv1.2',
    ciphers: 'DHE-RSA-AES128-GCM-SHA256:AES128-GCM-SHA256',
  } as const;
  await assert.rejects(handshake(dhe), /handshake failure/);
});

test('there is no session ticket to resume with', async () => {
  const socket = await handshake({ maxVersion: 'TLSv1.2' });
  assert.equal(socket.getTLSTicket(), undefined);
  socket.destroy();
});

test('without SNI, or with a name that is not the endpoint, the handshake fails', async () => {
  await assert.rejects(handshake({ servername: '' }), /handshake failure|alert/);
  await assert.rejects(handshake({ servername: 'other.example' }), /ECONNRESET|disconnected|alert/);
});

test('the port that is 443 in the field asks for ALPN and refuses other names', async () => {
  const client = await connectMqtt(cloud, unit, { at: 'alpn', clientId: THING });
  assert.equal((client.stream as unknown as TLSSocket).alpnProtocol, 'x-amzn-mqtt-ca');
  await client.endAsync();
  await assert.rejects(handshake({ ALPNProtocols: ['mqtt'] }, 'alpn'), /no application protocol/i);
  assert.ok(await isCutOff(await handshake({ ALPNProtocols: [] }, 'alpn')));
});

test('a certificate that is missing, foreign, inactive or revoked does not come in', async () => {
  // TLS 1.3: the client learns of it only after its own handshake.
  assert.ok(await isCutOff(await handshake({ cert: '', key: '' })));
  await using other = await openCloud();
  const foreign = other.addThing(THING);
  assert.ok(await isCutOff(await handshake({ cert: foreign.certPem, key: foreign.keyPem })));
  for (const status of ['INACTIVE', 'REVOKED'] as const) {
    cloud.setCertificate(unit.certificateId, status);
    assert.ok(await isCutOff(await handshake()));
    cloud.setCertificate(unit.certificateId, 'ACTIVE');
  }
});

test('revoking a certificate cuts off who is connected with it', async () => {
  const other = cloud.addThing('clockrpi-ffffffffffffffffffffffffffffffff');
  const client = await connectMqtt(cloud, other, {
    clientId: 'clockrpi-ffffffffffffffffffffffffffffffff',
  });
  cloud.setCertificate(other.certificateId, 'REVOKED');
  await closed(client);
});

test('a thing that is deleted is refused with CONNACK 7', async () => {
  const name = 'clockrpi-eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee';
  const gone = cloud.addThing(name);
  cloud.deleteThing(name);
  const raw = await connectRaw(cloud, gone);
  raw.send(connectPacket(name));
  const connack = await raw.next('connack');
  assert.equal('returnCode' in connack && connack.returnCode, 7);
});

test('wrong servers: another authority, another name, expired; and a large one that is right', async () => {
  const seen = async (
    fault: 'wrong-authority' | 'wrong-name' | 'expired' | 'large',
  ): Promise<string> => {
    cloud.inject({ at: 'handshake', do: fault, times: 1 });
    return handshake().then(
      (socket) => {
        socket.destroy();
        return 'ok';
      },
      (error: NodeJS.ErrnoException) => error.code ?? '',
    );
  };
  assert.match(await seen('wrong-authority'), /UNABLE_TO|SELF_SIGNED|SIGNATURE/);
  assert.equal(await seen('wrong-name'), 'ERR_TLS_CERT_ALTNAME_INVALID');
  assert.equal(await seen('expired'), 'CERT_HAS_EXPIRED');
  assert.equal(await seen('large'), 'ok');
});

interface HttpsCall {
  readonly body?: string | Buffer;
  readonly by?: Credentials;
  readonly at?: 'https' | 'alpn';
  readonly to?: Cloud;
}

async function https(
  method: string,
  path: string,
  { body = '', by = unit, at = 'https', to = cloud }: HttpsCall = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const options = {
    ...tlsOptions(to, by),
    port: to.ports[at],
    ...(at === 'alpn' && { ALPNProtocols: ['x-amzn-http-ca'] }),
  };
  const asked = request({ ...options, method, path, agent: false });
  asked.end(body);
  const [answer] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk as string;
  return { status: answer.statusCode ?? 0, body: JSON.parse(text) as unknown };
}

test('HTTPS publishes where the policy lets a certificate without a client id', async () => {
  const path = `/topics/${encodeURIComponent(`clock/v1/${THING}/event/pbx`)}?qos=1`;
  for (const at of ['https', 'alpn'] as const) {
    assert.equal((await https('POST', path, { body: '{"v":1}', at })).status, 200);
    const message = await cloud.nextMessage(`clock/v1/${THING}/event/pbx`);
    assert.deepEqual([message.from, message.payload.toString()], ['https', '{"v":1}']);
  }
  // Page thing-policy-variables: the thing's name has no value over HTTPS, so only events go.
  assert.equal(
    (await https('POST', `/topics/clock%2Fv1%2F${THING}%2Fresult%2Fpbx?qos=1`)).status,
    403,
  );
  assert.equal((await https('POST', '/topics/clock%2Fv1%2Fother%2Fevent%2Fpbx?qos=1')).status, 403);
  assert.equal((await https('POST', path.replace('qos=1', 'qos=2'))).status, 400);
  const big = Buffer.alloc(128 * 1024 + 1);
  assert.equal((await https('POST', path, { body: big })).status, 413);
  assert.equal((await https('GET', `/things/${THING}/shadow?name=unit`)).status, 403);
  assert.equal((await https('GET', '/')).status, 404);
});

test('HTTPS reads and writes a shadow where the policy allows it', async () => {
  const statement = {
    Effect: 'Allow',
    Action: ['iot:GetThingShadow', 'iot:UpdateThingShadow', 'iot:DeleteThingShadow'],
    Resource: 'arn:aws:iot:eu-central-1:123456789012:thing/${iot:Certificate.Subject.CommonName}/*',
  } as const;
  const policy = { Version: '2012-10-17', Statement: [statement] } as const;
  await using other = await openCloud({ policies: { unit: policy } });
  const by = other.addThing(THING);
  const path = `/things/${THING}/shadow?name=unit`;
  const ask = async (method: string, body = ''): ReturnType<typeof https> =>
    https(method, path, { to: other, by, body });
  assert.equal((await ask('GET')).status, 404);
  const updated = await ask('POST', '{"state":{"reported":{"a":1}}}');
  assert.deepEqual([updated.status, (updated.body as { version: number }).version], [200, 1]);
  assert.equal((await ask('POST', '{"state":{"reported":{"a":1}},"version":7}')).status, 409);
  assert.equal((await ask('DELETE')).status, 200);
});
