// Support's steps as the README has them, run as written on card files: the card of a failed unit is recovered with
// the key in the ledger, and its next card carries what waited.
import assert from 'node:assert/strict';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { issue } from '../../agent/io/certificates.ts';
import { run } from '../../../image/core/run.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { LANES } from '../../../agent/core/messages.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { contentWithin } from '../../../image/card/contents.ts';
import { registrationOf } from '../../../image/ledger/registration.ts';
import { openExt4 } from '../../../image/unit/read/ext4.ts';
import type { Ext4 } from '../../../image/unit/read/ext4.ts';
import { decrypted, unlock } from '../../../image/unit/read/keyslot.ts';
import { readFat } from '../../../image/unit/read/fat.ts';
import { readLuks } from '../../../image/unit/read/luks.ts';
import { openSource, section } from '../../../image/unit/read/source.ts';
import { MIB } from '../../../image/unit/layout.ts';
import { fakeRelease, newSigningKey } from '../unit/fake.ts';
import { makeStateCard } from '../unit/state-card.ts';

const HOME = fileURLToPath(new URL('../../..', import.meta.url));
const CARD_BYTES = 2_000_683_008;

let folder = '';
let serial = '';
const at = (name: string): string => join(folder, name);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clock-support-'));
  const key = newSigningKey();
  await fakeRelease(at('release'), key);
  await writeFile(at('factory.pem'), key.publicKeyPem);
  const identity = await generateIdentity();
  await writeFile(at('support.txt'), `# support\n${identity}\n`);
  await mkdir(at('claim'));
  const claim = issue({ name: 'claim' });
  await writeFile(at('claim/claim.crt'), claim.certPem);
  await writeFile(at('claim/claim.key'), claim.keyPem);
  await build(['unit', 'init', '--recipient', await identityToRecipient(identity)]);
});
after(async () => rm(folder, { recursive: true }));

/** `./build.sh` with these words, for a station whose ledger lies in the folder. */
async function build(words: readonly string[], accept: readonly number[] = []): Promise<string> {
  const env = {
    ...{ CLOCK_LEDGER: at('ledger.db'), CLOCK_OPERATOR: 'ada' },
    XDG_CACHE_HOME: at('cache'),
  };
  const names = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const argv = ['env', ...names, process.execPath, join(HOME, 'image/main.ts'), ...words];
  return (await run(argv, { accept, cwd: folder })).stdout;
}

const flashWords = (): string[] => [
  '--release',
  at('release'),
  '--signer',
  at('factory.pem'),
  '--yes',
];

async function newCard(name: string): Promise<string> {
  await writeFile(at(name), '');
  await truncate(at(name), CARD_BYTES);
  return at(name);
}

/** The record that waits in a flashed card for its first boot. */
async function recordOf(card: string): Promise<(name: string) => Promise<Buffer>> {
  const source = await openSource(card);
  const fat = await readFat(section(source, 4 * MIB, 128 * MIB));
  const transport = await bytesOf(fat.files.find(({ path }) => path === 'clock.key'));
  const system = section(source, 132 * MIB, source.bytes);
  const { header } = await readLuks(system);
  const { volumeKey } = (await unlock(system, header!, transport))!;
  const disk: Ext4 = await openExt4(decrypted(system, header!, volumeKey));
  return async (name) => bytesOf(await disk.find(`unit/${name}`));
}

async function bytesOf(file: { chunks(): AsyncIterable<Buffer> } | undefined): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of file!.chunks()) parts.push(chunk);
  return Buffer.concat(parts);
}

/** A queue with one event that nobody was told. */
async function queueOfAUnit(): Promise<Record<string, Uint8Array>> {
  const store = openSqlite(at('unit'), STORE_LIMITS);
  const payload = Buffer.from('{}');
  const one = { id: 'told-to-nobody', lane: 'business', topic: 't', payload, atMs: 1 } as const;
  store.apply({ add: [one], remove: [], bury: [], put: [], drop: [] });
  await store.sync();
  const files = {
    'outbox.db': await readFile(at('unit/outbox.db')),
    'outbox.db-wal': await readFile(at('unit/outbox.db-wal')),
  };
  store.close();
  return files;
}

/** Of what waits in the queue of a unit whose folder this is. */
function idsIn(name: string): string[] {
  const store = openSqlite(at(name), STORE_LIMITS);
  const ids = store.take(9, { except: [], lanes: LANES }).map(({ id }) => id);
  store.close();
  return ids;
}

/** The commands of the README's page for support, with these devices. */
async function steps(): Promise<readonly (readonly string[])[]> {
  const text = await readFile(join(HOME, 'README.md'), 'utf8');
  const page = text.slice(text.indexOf('### A unit has failed'));
  const block = page.split('```')[1]!;
  const known: Readonly<Record<string, string>> = {
    ...{ '3f9a': serial, '/dev/sdb': at('old/card'), '/dev/sdc': at('new') },
  };
  return block
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/ {3,}.*/, '')
        .split(' ')
        .slice(1)
        .map((word) => known[word] ?? word),
    );
}

test('the steps on the README’s page lead from a failed unit’s card to a new one that goes on', async (t) => {
  await build(['flash', await newCard('first'), ...flashWords(), '--claim', 'claim']);
  const first = await recordOf(at('first'));
  // The unit ran, and its plug was pulled: what its first boot made, by the key that it was given.
  const digits = (await first('recovery.key')).toString().trim();
  serial = (await first('serial')).toString().trim();
  const whose = await build(['inspect', at('first'), '--signer', at('factory.pem')]);
  assert.match(
    whose,
    new RegExp(`^whole: the card of unit ${serial}, not started yet, of release`),
  );
  const files = await queueOfAUnit();
  await makeStateCard(at('old'), { serial, digits, files, isCut: true });
  await newCard('new');

  const said: Record<string, string> = {};
  for (const words of await steps()) {
    const more = words[0] === 'reflash' ? flashWords() : [];
    // The state card of this test has nothing but a state: inspect finds the rest missing.
    const accept = words[0] === 'inspect' ? [1] : [];
    if (words[0] === 'reflash') await copyFile(at('queue.db'), at('before.db'));
    said[words.slice(0, 2).join(' ')] = await build([...words, ...more], accept);
    t.diagnostic(words.join(' ').replaceAll(folder, ''));
  }
  const recovered = said[`recover ${at('old/card')}`]!;
  assert.match(recovered, new RegExp(`unit ${serial}`));
  assert.match(recovered, /1 {2}events of the hotel[^]*Nothing is lost/);
  assert.match(said[`reflash ${serial}`]!, /Destroy it/);

  const record = await recordOf(at('new'));
  assert.equal((await record('serial')).toString().trim(), serial);
  assert.notEqual((await record('recovery.key')).toString().trim(), digits, 'new keys');
  await mkdir(at('next'));
  await writeFile(at('next/outbox.db'), gunzipSync(await record('carried.db.gz')));
  assert.deepEqual(idsIn('next'), ['told-to-nobody']);

  const { units } = JSON.parse(await readFile(at('serials.json'), 'utf8')) as {
    units: { serial: string; registration: string; superseded: string[] }[];
  };
  const announced = units.find((one) => one.serial === serial)!;
  const hashOf = async (read: typeof record): Promise<string> =>
    registrationOf((await read('registration.token')).toString());
  assert.equal(announced.registration, await hashOf(record));
  assert.deepEqual(announced.superseded, [await hashOf(first)]);
});

test('of a file that was given to support only rows go onto the card; one that has none is refused', async () => {
  await newCard('evil');
  const words = (from: string): string[] => [
    ...['reflash', serial, at('evil'), '--from', from, '--identity', 'support.txt'],
    ...flashWords(),
  ];
  const change = async (name: string, sql: string): Promise<string> => {
    await copyFile(at('before.db'), at(name));
    const db = new DatabaseSync(at(name));
    db.exec(sql);
    db.close();
    return name;
  };
  const said = `{"v":1,"serial":"\u001B[2J","atMs":1,"isDoubted":false}`;
  const lies = await change('lies.db', `UPDATE recovered SET about = '${said}'`);
  await assert.rejects(build(words(lies)), /is nothing that recover made/);
  const none = await change(
    'none.db',
    'DROP TABLE waiting; CREATE VIEW waiting AS SELECT 1 AS place',
  );
  await assert.rejects(build(words(none)), /is nothing that recover made/);
  const more = `CREATE TRIGGER t AFTER INSERT ON waiting BEGIN DELETE FROM record; END; CREATE TABLE x (a)`;
  await build(words(await change('more.db', more)));
  await writeFile(
    at('more-carried.db'),
    gunzipSync(await (await recordOf(at('evil')))('carried.db.gz')),
  );
  const db = new DatabaseSync(at('more-carried.db'), { readOnly: true });
  const names = db.prepare(`SELECT name FROM sqlite_schema WHERE sql IS NOT NULL`).all();
  db.close();
  const found = names.map(({ name }) => String(name)).sort();
  assert.deepEqual(found, ['counter', 'dead', 'record', 'recovered', 'waiting']);
});

test('a recovered queue goes with one card only, and with its own unit’s', async () => {
  await newCard('other');
  const words = (of: string): string[] => [
    ...['reflash', of, at('other'), '--from', 'queue.db', '--identity', 'support.txt'],
    ...flashWords(),
  ];
  await assert.rejects(build(words(serial)), /went with a card already/);
  await copyFile(at('queue.db'), at('copy.db'));
  const stranger = (await build(['unit', 'new'])).trim();
  await assert.rejects(build(words(stranger)), /is of unit/);
  await build(['unit', 'retire', stranger, '--why', 'stolen']);
  await assert.rejects(build(['reflash', stranger, at('other'), ...flashWords()]), /is retired/);
  assert.equal((await stat(at('other'))).blocks, 0, 'nothing was written');
});

test('a card that never started gives back what it was to carry over, for the next one', async () => {
  // The board died, or the card in its first boot: the file went with this card, and no other has it.
  const words = ['recover', at('new'), '--out', 'back.db'];
  // Whoever has a card writer can make a card like it, with another queue and any serial.
  await writeFile(at('stranger.key'), `${'ab'.repeat(32)}\n`);
  await assert.rejects(build([...words, '--key', 'stranger.key']), /recovery key does not open/);
  await assert.rejects(build(words), /Nothing to open the card with/);
  const said = await build([...words, '--identity', 'support.txt']);
  assert.match(said, new RegExp(`unit ${serial}`));
  assert.match(said, /1 {2}events of the hotel[^]*never run from this card[^]*Nothing is lost/);
  await newCard('third');
  const from = ['--from', 'back.db', '--identity', 'support.txt'];
  await build(['reflash', serial, at('third'), ...from, ...flashWords()]);
  const packed = await (await recordOf(at('third')))('carried.db.gz');
  await mkdir(at('third-unit'));
  await writeFile(at('third-unit/outbox.db'), gunzipSync(packed));
  assert.deepEqual(idsIn('third-unit'), ['told-to-nobody']);
});

test('a first card that never started has nothing to recover, and says so', async () => {
  await assert.rejects(
    build(['recover', at('first'), '--identity', 'support.txt']),
    /never started, so nothing was queued/,
  );
});

test('the first card that a restored ledger knows of is not called the first: nobody knows', async () => {
  const unit = (await build(['unit', 'new'])).trim();
  await build(['unit', 'backup', 'before.ledger.db']);
  await build(['unit', 'new']);
  await build(['unit', 'restore', 'before.ledger.db', '--force']);
  const said = await build(['reflash', unit, await newCard('fifth'), ...flashWords()]);
  assert.match(said, /was restored and knows no other card[^]*unit export/);
  assert.doesNotMatch(said, /nothing is lost/);
});

test('the last card is to be destroyed unless it is surely the one that was written over', async () => {
  const [one, two] = [await newCard('own-1'), await newCard('own-2')];
  await build(['flash', one, ...flashWords(), '--claim', at('claim')]);
  const { unit } = await contentWithin(one);
  const reflash = (card: string): Promise<string> => {
    const support = ['--identity', at('support.txt'), '--claim', at('claim')];
    return build(['reflash', unit!, card, ...support, ...flashWords()]);
  };
  assert.match(await reflash(one), /What was on the last card is shut out/, 'its only one');
  assert.match(await reflash(two), /Destroy it/);
  assert.match(await reflash(one), /Destroy it/, 'an older one: the last lies elsewhere');
});
