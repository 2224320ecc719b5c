// Provisioning, shadows and jobs over stock mqtt.js: the rules that AWS's SDK keeps by itself, and the
// trouble a test can script.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import type { Cloud, Credentials } from './api.ts';
import { makeCsr } from './certificates/request.ts';
import { closed, connectMqtt, until } from './client.ts';
import { openCloud } from './cloud.ts';

const SERIAL = '0123456789abcdef0123456789abcdef';
const THING = `clockrpi-${SERIAL}`;
const CREATE = '$aws/certificates/create-from-csr/json';
const PROVISION = '$aws/provisioning-templates/clock-unit/provision/json';
const SHADOW = `$aws/things/${THING}/shadow/name/unit`;
const JOBS = `$aws/things/${THING}/jobs`;
type Body = Readonly<Record<string, unknown>>;

interface Answer {
  readonly ok: boolean;
  readonly body: Body;
}

/** A client that asks and waits for what comes of it. */
interface Asking {
  readonly client: MqttClient;
  /** Everything received: the topic's last words and the body. */
  readonly got: { readonly topic: string; readonly body: Body }[];
  /** Publishes a request; resolves with the answer on `…/accepted` or `…/rejected`. */
  readonly ask: (topic: string, body: object | string) => Promise<Answer>;
}

async function asking(cloud: Cloud, by: Credentials, clientId: string): Promise<Asking> {
  const client = await connectMqtt(cloud, by, { clientId, keepalive: 1_200 });
  const got: { topic: string; body: Body }[] = [];
  client.on('message', (topic, payload) => {
    got.push({ topic, body: JSON.parse(payload.toString()) as Body });
  });
  return {
    client,
    got,
    ask: async (topic, body) => {
      const before = got.length;
      const payload = typeof body === 'string' ? body : JSON.stringify(body);
      await client.publishAsync(topic, payload, { qos: 1 });
      const answerTo = (): (typeof got)[number] | undefined =>
        got
          .slice(before)
          .find((one) => [`${topic}/accepted`, `${topic}/rejected`].includes(one.topic));
      await until(() => answerTo() !== undefined);
      const answer = answerTo()!;
      return { ok: answer.topic.endsWith('/accepted'), body: answer.body };
    },
  };
}

const newCsr = (name = THING): string =>
  makeCsr(name, generateKeyPairSync('ec', { namedCurve: 'P-256' }));

async function claiming(cloud: Cloud): Promise<Asking> {
  const claim = await asking(cloud, cloud.makeClaim(), 'claim-1');
  await claim.client.subscribeAsync([`${CREATE}/+`, `${PROVISION}/+`], { qos: 1 });
  return claim;
}

test('provisioning: a certificate is of no use until registered; the token lives an hour', async () => {
  await using cloud = await openCloud();
  const { client, ask } = await claiming(cloud);
  const made = await ask(CREATE, { certificateSigningRequest: newCsr() });
  assert.deepEqual(Object.keys(made.body).toSorted(), [
    'certificateId',
    'certificateOwnershipToken',
    'certificatePem',
  ]);
  assert.equal(cloud.view().certificates.at(-1)?.status, 'PENDING_ACTIVATION');
  cloud.advance(3_600_001);
  assert.equal(cloud.view().certificates.length, 1);
  await closed(client); // its keep-alive has passed too
  const again = await claiming(cloud);
  const late = await again.ask(PROVISION, {
    certificateOwnershipToken: made.body['certificateOwnershipToken'],
    parameters: { SerialNumber: SERIAL },
  });
  assert.deepEqual([late.ok, late.body['errorCode']], [false, 'InvalidCertificateOwnershipToken']);
  await again.client.endAsync();
});

test('provisioning: repeating a registration is harmless, as its answer may be lost', async () => {
  await using cloud = await openCloud({ deviceConfiguration: { fleet: 'bench' } });
  const { client, ask } = await claiming(cloud);
  const made = await ask(CREATE, { certificateSigningRequest: newCsr() });
  const registration = {
    certificateOwnershipToken: made.body['certificateOwnershipToken'],
    parameters: { SerialNumber: SERIAL },
  };
  cloud.inject({ at: 'request', topic: PROVISION, do: 'lose-answer', times: 1 });
  await client.publishAsync(PROVISION, JSON.stringify(registration), { qos: 1 });
  assert.equal(cloud.view().units[0]?.thing, THING);
  const again = await ask(PROVISION, registration);
  assert.deepEqual(again.body, { deviceConfiguration: { fleet: 'bench' }, thingName: THING });
  assert.equal(cloud.view().certificates.at(-1)?.status, 'ACTIVE');
  await client.endAsync();
});

test('provisioning: what is wrong is rejected in words', async () => {
  await using cloud = await openCloud({ hook: ({ parameters }) => parameters['Known'] === 'yes' });
  const { client, ask } = await claiming(cloud);
  const rejected = async (topic: string, body: object | string): Promise<unknown> => {
    const { ok, body: said } = await ask(topic, body);
    assert.equal(ok, false);
    assert.deepEqual(Object.keys(said), ['statusCode', 'errorCode', 'errorMessage']);
    return said['errorCode'];
  };
  assert.equal(await rejected(CREATE, '{'), 'InvalidPayload');
  const csr = newCsr();
  const broken = csr.replace(/A(?=[^-]*-----END)/, 'B');
  for (const certificateSigningRequest of ['', 'no', broken, 7]) {
    const code = await rejected(CREATE, { certificateSigningRequest });
    assert.equal(code, 'InvalidCertificateSigningRequest');
  }
  const { body } = await ask(CREATE, { certificateSigningRequest: csr });
  const certificateOwnershipToken = body['certificateOwnershipToken'];
  const parameters = { SerialNumber: SERIAL };
  const register = async (more: object): Promise<unknown> =>
    rejected(PROVISION, { certificateOwnershipToken, parameters, ...more });
  assert.equal(await register({}), 'ACCESS_DENIED');
  assert.equal(await register({ parameters: { SerialNumber: 'x' } }), 'InvalidParameters');
  assert.equal(await register({ parameters: { SerialNumber: 7 } }), 'InvalidPayload');
  assert.equal(
    await register({ certificateOwnershipToken: 'x' }),
    'InvalidCertificateOwnershipToken',
  );
  await client.endAsync();
});

test('provisioning: a unit renews for itself only, and the new certificate retires the old one', async () => {
  await using cloud = await openCloud();
  const old = cloud.addThing(THING);
  const { client, ask } = await asking(cloud, old, THING);
  await client.subscribeAsync([`${CREATE}/+`, `${PROVISION}/+`], { qos: 1 });
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const made = await ask(CREATE, { certificateSigningRequest: makeCsr(THING, pair) });
  const { certificateOwnershipToken, certificatePem, certificateId } = made.body;
  const other = { SerialNumber: 'f'.repeat(32) };
  const denied = await ask(PROVISION, { certificateOwnershipToken, parameters: other });
  assert.equal(denied.body['errorCode'], 'ACCESS_DENIED');
  const parameters = { SerialNumber: SERIAL };
  const renewed = await ask(PROVISION, { certificateOwnershipToken, parameters });
  assert.equal(renewed.ok, true);
  await client.endAsync();
  const statusOf = (id: unknown): string | undefined =>
    cloud.view().certificates.find((one) => one.certificateId === id)?.status;
  assert.deepEqual([statusOf(old.certificateId), statusOf(certificateId)], ['ACTIVE', 'ACTIVE']);
  cloud.advance(1_100);
  const own = {
    certificateId: certificateId as string,
    certPem: certificatePem as string,
    keyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
  await (await connectMqtt(cloud, own, { clientId: THING })).endAsync();
  assert.deepEqual([statusOf(old.certificateId), statusOf(certificateId)], ['INACTIVE', 'ACTIVE']);
  cloud.advance(1_100);
  await assert.rejects(connectMqtt(cloud, old, { clientId: THING }));
});

test('provisioning: answers need a subscription', async () => {
  await using cloud = await openCloud();
  const { client, got } = await asking(cloud, cloud.makeClaim(), 'claim-1');
  await client.publishAsync(CREATE, JSON.stringify({ certificateSigningRequest: newCsr() }), {
    qos: 1,
  });
  await setTimeout(50);
  assert.deepEqual(got, []);
  await client.endAsync();
});

test('provisioning: a claim may do nothing else', async () => {
  await using cloud = await openCloud();
  const claim = cloud.makeClaim();
  for (const topic of [
    `clock/v1/${THING}/event/x`,
    '$aws/provisioning-templates/other/provision/json',
  ]) {
    const client = await connectMqtt(cloud, claim, { clientId: 'claim-1' });
    client.publish(topic, '{}', { qos: 1 });
    await closed(client);
    assert.equal(cloud.events('claim-1').at(-1)?.disconnectReason, 'AUTH_ERROR');
    cloud.advance(1_100);
  }
});

test('provisioning: the policy may lag, so that the first CONNECT is refused', async () => {
  await using cloud = await openCloud({ policyLagMs: 5_000 });
  const { client, ask } = await claiming(cloud);
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const made = await ask(CREATE, { certificateSigningRequest: makeCsr(THING, pair) });
  const { certificateOwnershipToken, certificatePem, certificateId } = made.body;
  await ask(PROVISION, { certificateOwnershipToken, parameters: { SerialNumber: SERIAL } });
  await client.endAsync();
  const own = {
    certificateId: certificateId as string,
    certPem: certificatePem as string,
    keyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
  await assert.rejects(connectMqtt(cloud, own, { clientId: THING }), /refused/i);
  cloud.advance(5_100);
  await (await connectMqtt(cloud, own, { clientId: THING })).endAsync();
});

async function unitAsking(cloud: Cloud): Promise<Asking> {
  const unit = await asking(cloud, cloud.addThing(THING), THING);
  await unit.client.subscribeAsync(`${SHADOW}/+/+`, { qos: 1 });
  return unit;
}

test('shadow: a delta holds every difference, whatever the update contained', async () => {
  await using cloud = await openCloud();
  const { client, ask, got } = await unitAsking(cloud);
  cloud.shadow(THING, 'unit').desire({ a: 1, b: { c: 2, d: 3 } });
  await ask(`${SHADOW}/update`, { state: { reported: { b: { d: 3 }, e: 5 } } });
  const deltasOf = (): typeof got => got.filter(({ topic }) => topic === `${SHADOW}/update/delta`);
  await until(() => deltasOf().length === 2);
  const deltas = deltasOf();
  assert.deepEqual(
    deltas.map(({ body }) => [body['version'], body['state']]),
    [
      [1, { a: 1, b: { c: 2, d: 3 } }],
      [2, { a: 1, b: { c: 2 } }],
    ],
  );
  const metadata = deltas[1]?.body['metadata'] as { a: { timestamp: number } };
  assert.equal(typeof metadata.a.timestamp, 'number');
  const documents = got.find(
    ({ topic, body }) => topic.endsWith('/documents') && body['timestamp'],
  );
  assert.deepEqual(Object.keys(documents!.body), ['previous', 'current', 'timestamp']);
  await client.endAsync();
});

test('shadow: what is wrong is rejected with its code and the clientToken', async () => {
  await using cloud = await openCloud();
  const { client, ask } = await unitAsking(cloud);
  const code = async (body: object | string, verb = 'update'): Promise<unknown> => {
    const { ok, body: said } = await ask(`${SHADOW}/${verb}`, body);
    assert.equal(ok, false);
    return said['code'];
  };
  const deep = JSON.parse('{"a":'.repeat(9) + '1' + '}'.repeat(9)) as object;
  assert.equal(await code({ clientToken: 't' }, 'get'), 404);
  assert.equal(await code('{'), 400);
  assert.equal(await code({}), 400);
  assert.equal(await code({ state: { other: {} } }), 400);
  assert.equal(await code({ state: { reported: deep } }), 400);
  assert.equal(await code({ state: { reported: {} }, version: 3 }), 409);
  assert.equal(await code({ state: { reported: { a: 'x'.repeat(8_200) } } }), 413);
  const { body } = await ask(`${SHADOW}/update`, { state: {}, version: 9, clientToken: 'mine' });
  assert.deepEqual([body['code'], body['clientToken']], [409, 'mine']);
  await client.endAsync();
});

test('shadow: 21 requests within a second are too many, and so are 11 at once', async () => {
  await using cloud = await openCloud();
  const { client, got } = await unitAsking(cloud);
  const codes = (): unknown[] => got.map(({ body }) => body['code']).filter((code) => code === 429);
  const ask = async (): Promise<unknown> => client.publishAsync(`${SHADOW}/get`, '', { qos: 1 });
  await Promise.all(Array.from({ length: 21 }, ask));
  await until(() => got.length === 21);
  assert.equal(codes().length, 1);
  cloud.advance(1_001);
  cloud.inject({ at: 'request', topic: `${SHADOW}/get`, do: 'delay-answer', ms: 500 });
  await Promise.all(Array.from({ length: 12 }, ask));
  await until(() => codes().length === 3);
  await client.endAsync();
});

test('shadow: the version goes on after a deletion, and from the start after 48 hours', async () => {
  await using cloud = await openCloud();
  cloud.addThing(THING);
  const shadow = cloud.shadow(THING, 'unit');
  assert.deepEqual([shadow.desire({ a: 1 }), shadow.desire({ a: 2 })], [1, 2]);
  shadow.delete();
  assert.equal(shadow.desire({ a: 1 }), 3);
  shadow.delete();
  cloud.advance(48 * 3_600_000 + 1);
  assert.equal(shadow.desire({ a: 1 }), 1);
});

test('jobs: answers come without a subscription, to the one who asked', async () => {
  await using cloud = await openCloud();
  const { client, ask } = await asking(cloud, cloud.addThing(THING), THING);
  cloud.jobs(THING).create({ jobId: 'one', document: { a: 1 } });
  const { body } = await ask(`${JOBS}/start-next`, { clientToken: 't', statusDetails: { a: 'b' } });
  const execution = body['execution'] as Body;
  assert.deepEqual(
    [
      body['clientToken'],
      execution['status'],
      execution['statusDetails'],
      execution['versionNumber'],
    ],
    ['t', 'IN_PROGRESS', { a: 'b' }, 2],
  );
  // After a crash the same job comes back; its details stay.
  const again = await ask(`${JOBS}/start-next`, { statusDetails: { c: 'd' } });
  assert.deepEqual((again.body['execution'] as Body)['statusDetails'], { a: 'b' });
  assert.equal((again.body['execution'] as Body)['versionNumber'], 2);
  await client.endAsync();
});

test('jobs: every refusal has its code', async () => {
  await using cloud = await openCloud();
  const { client, ask } = await asking(cloud, cloud.addThing(THING), THING);
  const jobs = cloud.jobs(THING);
  for (const jobId of ['one', 'two']) jobs.create({ jobId, document: {} });
  const code = async (topic: string, body: object | string): Promise<unknown> =>
    (await ask(`${JOBS}/${topic}`, body)).body['code'];
  assert.equal(await code('one/update', '{'), 'InvalidJson');
  assert.equal(await code('one/update', { status: 'TIMED_OUT' }), 'InvalidRequest');
  assert.equal(
    await code('one/update', { status: 'FAILED', statusDetails: { a: 1 } }),
    'InvalidRequest',
  );
  assert.equal(await code('none/update', { status: 'FAILED' }), 'ResourceNotFound');
  assert.equal(
    await code('one/update', { status: 'FAILED', expectedVersion: 9 }),
    'VersionMismatch',
  );
  assert.equal(await code('one/update', { status: 'SUCCEEDED' }), undefined);
  assert.equal(await code('one/update', { status: 'FAILED' }), 'InvalidStateTransition');
  assert.equal(await code('one/get', {}), 'TerminalStateReached');
  jobs.delete('two');
  assert.equal(await code('two/get', {}), 'ResourceNotFound');
  cloud.inject({
    ...{ at: 'request', topic: `${JOBS}/start-next`, do: 'reject', times: 1 },
    error: { code: 'RequestThrottled', message: 'slow down' },
  });
  assert.equal(await code('start-next', {}), 'RequestThrottled');
  await client.endAsync();
});

test('jobs: step timer and job timer end in TIMED_OUT, and the next one is told', async () => {
  await using cloud = await openCloud();
  const { client, ask, got } = await asking(cloud, cloud.addThing(THING), THING);
  await client.subscribeAsync(`${JOBS}/notify-next`, { qos: 1 });
  const jobs = cloud.jobs(THING);
  jobs.create({ jobId: 'one', document: {}, inProgressTimeoutInMinutes: 20 });
  jobs.create({ jobId: 'two', document: {}, inProgressTimeoutInMinutes: 20 });
  await ask(`${JOBS}/start-next`, { stepTimeoutInMinutes: 5 });
  // What is not acknowledged would come again when the clock moves.
  await until(() => cloud.view().sessions[0]?.unacknowledged === 0);
  cloud.advance(4 * 60_000);
  assert.equal(jobs.list()[0]?.status, 'IN_PROGRESS');
  cloud.advance(2 * 60_000);
  assert.equal(jobs.list()[0]?.status, 'TIMED_OUT');
  await ask(`${JOBS}/start-next`, {});
  await until(() => cloud.view().sessions[0]?.unacknowledged === 0);
  cloud.advance(21 * 60_000);
  assert.equal(jobs.list()[1]?.status, 'TIMED_OUT');
  const toldOf = (): typeof got => got.filter(({ topic }) => topic === `${JOBS}/notify-next`);
  await until(() => toldOf().length === 3);
  const told = toldOf();
  assert.deepEqual(
    told.map(({ body }) => (body['execution'] as Body | undefined)?.['jobId']),
    ['one', 'two', undefined],
  );
  await client.endAsync();
});
