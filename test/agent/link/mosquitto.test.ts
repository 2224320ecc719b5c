// The link against a broker that others wrote: Mosquitto, over TLS with client certificates. What holds
// here is MQTT itself; what is AWS's own holds in link.test.ts.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { MqttClient } from 'mqtt';
import { connectMqtt } from '../../bench/cloud/client.ts';
import { openMosquitto } from '../../bench/ways/mosquitto.ts';
import type { Mosquitto } from '../../bench/ways/mosquitto.ts';
import { openRig } from './rig.ts';
import type { Rig } from './rig.ts';

let broker: Mosquitto;
const units: Rig[] = [];
const home = await mkdtemp(join(tmpdir(), 'link-'));
before(async () => {
  broker = await openMosquitto();
});
after(async () => {
  for (const unit of units) unit.close();
  await broker[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

/** Pauses are short: it is not them that is examined here. */
function rig(thing: string, credentials = broker.credentialsOf(thing)): Rig {
  const place = { host: 'localhost', ports: broker.ports, roots: [broker.rootsPem] };
  const unit = openRig(thing, { place, credentials, home, random: () => 0.05 });
  units.push(unit);
  return unit;
}

interface Watcher {
  readonly client: MqttClient;
  readonly seen: string[];
  command(thing: string): Promise<void>;
}

/** The other side of the broker: sees the things' events, sends them commands. */
async function watch(name: string, thing: string): Promise<Watcher> {
  const credentials = broker.credentialsOf('bench');
  const client = await connectMqtt(broker, credentials, { clientId: name });
  client.on('error', () => {});
  const seen: string[] = [];
  client.on('message', (_topic, payload) => seen.push(payload.toString()));
  await client.subscribeAsync(`clock/v1/${thing}/event/#`, { qos: 1 });
  return {
    client,
    seen,
    command: async (to) => {
      await client.publishAsync(`clock/v1/${to}/command/s`, '{"v":1}', { qos: 1 });
    },
  };
}

test('events go out and commands come in, each acknowledged', async () => {
  const watcher = await watch('watch-plain', 'plain');
  const unit = rig('plain');
  await unit.until(() => unit.heard.includes('up'));
  const ids = Array.from({ length: 50 }, (_, i) => `e${String(i).padStart(2, '0')}`);
  await Promise.all(ids.map(async (id) => unit.add(id)));
  await unit.until(() => unit.outbox.view().waiting === 0 && watcher.seen.length === 50);
  assert.deepEqual(watcher.seen, ids, 'in their order, each once');
  await watcher.command('plain');
  await unit.until(() => unit.received.length === 1);
  await watcher.client.endAsync();
});

test('who has no certificate of this authority is refused, and it is called a refusal', async () => {
  await using others = await openMosquitto();
  const unit = rig('foreign', others.credentialsOf('foreign'));
  await unit.until(() => unit.link.view().problem !== undefined);
  const { refused, problem } = unit.link.view();
  assert.ok(refused, problem?.why);
  assert.match(problem?.why ?? '', /ALERT_/);
});

test('who takes over its name drives it out; it comes back when the other is gone', async () => {
  const unit = rig('wanted');
  await unit.until(() => unit.heard.includes('up'));
  const credentials = broker.credentialsOf('wanted');
  const other = await connectMqtt(broker, credentials, { clientId: 'wanted', clean: false });
  other.on('error', () => {});
  await unit.until(() => unit.heard.includes('down'));
  // The unit comes back by itself, and so drives the other out.
  await unit.until(() => unit.heard.length >= 3, 40_000);
  assert.deepEqual(unit.heard.slice(0, 3), ['up', 'down', 'up']);
  await unit.add('after');
  await unit.until(() => unit.outbox.view().waiting === 0);
  await other.endAsync(true);
});

test('a broker that restarts keeps the session: what was sent meanwhile arrives, unasked', async () => {
  const unit = rig('faithful');
  await unit.until(() => unit.heard.includes('up'));
  unit.link.pause();
  const watcher = await watch('watch-faithful', 'faithful');
  await watcher.command('faithful');
  await watcher.client.endAsync();
  await broker.restart();
  const credentials = broker.credentialsOf('faithful');
  unit.link.start({ certificatePem: credentials.certPem, keyPem: credentials.keyPem });
  await unit.until(() => unit.received.length === 1, 40_000);
  const { length } = broker.lines().filter((line) => /SUBSCRIBE from faithful/.test(line));
  assert.equal(length, 0, 'the session was there: nothing to ask for');
});

test('a broker that dies loses the session: it is asked again, and the backlog arrives', async () => {
  const unit = rig('patient');
  await unit.until(() => unit.heard.includes('up'));
  await broker.restart({ kill: true });
  await unit.until(() => unit.heard.includes('down'));
  await unit.add('meanwhile');
  const watcher = await watch('watch-patient', 'patient');
  await unit.until(() => unit.heard.length === 3, 60_000);
  await unit.until(() => unit.outbox.view().waiting === 0);
  await watcher.command('patient');
  await unit.until(() => unit.received.length === 1);
  const asked = broker.lines().some((line) => /SUBSCRIBE from patient/.test(line));
  assert.ok(asked, 'it subscribed anew');
  await watcher.client.endAsync();
});
