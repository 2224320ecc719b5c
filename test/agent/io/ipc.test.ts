// The agent's socket against processes that mean no good: floods, silence, greetings without end.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { COST_MAX, GREETINGS_MAX } from '../../../agent/core/ipc/limits.ts';
import { createPace } from '../../../agent/core/ipc/pace.ts';
import { createPeer } from '../../../agent/core/ipc/peer.ts';
import { dialIpc, listenIpc } from '../../../agent/io/ipc.ts';
import { createSessions } from '../../../agent/services/sessions.ts';

const SETUP = '0'.repeat(64);
let folder: string;
let path: string;
let server: { close(): void };
let reports = 0;
let houses = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ipc-'));
  path = join(folder, 'services.sock');
  [reports, houses] = [0, 0];
  const sessions = createSessions({
    expected: (service) => ({ token: `of ${service}`, setup: SETUP }),
    timeZone: () => 'UTC',
    greeted: () => {},
    gone: () => {},
    emit: async () => ({ ok: false, why: 'later' }),
    house: () => {
      houses += 1;
      const currency = { code: 'EUR', decimals: 2 };
      const room = { room: 'x'.repeat(350_000), housekeeping: null, guests: [] };
      return {
        ...{ asOfMs: 0, businessDay: undefined, timeZone: 'UTC', currency, rooms: [room, room] },
      };
    },
    recall: () => undefined,
    remember: async () => {},
    report: () => void (reports += 1),
    trace: () => {},
    tried: () => {},
  });
  server = await listenIpc(path, (pipe) => sessions.greet(pipe));
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const hello = (service: string) => ({ token: `of ${service}`, service, setup: SETUP });
async function greet(service: string): Promise<unknown> {
  const peer = createPeer(
    await dialIpc(path, { line: (line) => peer.hear(line), closed: () => peer.gone() }),
    { requests: {}, notifications: {} },
  );
  return peer.ask('hello', hello(service), { msMax: 20_000 });
}
function flood(service: string, packet: object): { end(): void } {
  const socket = connect(path);
  const line = (value: object): string => `${JSON.stringify({ jsonrpc: '2.0', ...value })}\n`;
  socket.on('error', () => {});
  socket.write(line({ id: 1, method: 'hello', params: hello(service) }));
  socket.write(line(packet).repeat(20_000));
  socket.resume();
  return { end: () => void socket.destroy() };
}
async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!isSo()) {
    assert.ok(performance.now() < endMs, 'never so');
    await sleep(5);
  }
}
const report = { talk: { at: 'down', why: 'x' }, counters: {} };

test('a service that floods the agent is read from slowly, and another is answered at once', async () => {
  const flooding = flood('bad', { method: 'report', params: report });
  await until(() => reports > COST_MAX / 2);
  assert.deepEqual(await greet('good'), { timeZone: 'UTC' });
  await until(() => reports >= COST_MAX - 1);
  // As long as all of them take where nobody is read from slowly, several times.
  await sleep(500);
  assert.deepEqual(await greet('better'), { timeZone: 'UTC' });
  assert.ok(reports < 20_000, `${reports} were read`);
  flooding.end();
});

test('a house is not asked for more often than the agent can tell it', async () => {
  const flooding = flood('bad', { id: 2, method: 'house', params: {} });
  await until(() => houses > 0);
  assert.deepEqual(await greet('good'), { timeZone: 'UTC' });
  assert.ok(houses < 100, `${houses} were told`);
  flooding.end();
});

test('whoever connects and says nothing keeps no service out', async () => {
  const silent = Array.from({ length: 100 }, () => connect(path).on('error', () => {}));
  await Promise.all(silent.map(async (one) => new Promise((done) => one.once('connect', done))));
  assert.deepEqual(await greet('good'), { timeZone: 'UTC' });
  for (const one of silent) one.destroy();
});

test('a service that greets without end is hung up on', async () => {
  for (let count = 0; count < GREETINGS_MAX; count += 1) await greet('bad');
  await assert.rejects(greet('bad'), { code: 'gone' });
  assert.deepEqual(await greet('good'), { timeZone: 'UTC' });
});

test('createPace() lends, and waits until what was lent is there again', () => {
  const pace = createPace(0);
  assert.equal(pace.waitMs(0), 0);
  for (let count = 0; count < COST_MAX; count += 1) pace.spend(0, 0);
  const waitMs = pace.waitMs(0);
  assert.ok(waitMs > 0);
  assert.equal(pace.waitMs(waitMs + 10), 0);
  pace.spend(Number.MAX_SAFE_INTEGER, 0);
  assert.ok(pace.waitMs(1_000) > 1_000);
});
