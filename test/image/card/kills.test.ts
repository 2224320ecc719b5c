// The flasher killed at random points, as by a power cut of the station: a card that starts is one that the
// ledger knows, one that the ledger calls done is whole, no serial lies on two cards, the chain is unbroken.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLedger, openLedger } from '../../../image/ledger/ledger.ts';
import type { Ledger } from '../../../image/ledger/ledger.ts';
import { verifyStore } from '../../../image/ledger/verify.ts';
import { inspect } from '../../../image/unit/inspect/inspect.ts';
import { openExt4 } from '../../../image/unit/read/ext4.ts';
import { readFat } from '../../../image/unit/read/fat.ts';
import { decrypted, unlock } from '../../../image/unit/read/keyslot.ts';
import { readLuks } from '../../../image/unit/read/luks.ts';
import { openSource, section } from '../../../image/unit/read/source.ts';
import { MIB, NOT_FINISHED } from '../../../image/unit/layout.ts';
import { randomFrom, testSeed } from '../../agent/random.ts';
import { recordingProgress } from '../core/progress.fake.ts';
import { CARD_BYTES, makeWorks } from './factory.ts';

const MAIN = fileURLToPath(new URL('../../../image/main.ts', import.meta.url));
const KILLS = process.env['CLOCK_TEST_LONG'] === '1' ? 50 : 3;
const CARDS = ['one', 'two', 'three'] as const;
const BY = { operator: 'ada', station: 'bench' };
const seed = testSeed();
const random = randomFrom(seed);

const works = await makeWorks();
after(() => rm(works.folder, { recursive: true, force: true }));
const files = CARDS.map((name) => join(works.folder, name));
const signer = join(works.folder, 'signer.pem');
await writeFile(signer, works.key.publicKeyPem);
const ledgerFile = join(works.folder, 'ledger.db');

async function emptyCards(): Promise<void> {
  for (const file of files) {
    const handle = await open(file, 'w');
    await handle.truncate(CARD_BYTES);
    await handle.close();
  }
}

/** Flashes all cards, or kills the flasher some time after it began them; returns how long it worked on them. */
async function flash(kill?: { readonly afterMs: number }): Promise<number> {
  const options = ['--ledger', ledgerFile, '--release', works.release, '--signer', signer];
  const child = spawn(
    process.execPath,
    [MAIN, 'flash', '--yes', '--order', 'A-1', ...options, ...files],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, XDG_CACHE_HOME: join(works.folder, 'cache') },
    },
  );
  let said = '';
  let begunMs = 0;
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (begunMs > 0 || !said.includes('preparing')) return;
    begunMs = performance.now();
    if (kill !== undefined) setTimeout(() => child.kill('SIGKILL'), kill.afterMs);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const tookMs = performance.now() - begunMs;
  if (kill === undefined) assert.equal(code, 0, said);
  await untilClosed();
  return tookMs;
}

/** The writing processes end by themselves when the one that they belong to has gone. */
async function untilClosed(): Promise<void> {
  const until = performance.now() + 60_000;
  while (await somebodyHolds()) {
    assert.ok(performance.now() < until, 'a writer outlived the flasher');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function somebodyHolds(): Promise<boolean> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (pid === String(process.pid)) continue;
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (files.includes(target)) return true;
    }
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(works.folder)) return true;
  }
  return false;
}

/** Whether a process that writes a card has begun below this one. */
async function hasWriter(parent: number): Promise<boolean> {
  const pids = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '');
  for (const pid of pids.split(' ').filter((text) => text !== '')) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes('card/writer.ts')) return true;
  }
  return false;
}

async function contentOf(found: { chunks(): AsyncGenerator<Buffer> } | undefined): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of found!.chunks()) parts.push(chunk);
  return Buffer.concat(parts);
}

/** The serial on a card that would start; undefined when it would not. Throws when such a card is not whole. */
async function serialOn(file: string): Promise<string | undefined> {
  const source = await openSource(file);
  try {
    const first = await source.read(0, 512);
    if (first.readUInt16LE(510) !== 0xaa_55) return undefined;
    const report = await inspect({
      ...{ file, signers: [], strict: false, progress: recordingProgress() },
    });
    assert.equal(report.verdict, 'whole', `${file}: ${report.summary}`);
    const boot = await readFat(section(source, 4 * MIB, 128 * MIB));
    const key = await contentOf(boot.files.find(({ path }) => path === 'clock.key'));
    const system = section(source, 132 * MIB, 64 * MIB);
    const { header } = await readLuks(system);
    const { volumeKey } = (await unlock(system, header!, key))!;
    const disk = await openExt4(decrypted(system, header!, volumeKey));
    return (await contentOf(await disk.find('unit/serial'))).toString().trim();
  } finally {
    await source.close();
  }
}

/** Ctrl-C as a terminal gives it, to all processes of the flasher, when the card's is there and has not come to it. */
async function interrupted(file: string): Promise<number | null> {
  const options = ['--ledger', ledgerFile, '--release', works.release, '--signer', signer];
  const child = spawn(process.execPath, [MAIN, 'flash', '--yes', ...options, file], {
    ...{ stdio: 'ignore', detached: true },
    env: { ...process.env, XDG_CACHE_HOME: join(works.folder, 'cache') },
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  while (child.exitCode === null && !(await hasWriter(child.pid!)))
    await new Promise((done) => setTimeout(done, 2));
  process.kill(-child.pid!, 'SIGINT');
  const [code] = await ended;
  await untilClosed();
  return code;
}

interface Row {
  readonly serial: string;
  readonly state: string;
}

const rowsOf = ({ store }: Ledger): number =>
  store.read(() => Number(store.sql.get('SELECT coalesce(max(rowid), 0) AS n FROM flash')!['n']));

/** `since`: rows up to this one are of cards that have left the factory. */
async function assertTrue(ledger: Ledger, since: number): Promise<void> {
  assert.deepEqual(verifyStore(ledger.store).problems, []);
  const onCards: string[] = [];
  for (const file of files) {
    const serial = await serialOn(file);
    const row = ledger.store.read(() =>
      ledger.store.sql.get(
        'SELECT serial, state FROM flash WHERE device = ? AND rowid > ? ORDER BY rowid DESC LIMIT 1',
        ...[file, since],
      ),
    ) as unknown as Row | undefined;
    if (row?.state === 'done') assert.equal(serial, row.serial, `${file} is done and starts`);
    if (serial === undefined) continue;
    onCards.push(serial);
    assert.ok(row !== undefined, 'the ledger knows of the card');
    assert.equal(serial, row.serial, 'the card holds the unit that the ledger gave it last');
    assert.ok(['done', 'verified', 'lost'].includes(row.state), row.state);
    const { state } = ledger.unit(serial);
    assert.ok(
      ['done', 'uncertain'].includes(state),
      `a card that starts belongs to a ${state} unit`,
    );
  }
  assert.equal(new Set(onCards).size, onCards.length, 'no serial lies on two cards');
}

test('Ctrl-C reaches the flasher alone: what it says of the card is true', async () => {
  createLedger(ledgerFile, { recipient: undefined, by: BY }).close();
  await emptyCards();
  const [file] = files;
  const interruptedBy = await interrupted(file!);
  const ledger = openLedger(ledgerFile);
  const row = ledger.store.sql.get('SELECT state, code, reason FROM flash');
  assert.equal(interruptedBy, 130);
  assert.deepEqual([row?.['state'], row?.['code']], ['bad', 'stopped']);
  assert.match(String(row?.['reason']), /starts from no board/);
  const words = Buffer.from(NOT_FINISHED);
  const source = await openSource(file!);
  assert.deepEqual(await source.read(0, words.length), words);
  await source.close();
  ledger.close();
});

test(`the flasher killed ${KILLS} times at random points never lies (CLOCK_TEST_SEED=${seed})`, async () => {
  const begun = openLedger(ledgerFile);
  begun.make([{ count: 500, order: 'A-1', accounts: [], services: [] }], BY);
  begun.close();
  await emptyCards();
  const wholeMs = await flash();
  const given = new Set<string>();
  let since = 0;
  for (let n = 0; n < KILLS; n += 1) {
    const ledger = openLedger(ledgerFile);
    await assertTrue(ledger, since);
    since = rowsOf(ledger);
    for (const file of files) {
      const serial = await serialOn(file);
      if (serial === undefined) continue;
      assert.ok(!given.has(serial), 'no serial is given again after its card could start');
      given.add(serial);
    }
    ledger.close();
    // New cards: what lies on finished ones has left the factory.
    await emptyCards();
    await flash({ afterMs: random() * wholeMs });
  }
  const ledger = openLedger(ledgerFile);
  await assertTrue(ledger, since);
  ledger.close();
});
