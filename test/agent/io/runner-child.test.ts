// Services as child processes: what the runner says of one that is being started again.
import assert from 'node:assert/strict';
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createChildRunner } from '../../../agent/io/runner-child.ts';

const UNTIL_MS = 10_000;

test('while a service is started again, nobody is told how it ended the last time', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-runner-'));
  const program = join(folder.path, 'service.mjs');
  await writeFile(program, 'setInterval(() => {}, 1_000);\n');
  // It runs its services with the program that it is itself.
  process.argv[1] = program;
  const runner = createChildRunner({
    ...{ folder: join(folder.path, 'services'), root: folder.path, socket: '/nowhere' },
    sink: () => {},
  });
  const service = { id: 'bridge', interface: 'bytes', memoryMb: 64, needs: [] };
  await runner.prepare([{ ...service, settings: '{}', token: '' }]);
  await runner.start('bridge');
  assert.equal((await runner.status('bridge')).at, 'running');
  process.kill(Number(await readFile(join(folder.path, 'services/bridge/pid'), 'utf8')), 'SIGKILL');
  const untilMs = performance.now() + UNTIL_MS;
  while ((await runner.status('bridge')).at === 'running') {
    assert.ok(performance.now() < untilMs, 'its end is seen');
    await sleep(5);
  }
  assert.deepEqual(await runner.status('bridge'), { at: 'stopped', why: 'SIGKILL' });
  const started = runner.start('bridge');
  assert.deepEqual(await runner.status('bridge'), { at: 'running' });
  await started;
  assert.equal((await runner.status('bridge')).at, 'running');
  await runner.stop('bridge');
});
