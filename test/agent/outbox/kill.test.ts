// The outbox is killed (SIGKILL) at random while it takes on and gives out: nothing acknowledged is
// lost, and nothing is seen twice once the receiver has dropped the ids it knows.
// CLOCK_TEST_SEED repeats a run, CLOCK_TEST_LONG=1 kills 200 times instead of 20.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { randomFrom, testSeed } from '../random.ts';

const KILLS = process.env['CLOCK_TEST_LONG'] === '1' ? 200 : 20;
const LIFE_MS_MAX = 250;
const PROGRAM = fileURLToPath(new URL('appender.ts', import.meta.url));

/** Lives for `lifeMs` after it has begun, and is killed; resolves with what it said. */
async function life(folder: string, number: number, lifeMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [PROGRAM, folder, String(number)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), lifeMs);
    said += text;
  });
  await new Promise((done) => child.once('close', done));
  // The last line may be cut.
  return said.split('\n').slice(0, -1);
}

test(`${KILLS} kills lose nothing and repeat nothing`, async (t) => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'kill-'));
  const acknowledged = new Set<string>();
  const received = new Set<string>();
  let deliveries = 0;
  try {
    for (let i = 0; i < KILLS; i += 1) {
      for (const line of await life(folder, i, random() * LIFE_MS_MAX)) {
        if (line.startsWith('+')) acknowledged.add(line.slice(1));
        if (line.startsWith('-')) {
          deliveries += 1;
          received.add(line.slice(1));
        }
      }
    }
    const store = openSqlite(folder, STORE_LIMITS);
    const rest = store.take(1e6, { except: [], lanes: ['business'] }).map(({ id }) => id);
    store.close();
    assert.equal(new Set(rest).size, rest.length, 'no id waits twice');
    for (const id of rest) received.add(id);
    const lost = [...acknowledged].filter((id) => !received.has(id));
    t.diagnostic(
      `seed ${seed}: ${acknowledged.size} acknowledged, ${deliveries} delivered ` +
        `(${rest.length} still waiting), ${lost.length} lost`,
    );
    assert.deepEqual(lost, [], `seed ${seed}`);
    assert.ok(acknowledged.size > KILLS * 20, 'the test tests something');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
