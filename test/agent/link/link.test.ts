// The link with its real adapters and a real outbox against the bench's cloud: what mqtt.js does not do
// by itself, and what the broker does to a unit.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cloud } from '../../bench/cloud/api.ts';
import { openCloud } from '../../bench/cloud/cloud.ts';
import { openRig } from './rig.ts';
import type { Rig } from './rig.ts';

let cloud: Cloud;
const home = await mkdtemp(join(tmpdir(), 'link-'));
before(async () => {
  cloud = await openCloud({ hosts: ['localhost'] });
});
after(async () => {
  await cloud.close();
  await rm(home, { recursive: true, force: true });
});

/** A thing of its own; `receive` fails as long as `broken` says so. */
function rig(
  thing: string,
  { at = cloud, ...options }: { readonly at?: Cloud; readonly broken?: () => boolean } = {},
): Rig {
  const place = { host: 'localhost', ports: at.ports, roots: [at.rootsPem] };
  return openRig(thing, { place, credentials: at.addThing(thing), home, ...options });
}
const arrived = (thing: string): string[] =>
  cloud.messages(`clock/v1/${thing}/event/+`).map(({ payload }) => payload.toString());

// Each thing is alone with its faults: they wait for different things at the same time.
describe('the link', { concurrency: true }, () => {
  test('a backlog drains at the link’s speed, through a drop, and nothing is missing', async (t) => {
    const one = rig('backlog');
    const ids = Array.from({ length: 300 }, (_, i) => `m${String(i).padStart(3, '0')}`);
    const startMs = performance.now();
    await Promise.all(ids.map(async (id) => one.add(id)));
    await one.until(() => arrived('backlog').length > 50);
    cloud.disconnect('backlog');
    await one.until(() => one.outbox.view().waiting === 0, 40_000);
    const all = arrived('backlog');
    t.diagnostic(
      `${all.length} for ${ids.length} in ${(performance.now() - startMs).toFixed(0)} ms`,
    );
    assert.ok(performance.now() - startMs < 20_000, 'nothing had to wait for a resend');
    assert.deepEqual([...new Set(all)].toSorted(), ids);
    one.close();
  });

  test('without a PUBACK the same packet is sent again on the same connection', async () => {
    const fault = cloud.inject({
      at: 'send',
      packet: 'puback',
      do: 'swallow',
      times: 1,
      clientId: 'patient',
    });
    const one = rig('patient');
    await one.add('a');
    await one.until(() => fault.hits === 1);
    const connections = (): number =>
      cloud.events('patient').filter(({ eventType }) => eventType === 'connected').length;
    await one.until(() => one.outbox.view().waiting === 0, 15_000);
    assert.equal(connections(), 1);
    one.close();
  });

  test('without a SUBACK the same SUBSCRIBE is sent again on the same connection', async () => {
    const fault = cloud.inject({
      at: 'receive',
      packet: 'subscribe',
      do: 'swallow',
      times: 1,
      clientId: 'deaf',
    });
    const one = rig('deaf');
    await one.until(() => fault.hits === 1);
    await sleep(9_000);
    cloud.publish('clock/v1/deaf/command/s', { v: 1 });
    await one.until(() => one.received.length === 1, 10_000);
    one.close();
  });

  test('a message against the policy becomes a dead letter, and the others arrive', async () => {
    const one = rig('poisoned');
    await one.add('good-1');
    await one.add('poison', 'somebody/else');
    await one.add('good-2');
    await one.until(() => one.outbox.view().dead === 1, 60_000);
    await one.until(() => one.outbox.view().waiting === 0, 30_000);
    assert.deepEqual([...new Set(arrived('poisoned'))].toSorted(), ['good-1', 'good-2']);
    one.close();
  });

  test('a command that cannot be stored is not acknowledged, and comes again', async () => {
    let isBroken = true;
    const one = rig('careful', { broken: () => isBroken });
    await one.until(() => one.link.view().at === 'up');
    await sleep(300);
    cloud.publish('clock/v1/careful/command/s', { v: 1 });
    await one.until(() => one.link.view().problem?.why === 'not stored: EIO');
    isBroken = false;
    await one.until(() => one.received.length >= 1, 30_000);
    one.close();
  });

  test('a wrong authority is refused by us, and nothing is sent to it', async () => {
    await using other = await openCloud({ hosts: ['localhost'] });
    other.inject({ at: 'handshake', do: 'wrong-authority' });
    const one = rig('stranger', { at: other });
    await one.add('secret');
    await one.until(() => one.link.view().problem !== undefined);
    assert.match(one.link.view().problem?.why ?? '', /SELF_SIGNED|UNABLE_TO/);
    assert.equal(one.link.view().refused, false);
    assert.deepEqual(other.messages('#'), []);
    one.close();
  });

  test('a question goes out once its answers are granted, and is gone with the connection', async () => {
    const one = rig('curious');
    const topic = 'clock/v1/curious/event/live';
    assert.equal(one.link.send(topic, { early: true }), false, 'not connected yet');
    await one.until(() => one.heard.includes('up'));
    assert.equal(one.link.send(topic, { question: 1 }), true);
    await one.until(() => arrived('curious').length === 1);
    const fault = cloud.inject({
      at: 'send',
      packet: 'puback',
      do: 'swallow',
      clientId: 'curious',
    });
    assert.equal(one.link.send(topic, { question: 2 }), true);
    await one.until(() => fault.hits >= 1);
    cloud.disconnect('curious');
    await one.until(() => one.heard.length === 3);
    fault.undo();
    assert.deepEqual(one.heard, ['up', 'down', 'up']);
    await one.add('from-the-outbox');
    await one.until(() => arrived('curious').includes('from-the-outbox'));
    const questions = arrived('curious').filter((text) => text.includes('question'));
    assert.deepEqual(questions, ['{"question":1}', '{"question":2}'], 'never again by itself');
    one.close();
  });
});
