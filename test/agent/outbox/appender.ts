// A process that appends and delivers without pause until it is killed, for kill.test.ts. Says on
// standard output what it was told: "+id" acknowledged to the source, "-id" delivered to the cloud.
import { writeSync } from 'node:fs';
import { createLog } from '../../../agent/core/log.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';

const [folder = '', life = '0'] = process.argv.slice(2);
const outbox = createOutbox(() => openSqlite(folder, STORE_LIMITS), {
  clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
  log: createLog((line) => process.stderr.write(`${line}\n`)),
  onReady: () => {},
});
/** Through to the other side at once: what a process still holds dies with it. */
const tell = (text: string): void => void writeSync(1, `${text}\n`);

async function append(source: number): Promise<void> {
  for (let i = 0; ; i += 1) {
    const id = `${life}.${source}.${i}`;
    const topic = 'clock/v1/t/event/s';
    const payload = Buffer.from(id);
    const { ok } = await outbox.append({ id, lane: 'business', topic, payload, atMs: Date.now() });
    if (ok) tell(`+${id}`);
  }
}

/** Slower than what comes in, so that there always is a backlog. */
function deliver(): void {
  for (const { id } of outbox.take(3, { except: [], eventsOnly: false })) {
    tell(`-${id}`);
    outbox.settle(id);
  }
  setImmediate(deliver);
}

tell('ready');
// So many that no commit waits for more.
for (let source = 0; source < 20; source += 1) void append(source);
deliver();
