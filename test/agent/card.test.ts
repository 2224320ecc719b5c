// The agent on a bad card: slow, faulty, read-only, full. Each is told on the page, the page goes on
// answering, work goes on when the card is well again, and every command that was sent meanwhile has one
// answer in the end. Minutes long: with CLOCK_TEST_LONG=1 only (outbox/card.test.ts plays the same in CI).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Cloud } from '../bench/cloud/api.ts';
import { openCloud } from '../bench/cloud/cloud.ts';
import { canTrace, fault } from './card.ts';
import { randomFrom, testSeed } from './random.ts';
import { THING, Unit } from './unit.ts';
import type { UnitStatus } from './unit.ts';

const RESULT = `clock/v1/${THING}/result/locks`;
/** An fsync of the slow card. */
const SLOW_MS = 3_000;
/** Half of it: the page does not wait for the card. Free, it takes some milliseconds. */
const PAGE_MS_MAX = SLOW_MS / 2;
const run = promisify(execFile);
const LONG = process.env['CLOCK_TEST_LONG'] === '1';
const FAULTS = 6;
const seed = testSeed();
/** Each takes some half a minute: one of them, drawn by the seed, unless all are wanted. */
const drawn = Math.floor(randomFrom(seed)() * FAULTS);
let told = 0;
function faulty(name: string, run: (t: TestContext) => Promise<void>): void {
  const isDrawn = told === drawn;
  told += 1;
  if (!canTrace || (!LONG && !isDrawn)) return;
  test(name, async (t) => {
    t.diagnostic(`seed ${seed}`);
    await run(t);
  });
}

/** Of the unit under test: a second one of its serial would be refused without an announcement. */
let cloud: Cloud;

let sent = 0;
/** Twenty commands a second, for so long; their ids. */
async function commands(forMs: number): Promise<string[]> {
  const ids: string[] = [];
  for (let ms = 0; ms < forMs; ms += 50) {
    const id = `c-${(sent += 1)}`;
    ids.push(id);
    const body = { v: 1, id, at: '', service: 'locks', kind: 'key.encode', body: {} };
    cloud.publish(`clock/v1/${THING}/command/locks`, body);
    await sleep(50);
  }
  return ids;
}

/** Waits until each has its final answer. */
async function answered(unit: Unit, ids: readonly string[]): Promise<void> {
  const open = new Set(ids);
  const endMs = performance.now() + 60_000;
  while (open.size > 0) {
    for (const { payload } of cloud.messages(RESULT)) {
      const { body } = JSON.parse(payload.toString()) as { body: Record<string, string> };
      if (/^(error|processed)$/.test(body['state'] ?? '')) open.delete(body['command'] ?? '');
    }
    if (performance.now() > endMs) {
      const { link, outbox } = await unit.status();
      const state = JSON.stringify({ link, outbox, held: cloud.waitingFor(THING).length });
      throw new Error(`No answer to ${[...open].join(' ')}: ${state}`);
    }
    await sleep(100);
  }
}

async function withUnit(use: (unit: Unit) => Promise<void>, claim = true): Promise<void> {
  cloud = await openCloud({ hosts: ['localhost'], limits: { storedPerSecondMax: 100 } });
  const unit = await Unit.prepare(cloud, { claim });
  try {
    await use(unit);
  } finally {
    await unit.pull();
    await unit.remove();
    await cloud.close();
  }
}
const queueOf = (unit: Unit): string[] =>
  ['outbox.db', 'outbox.db-wal', 'outbox.db.probe'].map((name) => join(unit.folder, name));
const stateOf = (status: UnitStatus, id: string): string | undefined =>
  status.results.find((result) => result.id === id)?.state;
const says = async (unit: Unit, words: RegExp): Promise<void> =>
  assert.match(await (await fetch(unit.running.url)).text(), words);

faulty('a card that takes seconds: the page answers meanwhile and says so', async (t) => {
  await withUnit(async (unit) => {
    await unit.start();
    await unit.untilUp();
    const { pid } = unit.running;
    const does = { delayUs: SLOW_MS * 1_000 };
    const well = await fault({ pid, paths: queueOf(unit), calls: 'fsync,fdatasync', does });
    const sending = commands(2.5 * SLOW_MS);
    let worstMs = 0;
    let isTold = false;
    for (const endMs = performance.now() + 2.5 * SLOW_MS; performance.now() < endMs;) {
      const startMs = performance.now();
      isTold = (await unit.status()).outbox.trouble === 'slow' || isTold;
      worstMs = Math.max(worstMs, performance.now() - startMs);
      await sleep(100);
    }
    t.diagnostic(
      `worst answer of the page: ${worstMs.toFixed(0)} ms, an fsync takes ${SLOW_MS} ms`,
    );
    assert.ok(isTold);
    assert.ok(worstMs < PAGE_MS_MAX, `${worstMs}`);
    const status = await unit.until((now) => stateOf(now, 'outbox') === 'warning');
    assert.equal(status.link.at, 'up', 'the connection has not suffered');
    await says(unit, /the card takes \d+ s to store a report/);
    await well();
    await answered(unit, await sending);
  });
});

for (const [name, calls, error, words] of [
  ['an fsync that fails', 'fsync,fdatasync', 'EIO', /the card reports a fault/],
  ['a write that fails', 'pwrite64', 'EIO', /the card reports a fault/],
  ['a card become read-only', 'pwrite64,openat', 'EROFS', /card (reports a fault|has become read)/],
] as const) {
  faulty(`${name}: told, survived, and nothing is lost`, async () => {
    await withUnit(async (unit) => {
      await unit.start();
      await unit.untilUp();
      const { pid } = unit.running;
      const well = await fault({ pid, paths: queueOf(unit), calls, does: { error } });
      const ids = await commands(500);
      await unit.until(({ outbox }) => outbox.trouble !== null);
      await unit.until((status) => stateOf(status, 'outbox') === 'failed');
      await says(unit, words);
      await says(unit, /must be replaced/);
      await well();
      await unit.untilUp(60_000);
      await answered(unit, [...ids, ...(await commands(500))]);
      await unit.until(({ outbox }) => outbox.trouble === null && outbox.waiting === 0);
    });
  });
}

faulty('a full card: told, survived, and work goes on when there is room', async () => {
  await withUnit(async (unit) => {
    await mkdir(unit.folder, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', unit.folder]);
    try {
      await unit.putClaim(cloud);
      await unit.start();
      await unit.untilUp();
      await answered(unit, await commands(200));
      const filler = join(unit.folder, 'filler');
      await run('sh', ['-c', `cat /dev/zero > ${filler}`]).catch(() => {});
      // The log takes some of it without a block more.
      const ids: string[] = [];
      let status = await unit.status();
      for (const endMs = performance.now() + 60_000; performance.now() < endMs;) {
        status = await unit.status();
        if (status.outbox.tight) break;
        ids.push(...(await commands(500)));
      }
      assert.deepEqual([status.outbox.at, status.outbox.tight], ['open', true]);
      await unit.until((now) => stateOf(now, 'outbox') === 'failed');
      await says(unit, /card is (almost )?full/i);
      await rm(filler);
      await unit.untilUp(60_000);
      await answered(unit, [...ids, ...(await commands(500))]);
    } finally {
      await unit.pull();
      await run('umount', [unit.folder]);
    }
  }, false);
});

faulty('provisioning on a card that takes nothing goes on when it does', async () => {
  await withUnit(async (unit) => {
    await unit.start();
    await unit.until(({ provisioning }) => provisioning.step === 'claim');
    const paths = ['provisioning.json.new', 'unit.key.new'].map((name) => join(unit.folder, name));
    const { pid } = unit.running;
    const well = await fault({ pid, paths, calls: 'fsync', does: { error: 'EIO' } });
    await unit.putClaim(cloud);
    const { provisioning } = await unit.until((now) => now.provisioning.failures > 0, 60_000);
    assert.match(provisioning.problem?.why ?? '', /EIO/);
    assert.ok(!(await unit.files()).includes('unit.key'), 'what is not on the card does not count');
    await well();
    await unit.untilUp(120_000);
  }, false);
});

assert.equal(told, FAULTS, 'every fault can be drawn');
