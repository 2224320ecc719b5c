// What a package is asked before it serves: on a unit root makes the sandbox first, and that takes its time.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Tried } from '../../../agent/core/ipc/wire.ts';
import type { Records } from '../../../agent/core/records.ts';
import { createChecks } from '../../../agent/services/checks.ts';
import { REHEARSAL } from '../../../agent/services/config.ts';
import { CHECK_LOOK_MS, CHECK_MS_MAX } from '../../../agent/services/limits.ts';
import type { Runner } from '../../../agent/services/ports.ts';

const PACKAGE = {
  ...{ name: 'lamp', title: 'Lamp', version: '1.0.0', counter: 1, sha256: 'ab'.repeat(32) },
  ...{
    file: '/lamp.js',
    jws: 'a.b.c',
    permissions: [],
    takes: [],
    emits: [],
    minimumAgent: '0.1.0',
  },
} as const;

function unit(start: Runner['start'] = async () => {}) {
  const made = Promise.withResolvers<void>();
  let isRunning = false;
  const checks = createChecks({
    runner: {
      prepare: async () => new Map(),
      start: async (id) => {
        isRunning = true;
        await start(id);
      },
      stop: async () => {},
      status: async () => ({ at: isRunning ? 'running' : 'stopped' }),
    },
    records: { get: () => undefined, change: async () => {} } as unknown as Records,
    randomBytes: (count) => new Uint8Array(count),
    prepare: async () => made.promise,
  });
  return {
    checks,
    made: () => made.resolve(),
    ends: () => {
      isRunning = false;
    },
  };
}
/** Until all that was set off has come to rest: nothing here waits for the world. */
const rest = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
};
const RIGHT: Tried = { is: 'right', needs: [], targets: [] };

test(
  'a package is not missed while root still makes its sandbox',
  { timeout: 60_000 },
  async () => {
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    try {
      const { checks, made } = unit();
      const judged = checks.judge('desk', PACKAGE, {});
      await rest();
      for (let ms = 0; ms <= CHECK_MS_MAX; ms += CHECK_LOOK_MS) {
        mock.timers.tick(CHECK_LOOK_MS);
        await rest();
      }
      made();
      await rest();
      checks.tried(REHEARSAL, RIGHT);
      assert.equal((await judged).ok, true);
    } finally {
      mock.timers.reset();
    }
  },
);

test(
  'its answer counts, though its process is gone before the runner says that it ran',
  { timeout: 60_000 },
  async () => {
    const { checks, made } = unit(async () => {
      throw new Error('has no sandbox, or ended at once');
    });
    const { checks: slow, made: slowMade } = unit(async () => new Promise<void>(() => {}));
    made();
    assert.equal((await checks.judge('desk', PACKAGE, {})).ok, false);
    slowMade();
    const judged = slow.judge('desk', PACKAGE, {});
    await rest();
    slow.tried(REHEARSAL, RIGHT);
    assert.equal((await judged).ok, true);
  },
);

test(
  'a process that ends without an answer is missed once it runs',
  { timeout: 60_000 },
  async () => {
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    try {
      const { checks, made, ends } = unit();
      made();
      const judged = checks.judge('desk', PACKAGE, {});
      await rest();
      ends();
      mock.timers.tick(CHECK_LOOK_MS);
      const said = await judged;
      assert.ok(!said.ok);
      assert.match(said.problems[0]!.problem, /ends without a word/);
    } finally {
      mock.timers.reset();
    }
  },
);
