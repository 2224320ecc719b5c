// AWS's own device SDK, which nobody here wrote, at work against the double. A process of its own: once it
// has subscribed to a stream (1.28.0), the SDK never lets its process end. Run by sdk.test.ts:
// node test/bench/cloud/sdk-client.ts provisioning|shadow|jobs; ends with 0 when all was as AWS has it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import awsIot from 'aws-iot-device-sdk-v2';
import { run } from '../../../image/core/run.ts';
import type { Cloud, Credentials } from './api.ts';
import { until } from './client.ts';
import { openCloud } from './cloud.ts';

const { io, iot, iotidentity, iotjobs, iotshadow, mqtt } = awsIot;
const SERIAL = '0123456789abcdef0123456789abcdef';
const THING = `clockrpi-${SERIAL}`;

type SdkConnection = InstanceType<typeof mqtt.MqttClientConnection>;

/** The SDK verifies names, so it needs one that resolves; the double shows it on loopback. */
const openForSdk = async (): Promise<Cloud> => openCloud({ hosts: ['localhost'] });

async function connect(
  cloud: Cloud,
  clientId: string,
  { certPem, keyPem }: Pick<Credentials, 'certPem' | 'keyPem'>,
): Promise<SdkConnection> {
  const config = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder(certPem, keyPem)
    .with_certificate_authority(cloud.rootsPem)
    .with_endpoint('localhost')
    .with_port(cloud.ports.mqtt)
    .with_client_id(clientId)
    .with_clean_session(true)
    .with_keep_alive_seconds(60)
    .build();
  const connection = new mqtt.MqttClient(new io.ClientBootstrap()).new_connection(config);
  await connection.connect();
  return connection;
}

/** A key and a request for it, by openssl as a unit's neighbour would make them. */
async function makeCsr(): Promise<{ readonly keyPem: string; readonly csr: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'csr-'));
  try {
    const key = join(folder, 'key.pem');
    await run([
      'openssl',
      'genpkey',
      '-algorithm',
      'EC',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-out',
      key,
    ]);
    const csr = await run(['openssl', 'req', '-new', '-key', key, '-subj', `/CN=${THING}`]);
    const { stdout: keyPem } = await run(['openssl', 'pkey', '-in', key]);
    return { keyPem, csr: csr.stdout };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const { JobStatus } = iotjobs.model;
const OPTIONS = {
  maxRequestResponseSubscriptions: 6,
  maxStreamingSubscriptions: 4,
  operationTimeoutInSeconds: 10,
};

async function provisioning(): Promise<void> {
  await using cloud = await openForSdk();
  const { keyPem, csr } = await makeCsr();
  const claim = await connect(cloud, 'claim-1', cloud.makeClaim());
  const identity = iotidentity.IotIdentityClientv2.newFromMqtt311(claim, OPTIONS);
  const made = await identity.createCertificateFromCsr({ certificateSigningRequest: csr });
  assert.match(made.certificatePem!, /BEGIN CERTIFICATE/);
  const registered = await identity.registerThing({
    templateName: cloud.template,
    certificateOwnershipToken: made.certificateOwnershipToken!,
    parameters: { SerialNumber: SERIAL },
  });
  assert.equal(registered.thingName, THING);
  identity.close();
  await claim.disconnect();
  const own = await connect(cloud, THING, { certPem: made.certificatePem!, keyPem });
  await own.publish(`clock/v1/${THING}/event/unit`, '{"v":1}', mqtt.QoS.AtLeastOnce);
  assert.equal(
    (await cloud.nextMessage(`clock/v1/${THING}/event/+`)).payload.toString(),
    '{"v":1}',
  );
  await own.disconnect();
  assert.deepEqual(
    cloud.view().units.map(({ thing, parameters }) => ({ thing, parameters })),
    [{ thing: THING, parameters: { SerialNumber: SERIAL } }],
  );
}

async function shadow(): Promise<void> {
  await using cloud = await openForSdk();
  const connection = await connect(cloud, THING, cloud.addThing(THING));
  const client = iotshadow.IotShadowClientv2.newFromMqtt311(connection, OPTIONS);
  const named = { thingName: THING, shadowName: 'services' };

  await assert.rejects(client.getNamedShadow(named), hasModeledCode(404));
  const updated = await client.updateNamedShadow({
    ...named,
    state: { reported: { a: 1, b: [1] } },
  });
  assert.deepEqual([updated.version, updated.state], [1, { reported: { a: 1, b: [1] } }]);

  const delta = Promise.withResolvers<unknown>();
  const stream = client.createNamedShadowDeltaUpdatedStream(named);
  stream.on('incomingPublish', ({ message }) => delta.resolve([message.version, message.state]));
  const subscribed = once(stream, 'subscriptionStatus');
  stream.open();
  await subscribed;
  cloud.shadow(THING, 'services').desire({ a: 2 });
  assert.deepEqual(await delta.promise, [2, { a: 2 }]);

  const stale = client.updateNamedShadow({ ...named, state: { reported: { a: 2 } }, version: 1 });
  await assert.rejects(stale, hasModeledCode(409));
  await client.updateNamedShadow({ ...named, state: { reported: { a: 2, b: null } }, version: 2 });
  const got = await client.getNamedShadow(named);
  assert.deepEqual(got.state, { desired: { a: 2 }, reported: { a: 2 } });
  assert.equal(got.version, 3);
  await client.deleteNamedShadow(named);
  assert.equal(cloud.shadow(THING, 'services').get(), undefined);
  client.close();
  await connection.disconnect();
}

async function jobs(): Promise<void> {
  await using cloud = await openForSdk();
  const connection = await connect(cloud, THING, cloud.addThing(THING));
  const client = iotjobs.IotJobsClientv2.newFromMqtt311(connection, OPTIONS);
  const thingName = THING;
  const told: (string | undefined)[] = [];
  const stream = client.createNextJobExecutionChangedStream({ thingName });
  stream.on('incomingPublish', ({ message }) => told.push(message.execution?.jobId));
  const subscribed = once(stream, 'subscriptionStatus');
  stream.open();
  await subscribed;

  assert.equal((await client.startNextPendingJobExecution({ thingName })).execution, undefined);
  cloud.jobs(THING).create({ jobId: 'first', document: { do: 'install' } });
  cloud.jobs(THING).create({ jobId: 'second', document: { do: 'reboot' } });
  const pending = await client.getPendingJobExecutions({ thingName });
  assert.deepEqual(
    pending.queuedJobs?.map(({ jobId }) => jobId),
    ['first', 'second'],
  );

  const { execution } = await client.startNextPendingJobExecution({ thingName });
  assert.deepEqual(
    [execution?.jobId, execution?.status, execution?.versionNumber, execution?.jobDocument],
    ['first', 'IN_PROGRESS', 2, { do: 'install' }],
  );
  const update = { thingName, jobId: 'first', includeJobExecutionState: true };
  const stale = client.updateJobExecution({
    ...update,
    status: JobStatus.IN_PROGRESS,
    expectedVersion: 1,
  });
  await assert.rejects(stale, hasModeledCode('VersionMismatch'));
  const done = await client.updateJobExecution({
    ...{ ...update, status: JobStatus.SUCCEEDED, expectedVersion: 2 },
    statusDetails: { step: 'all' },
  });
  assert.equal(done.executionState?.versionNumber, 3);
  const again = client.updateJobExecution({ ...update, status: JobStatus.FAILED });
  await assert.rejects(again, hasModeledCode('InvalidStateTransition'));
  const described = await client.describeJobExecution({ thingName, jobId: '$next' });
  assert.equal(described.execution?.jobId, 'second');
  await assert.rejects(
    client.describeJobExecution({ thingName, jobId: 'third' }),
    hasModeledCode('ResourceNotFound'),
  );
  cloud.jobs(THING).cancel('second');
  await until(() => told.length >= 3);
  assert.deepEqual(told, ['first', 'second', undefined]);
  client.close();
  await connection.disconnect();
}

/** The SDK hands the service's own error on as `modeledError`. */
const hasModeledCode =
  (code: number | string) =>
  (error: unknown): true => {
    assert.equal((error as { modeledError?: { code?: unknown } }).modeledError?.code, code);
    return true;
  };

const SCENES = { provisioning, shadow, jobs };

const [scene = ''] = process.argv.slice(2);
await SCENES[scene as keyof typeof SCENES]();
process.exit(0);
