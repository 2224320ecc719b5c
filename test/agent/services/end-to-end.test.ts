// A service from the cloud's shadow to a device and back: the agent as a process, its services as processes, the
// cloud double, a real socket.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCloud } from '../../bench/cloud/cloud.ts';
import type { Cloud } from '../../bench/cloud/api.ts';
import { THING, Unit } from '../unit.ts';

const SERVICE = 'bridge';
let cloud: Cloud;
let unit: Unit;
let device: Server;
const connections: Socket[] = [];
const heard: Buffer[] = [];

before(async () => {
  device = createServer((socket) => {
    connections.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard.push(bytes);
      socket.write(Buffer.concat([Buffer.from('got:'), bytes]));
    });
  });
  await new Promise<void>((done) => device.listen(0, '127.0.0.1', done));
  cloud = await openCloud({ hosts: ['localhost'] });
  unit = await Unit.prepare(cloud);
  await unit.start();
  await unit.untilUp();
});
after(async () => {
  await unit.remove();
  await cloud.close();
  for (const socket of connections) socket.destroy();
  device.close();
});

const bridge = (host = '127.0.0.1'): object => {
  const { port } = device.address() as AddressInfo;
  return { interface: 'bytes', settings: { line: { kind: 'tcp-client', host, port } } };
};
const reported = (): Record<string, Record<string, unknown>> => {
  const document = cloud.shadow(THING, 'services').get();
  return (document?.state.reported?.['services'] ?? {}) as Record<string, Record<string, unknown>>;
};
const pidFile = (): string => join(unit.root, 'run/clock-agent/services', SERVICE, 'pid');
async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!isSo()) {
    if (performance.now() > endMs) {
      throw new Error(`Never ${what}: ${JSON.stringify(cloud.shadow(THING, 'services').get())}
${unit.running.lines.slice(-12).join('\n')}`);
    }
    await sleep(50);
  }
}
const stateOf = (service: string): Record<string, unknown> =>
  (reported()[service]?.['state'] ?? {}) as Record<string, unknown>;
let commands = 0;
async function order(kind: string, body: object): Promise<Record<string, unknown>> {
  commands += 1;
  const command = { v: 1, id: `o-${commands}`, at: '', service: SERVICE, kind, body };
  cloud.publish(`clock/v1/${THING}/command/${SERVICE}`, command);
  for (;;) {
    const topic = `clock/v1/${THING}/result/${SERVICE}`;
    const { payload } = await cloud.nextMessage(topic, { withinMs: 20_000 });
    const result = JSON.parse(payload.toString()) as { readonly body: Record<string, unknown> };
    if (['processed', 'error'].includes(String(result.body['state']))) return result.body;
  }
}
async function eventData(): Promise<string> {
  const { payload } = await cloud.nextMessage(`clock/v1/${THING}/event/${SERVICE}`, {
    withinMs: 20_000,
  });
  const event = JSON.parse(payload.toString()) as { kind: string; body: { data: string } };
  assert.equal(event.kind, 'bytes.read');
  return Buffer.from(event.body.data, 'base64').toString();
}
async function job(
  operation: string,
  parameters: Record<string, string | boolean>,
): Promise<Record<string, unknown>> {
  const jobId = `${operation}-${Math.floor(performance.now())}`;
  const document = { operation, parameters };
  cloud.jobs(THING).create({ jobId, document });
  const find = () =>
    cloud
      .jobs(THING)
      .list()
      .find((one) => one.jobId === jobId);
  await until(
    `${operation} ended`,
    () => !['QUEUED', 'IN_PROGRESS'].includes(find()?.status ?? 'QUEUED'),
  );
  return find() as unknown as Record<string, unknown>;
}

test('a service that the shadow wants runs, and bytes go both ways', async () => {
  cloud.shadow(THING, 'services').desire({ services: { [SERVICE]: bridge() } });
  await until('up', () => stateOf(SERVICE)['talk'] === 'up');
  const result = await order('bytes.write', { data: Buffer.from('hello').toString('base64') });
  assert.equal(result['state'], 'processed');
  assert.equal(heard.map(String).join(''), 'hello');
  assert.equal(await eventData(), 'got:hello');
});

test('wrong settings are named by their field, and hurt no other service', async () => {
  const wrong = {
    interface: 'bytes',
    settings: { line: { kind: 'tcp-client', host: 'x', port: 0 } },
  };
  cloud.shadow(THING, 'services').desire({ services: { typo: wrong, '9x': {} } });
  await until('refused', () => stateOf('typo')['process'] === 'refused');
  assert.match(String(stateOf('typo')['why']), /^line\.port: /);
  const { refused } = cloud.shadow(THING, 'services').get()!.state.reported as {
    readonly refused: object;
  };
  assert.deepEqual(refused, { 'services.9x': 'not a name of a service' });
  assert.equal(stateOf(SERVICE)['talk'], 'up');
  cloud.shadow(THING, 'services').desire({ services: { typo: null, '9x': null } });
  await until('gone', () => !('typo' in reported()));
});

test('a line that is cut comes back, and orders go on', async () => {
  const before = connections.length;
  connections.at(-1)!.destroy();
  await until('connected again', () => connections.length > before);
  await until('up', () => stateOf(SERVICE)['talk'] === 'up');
  const result = await order('bytes.write', { data: Buffer.from('again').toString('base64') });
  assert.equal(result['state'], 'processed');
  assert.equal(await eventData(), 'got:again');
});

test('a process that is killed is started again, and the status says how it ended and what memory it has', async () => {
  const pid = Number(await readFile(pidFile(), 'utf8'));
  process.kill(pid, 'SIGKILL');
  interface Told {
    readonly process: string;
    readonly talk: { readonly at: string };
    readonly restarts: number;
    readonly lastEnd: { readonly why: string } | null;
    readonly memoryBytes: number | null;
    readonly memoryBytesMax: number;
  }
  const told = async (): Promise<Told> => {
    const status = await (await fetch(`${unit.running.url}api/status`)).json();
    return (status as { readonly services: readonly [Told] }).services[0];
  };
  const endMs = performance.now() + 60_000;
  for (;;) {
    const { process: is, talk, restarts, lastEnd, memoryBytes, memoryBytesMax } = await told();
    const isBack = is === 'running' && talk.at === 'up' && restarts > 0 && memoryBytes !== null;
    if (isBack) {
      assert.deepEqual([restarts, lastEnd?.why], [1, 'SIGKILL']);
      // Node alone has more than 20 MB.
      assert.ok(memoryBytes > 20e6 && memoryBytes < 4 * memoryBytesMax, String(memoryBytes));
      break;
    }
    assert.ok(performance.now() < endMs, 'the service is back');
    await sleep(500);
  }
  assert.notEqual(Number(await readFile(pidFile(), 'utf8')), pid);
});

test('a test asks the device, a rehearsal the simulator, and the service runs again', async () => {
  const rehearsal = await job('test-service', { service: SERVICE, simulator: true });
  assert.equal(rehearsal['status'], 'SUCCEEDED', JSON.stringify(rehearsal));
  assert.equal(stateOf(SERVICE)['talk'], 'up');
  const before = connections.length;
  const tested = await job('test-service', { service: SERVICE });
  assert.equal(tested['status'], 'SUCCEEDED', JSON.stringify(tested));
  assert.ok(connections.length > before, 'the test has connected');
  const endMs = performance.now() + 30_000;
  while ((await order('bytes.write', { data: 'eA==' }))['state'] !== 'processed') {
    assert.ok(performance.now() < endMs, 'the service runs again');
  }
});

test('the page tests it too, and gives its trace', async () => {
  const { url } = unit.running;
  const pressed = await fetch(`${url}rehearse-service?service=${SERVICE}`, {
    ...{ method: 'POST', redirect: 'manual' },
  });
  assert.equal(pressed.status, 303);
  const trace = await fetch(`${url}trace.txt?service=${SERVICE}`);
  assert.match(await trace.text(), /^\d{4}-\d\d-\d\dT[\d:.]+Z -> \d+ bytes$/m);
  assert.equal((await fetch(`${url}trace.txt?service=nobody`)).status, 404);
});

test('after a restart of the agent the service runs, though nobody desired it anew', async () => {
  await unit.stop();
  const before = connections.length;
  await unit.start();
  await until('connected', () => connections.length > before);
});

test('after the agent alone was killed, its service runs once', async () => {
  const file = pidFile();
  const left = Number(await readFile(file, 'utf8'));
  // Empty too while nobody has fetched its exit code.
  const isThere = async (): Promise<boolean> =>
    (await readFile(`/proc/${left}/cmdline`, 'utf8').catch(() => '')) !== '';
  await unit.pull();
  assert.ok(await isThere(), 'it outlives the agent');
  const before = connections.length;
  await unit.start();
  await until('connected anew', () => connections.length > before);
  assert.notEqual(Number(await readFile(file, 'utf8')), left);
  assert.ok(!(await isThere()), 'the old one is gone');
});

test('a service that is desired no more is gone', async () => {
  await unit.untilUp();
  cloud.shadow(THING, 'services').desire({ services: { [SERVICE]: null } });
  await until('gone', () => !(SERVICE in reported()));
  await until('hung up', () => connections.at(-1)!.destroyed || connections.at(-1)!.readableEnded);
});
