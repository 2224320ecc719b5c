// A thousand lost connections leave nothing behind in a real agent process: no file descriptor, no
// memory. A hundred in CI; all with CLOCK_TEST_LONG=1. Its pauses are milliseconds.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { CONNECT, Exam, TIMES } from '../advisor/exam.ts';
import { THING } from '../unit.ts';

const isLong = process.env['CLOCK_TEST_LONG'] === '1';
/**
 * Until caches and the heap have their size. The collector lets the heap grow to some 73 MB through the
 * first thousand; the four thousand after them add nothing (seen).
 */
const WARM_UP = isLong ? 1_000 : 30;
/** In CI the heap is still growing to its size: only a coarse leak shows, of 100 KiB a connection. */
const HEAP_BYTES_MAX = (isLong ? 4 : 10) * 1024 * 1024;
const COUNT = isLong ? 1_000 : 100;
/** A look may meet the status request itself, and a connection that is just closing. */
const FILES_MAX = 3;
const times = {
  ...TIMES,
  'agent/link/limits.ts': { ...TIMES['agent/link/limits.ts'], STABLE_MS: 0 },
  'agent/core/retry.ts': { DELAY_MS_MIN: 5, BASE_MS: 10 },
};

interface Look {
  readonly files: number;
  readonly rssBytes: number;
}
async function look(pid: number): Promise<Look> {
  const files = await readdir(`/proc/${pid}/fd`);
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kib] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? [];
  return { files: files.length, rssBytes: Number(kib) * 1_024 };
}

test(`${COUNT} reconnects leave nothing behind`, async (t) => {
  await using exam = await Exam.open(undefined, times);
  await exam.unit.start();
  await exam.unit.untilUp(60_000);
  const { pid } = exam.unit.running;
  const lose = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      exam.fresh();
      exam.cloud.disconnect(THING);
      await exam.count(CONNECT, 1);
      await exam.cloud.connected(THING, { withinMs: 20_000 });
    }
    await exam.unit.until(({ link, outbox }) => link.at === 'up' && outbox.waiting === 0, 60_000);
  };
  await lose(WARM_UP);
  const before = await look(pid);
  const startMs = performance.now();
  await lose(COUNT);
  const now = await look(pid);
  const mib = (bytes: number): string => (bytes / 1_048_576).toFixed(1);
  t.diagnostic(
    `${COUNT} in ${((performance.now() - startMs) / 1_000).toFixed(1)} s: files ${before.files} -> ` +
      `${now.files}, own memory ${mib(before.rssBytes)} -> ${mib(now.rssBytes)} MiB`,
  );
  assert.ok(now.files - before.files <= FILES_MAX, `${before.files} -> ${now.files} files`);
  const grownBytes = now.rssBytes - before.rssBytes;
  assert.ok(grownBytes <= HEAP_BYTES_MAX, `${mib(grownBytes)} MiB more`);
});
