// The light and the watchdog: states, and what is said to systemd.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '../../../agent/core/log.ts';
import { createHost } from '../../../agent/host/run.ts';
import { deservesWatchdog, lightAt, next } from '../../../agent/host/state.ts';
import { fakeSystemd } from './systemd.fake.ts';

test('a press starts the light once; it blinks, then is off', () => {
  const pressed = next({ at: 'off' }, { on: 'pressed', nowMs: 0 });
  assert.deepEqual(pressed, { state: { at: 'asked' }, effects: [{ do: 'start-unit' }] });
  assert.deepEqual(next(pressed.state, { on: 'pressed', nowMs: 1 }).effects, []);
  const { state } = next(pressed.state, { on: 'started', nowMs: 100 });
  assert.deepEqual(next(state, { on: 'pressed', nowMs: 5_000 }).effects, []);
  assert.equal(lightAt(state, 10_099).at, 'blinking');
  assert.equal(lightAt(state, 10_100).at, 'off');
  assert.equal(next(state, { on: 'pressed', nowMs: 10_100 }).effects.length, 1);
});

test('a refusal stays in view with its reason, and may be tried again', () => {
  const { state } = next({ at: 'asked' }, { on: 'refused', why: 'no LED', nowMs: 0 });
  assert.deepEqual(lightAt(state, 59_000), { at: 'refused', why: 'no LED', untilMs: 60_000 });
  assert.equal(lightAt(state, 60_000).at, 'off');
  assert.equal(next(state, { on: 'pressed', nowMs: 1 }).effects.length, 1);
});

test('the watchdog is deserved while the loop is not late', () => {
  assert.equal(deservesWatchdog({ lateMs: 20 }), true);
  assert.equal(deservesWatchdog({ lateMs: 13_000 }), false);
});

/** `lateMs`: by how much the clock runs on from one look at it to the next, as over a blocked loop. */
function hostWith(change: Parameters<typeof fakeSystemd>[0], lateMs = 0) {
  const systemd = fakeSystemd(change);
  const lines: string[] = [];
  let asked = 0;
  const host = createHost({
    systemd,
    clock: { nowMs: () => performance.now() + lateMs * asked++, wallMs: () => 0 },
    log: createLog((line) => lines.push(line)),
  });
  return { host, systemd, lines };
}

test('the host tells systemd that it is ready, then that it lives, then that it stops', async () => {
  const { host, systemd } = hostWith({ watchdogMs: 10 });
  await host.ready();
  await sleep(60);
  await host.close();
  assert.equal(systemd.heard[0], 'READY=1');
  assert.ok(systemd.heard.filter((state) => state === 'WATCHDOG=1').length >= 2);
  assert.equal(systemd.heard.at(-1), 'STOPPING=1');
});

test('a loop that stood still gets no watchdog, and says so', async () => {
  const { host, systemd, lines } = hostWith({ watchdogMs: 10 }, 20_000);
  await host.ready();
  await sleep(60);
  await host.close();
  assert.ok(!systemd.heard.includes('WATCHDOG=1'));
  assert.match(lines.join(), /<3>no watchdog/);
});

test('the light starts the one unit that polkit allows, or says why not', async () => {
  const allowed = hostWith({ units: ['clock-identify.service'] });
  await allowed.host.identify();
  assert.equal(allowed.host.light().at, 'blinking');
  const refused = hostWith({ units: [] });
  await refused.host.identify();
  const light = refused.host.light();
  assert.equal(light.at, 'refused');
  assert.match(light.at === 'refused' ? light.why : '', /not found/);
});

test('a systemd that does not hear ends nothing', async () => {
  const { host, lines } = hostWith({ isDeaf: true });
  await host.ready();
  await host.close();
  assert.match(lines.join(), /<3>systemd does not hear READY=1/);
});
