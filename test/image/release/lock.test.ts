// One build at a time in a folder, whatever became of the last one.
import assert from 'node:assert/strict';
import { mkdtempDisposable, readFile, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockFolder, whenFree } from '../../../image/release/lock.ts';

test('a second build in a folder is refused and told whose it is; afterwards it may', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-lock-'));
  const unlock = await lockFolder(folder.path);
  await assert.rejects(lockFolder(folder.path), {
    code: 'build-running',
    message: new RegExp(`another build \\(process ${process.pid}\\) is at work`),
    hint: /--out DIR/,
  });
  await unlock();
  assert.deepEqual(await readdir(folder.path), []);
  await (
    await lockFolder(folder.path)
  )();
});

for (const [what, text] of Object.entries({
  'a process that has gone': '{"pid":4194303,"startTicks":"5"}',
  'a process id that belongs to another process now': `{"pid":${process.pid},"startTicks":"1"}`,
  'a machine that lost power while it wrote': '',
})) {
  test(`the lock of ${what} is taken over`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-lock-'));
    await writeFile(join(folder.path, 'build.lock'), text);
    const unlock = await lockFolder(folder.path);
    const lock = JSON.parse(await readFile(join(folder.path, 'build.lock'), 'utf8')) as object;
    assert.equal('pid' in lock && lock.pid, process.pid);
    await unlock();
    assert.deepEqual(await readdir(folder.path), []);
  });
}

test('of ten builds that find a stale lock at once, one gets it', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-lock-'));
  await writeFile(join(folder.path, 'build.lock'), 'stale');
  const all = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(folder.path)));
  assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('whenFree() waits for the one before, says so once, and takes turns', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-lock-'));
  const events: string[] = [];
  const turn = (name: string): Promise<void> =>
    whenFree(
      folder.path,
      async () => {
        events.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, 700));
        events.push(`${name} ends`);
      },
      { onWait: () => void events.push(`${name} waits`) },
    );
  const first = turn('first');
  await new Promise((resolve) => setTimeout(resolve, 100));
  await Promise.all([first, turn('second')]);
  assert.deepEqual(events, [
    'first begins',
    'second waits',
    'first ends',
    'second begins',
    'second ends',
  ]);
  const stopped = AbortSignal.abort(new Error('Ctrl-C'));
  await assert.rejects(
    whenFree(folder.path, async () => {}, { signal: stopped, onWait: () => {} }),
    /Ctrl-C/,
  );
});
