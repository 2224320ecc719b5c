// The outbox on a file system without a free block: it goes on giving out and taking on what fits.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '../../../agent/core/log.ts';
import type { Message } from '../../../agent/core/messages.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';
import type { Outbox } from '../../../agent/outbox/shapes.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root: it mounts a file system';
const CARD_BYTES = 12 * 1024 * 1024;
const ALL = { except: [], eventsOnly: false };
const clock = { nowMs: () => performance.now(), wallMs: () => 1_000 };

const message = (id: string): Message => {
  const payload = Buffer.alloc(1_000, 0x20);
  return { id, lane: 'business', topic: 'clock/v1/t/event/till', payload, atMs: 1_000 };
};

async function onFullCard(use: (outbox: Outbox, folder: string) => Promise<void>): Promise<void> {
  const card = await mkdtemp(join(tmpdir(), 'full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${CARD_BYTES}`, 'tmpfs', card]);
  const log = createLog(() => {});
  const outbox = createOutbox(() => openSqlite(card, STORE_LIMITS), {
    ...{ clock, log, onReady: () => {} },
  });
  try {
    execFileSync('sh', ['-c', 'cat /dev/zero > "$0" || true', join(card, 'filler')], {
      stdio: 'ignore',
    });
    await use(outbox, card);
  } finally {
    outbox.close();
    // An fsync may still be under way.
    execFileSync('umount', ['--lazy', card]);
    await rm(card, { recursive: true });
  }
}

/** Appends until the card takes no more; how many it took. */
async function fill(outbox: Outbox, name: string): Promise<string[]> {
  const taken: string[] = [];
  for (let refused = 0; refused < 3;) {
    const ids = Array.from({ length: 32 }, (_, i) => `${name}-${taken.length + refused}-${i}`);
    const answers = await Promise.all(ids.map(async (id) => outbox.append(message(id))));
    taken.push(...ids.filter((_, i) => answers[i]!.ok));
    for (const answer of answers) assert.ok(answer.ok || answer.why === 'disk-full');
    if (answers.some(({ ok }) => !ok)) refused += 1;
  }
  return taken;
}

test(
  'filled to the last block it still deletes, and what that frees can be used again',
  { skip },
  async () => {
    await onFullCard(async (outbox, card) => {
      const first = await fill(outbox, 'a');
      assert.equal(outbox.view().tight, true);
      assert.ok(first.length > 100, `${first.length}`);
      let second: string[] = [];
      for (let round = 0; round < 3; round += 1) {
        for (const { id } of outbox.take(1e6, ALL)) outbox.settle(id);
        const endMs = performance.now() + 30_000;
        while (outbox.view().waitingBytes > 0 && performance.now() < endMs) await sleep(50);
        assert.equal(outbox.view().waitingBytes, 0, 'off the card');
        second = await fill(outbox, `b${round}`);
        assert.ok(second.length > first.length / 2, `${second.length} after ${first.length}`);
      }
      assert.equal(outbox.view().waiting, second.length);
      // Another who needs the card finds no more taken than there was.
      const log = await stat(join(card, 'outbox.db-wal'));
      assert.ok(log.size < 4 * STORE_LIMITS.logBytesMax, `${log.size}`);
    });
  },
);

test(
  'a flow that goes out as it comes in goes on on a full card, as long as it may',
  { skip },
  async () => {
    await onFullCard(async (outbox) => {
      await fill(outbox, 'a');
      for (const { id } of outbox.take(1e6, ALL)) outbox.settle(id);
      for (let n = 0; outbox.view().waitingBytes > 0 && n < 600; n += 1) await sleep(50);
      let refused = 0;
      for (let i = 0; i < 100; i += 1) {
        const ids = Array.from({ length: 32 }, (_, j) => `c-${i}-${j}`);
        const answers = await Promise.all(ids.map(async (id) => outbox.append(message(id))));
        refused += answers.filter(({ ok }) => !ok).length;
        for (const id of ids) outbox.settle(id);
      }
      assert.equal(refused, 0);
    });
  },
);
