// `./build.sh unit` and `label` as people type them: from an empty folder to labels, and what they say when it
// is wrong. One process for each, as in life.
import assert from 'node:assert/strict';
import { mkdtempDisposable, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { run } from '../../../image/core/run.ts';
import { createLedger } from '../../../image/ledger/ledger.ts';
import { API_KEY, by, card, done, hotel, registration } from './sample.ts';

const MAIN = fileURLToPath(new URL('../../../image/main.ts', import.meta.url));
const ORDERS = `order;count;name;pms_host;pms_subscription_id;pms_account_id;pms_api_user;pms_api_key
A-17;2;Hotel Schöne Aussicht;sky-eu1.clock-software.com;7;4711;unit;${API_KEY}
`;

/** The command line, for a ledger in this folder; `said` is what it has printed. */
function desk(folder: string) {
  const file = join(folder, 'ledger.db');
  let said = '';
  return {
    file,
    said: () => said,
    build: async (words: string, code = 0): Promise<string> => {
      const options = ['--ledger', file, '--operator', 'maria', '--station', 'bench-1'];
      const { stdout, stderr } = await run(
        [process.execPath, MAIN, ...words.split(' '), ...options],
        { cwd: folder, accept: [code] },
      );
      said += stdout + stderr;
      return stdout + stderr;
    },
  };
}

test('from an empty folder to labels: begin, import, look, print, verify; no key in anything that is said', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-unit-'));
  const { build, said } = desk(folder.path);
  const recipient = await identityToRecipient(await generateIdentity());
  await writeFile(join(folder.path, 'orders.csv'), ORDERS);
  await writeFile(join(folder.path, 'wrong.csv'), ORDERS.replace(';4711;', ';x;'));

  assert.match(await build('unit list', 1), /There is no ledger/);
  assert.match(await build('unit init', 2), /--recipient age1… .* or --no-escrow/);
  await build(`unit init --recipient ${recipient}`);
  assert.match(
    await build('unit import wrong.csv', 1),
    /^wrong\.csv:2: pms_account_id: not a whole/m,
  );
  assert.match(
    await build('unit import orders.csv --dry-run'),
    /^A-17 +2 +Hotel Schöne Aussicht +pms 4711 \S+ +-\n.*would make 2 units for A-17/m,
  );
  await writeFile(join(folder.path, 'more.csv'), ORDERS.replace('A-17;2', 'A-17;3'));
  await writeFile(join(folder.path, 'later.csv'), ORDERS.replace('A-17;2', 'A-18;3'));
  assert.match(await build('unit import orders.csv'), /has API keys in clear: remove it/);
  assert.match(
    await build('unit import more.csv', 1),
    /^more\.csv:2: order: is in the ledger already\. .* unit retire --order A-17 --why TEXT$/m,
  );
  assert.match(await build('unit list'), /^2 units: 2 new$/m);
  assert.match(await build('unit list --order A-71', 1), /There is no order A-71/);
  assert.match(await build('unit import .', 1), /\. is a folder, not a file/);

  const [first] = JSON.parse(await build('unit list --json')) as [{ serial: string }];
  const short = first.serial.slice(0, 12);
  assert.match(await build(`unit show clockrpi-${first.serial}`), /label +not printed/);
  await build(`label ${short} --format zpl`);
  const begins = async (name: string, bytes: string): Promise<void> => {
    await build(`label ${short} --out ${name}`);
    assert.ok((await readFile(join(folder.path, name), 'latin1')).startsWith(bytes), name);
  };
  await begins('x.png', '\u0089PNG');
  await begins('x.zpl', '^XA');
  await begins('x.pdf', '%PDF');
  await build('unit export --out x.csv');
  assert.match(await readFile(join(folder.path, 'x.csv'), 'utf8'), /^serial,registration/);
  assert.match(await build('unit export --out x.txt', 2), /does not say .*\n.* \.json, \.csv, or/);
  await writeFile(join(folder.path, 'support.txt'), 'AGE-SECRET-KEY-');
  for (const [words, out] of [
    [`label ${short}`, 'support.txt --format pdf'],
    [`label ${short}`, 'orders.csv --format zpl'],
    ['unit export', 'support.txt --format json'],
    ['unit export', 'orders.csv'],
  ] as const) {
    const said = await build(`${words} --out ${out}`, 1);
    assert.match(
      said,
      /(support\.txt|orders\.csv) is there already, and is no .*\n.* another name/,
    );
  }
  assert.equal(await readFile(join(folder.path, 'support.txt'), 'utf8'), 'AGE-SECRET-KEY-');
  assert.equal(await readFile(join(folder.path, 'orders.csv'), 'utf8'), ORDERS);
  for (const words of [`label ${short} --out x.pdf`, `label ${short} --out x.zpl`]) {
    assert.match(await build(words), /^1 label: x/m, 'it is printed again');
  }
  await build(`label ${short} --out x.png`);
  await build('unit export --out x.csv');
  await build('unit export --out x.json');
  await build('unit export --out x.json');
  assert.match(await build('unit export --out sub/x.json', 1), /There is no folder \S+\/sub$/m);
  assert.match(await build(`label ${short} --out sub/x.pdf`, 1), /There is no folder \S+\/sub$/m);
  await build('label --order A-17');
  const printed = (await readdir(folder.path)).filter((name) => name.startsWith('label'));
  const expected = ['label-A-17.pdf', `label-${short.slice(0, 8)}.zpl`];
  assert.deepEqual(printed.sort(), expected.sort());
  assert.match(await build('unit history'), /unit\.labelled +maria@bench-1/);
  assert.match(await build(`unit retire ${short} --why stolen`), /is retired/);
  assert.match(
    await build('unit export'),
    new RegExp(`"serial": "${first.serial}",\\s+"registration": "none"`),
  );
  await build('unit import later.csv');
  assert.match(await build('unit import later.csv'), /imported already.*Nothing was changed/);
  assert.match(await build('unit retire --order A-18 --why cancelled'), /^3 of order A-18/m);
  for (const words of ['unit retire --order A-18 --why again', 'label --order A-18']) {
    assert.match(
      await build(words, 1),
      /All units of order A-18 are retired\n.* unit new --order A-18/,
    );
  }
  assert.match(await build('unit import later.csv'), /Made 3 units for A-18/);
  await writeFile(join(folder.path, 'plain.csv'), 'order,count\nB-1,1\n');
  assert.match(await build('unit import plain.csv'), /Made 1 unit for B-1\.\n$/);
  assert.match(await build('unit import later.csv'), /imported already.*Nothing was changed/);
  assert.match(await build('unit list --order A-18'), /^6 units: 3 new, 3 retired$/m);
  assert.match(await build('unit backup stick', 1), /There is no folder stick/);
  assert.match(await build('unit backup copies/'), /head [0-9a-f]{64}/);
  assert.match(await build('unit verify'), /^Whole: \d+ events, 9 units/m);
  assert.match(await build('unit verify --head abcdabcd', 1), /No event has the hash abcdabcd/);
  assert.match(await build('unit verify --head a', 2), /8 digits or more/);
  await symlink('ledger.db.key', join(folder.path, 'out'));
  for (const out of ['ledger.db', 'out']) {
    assert.match(await build(`unit export --out ${out}`, 2), /belongs to the ledger/);
    assert.match(await build(`label ${short} --out ${out}`, 2), /belongs to the ledger/);
  }
  assert.ok(!said().includes(API_KEY));
  for (const name of [
    'ledger.db',
    join('copies', (await readdir(join(folder.path, 'copies')))[0]!),
  ]) {
    assert.ok(!(await readFile(join(folder.path, name))).includes(API_KEY), name);
  }
});

test('a unit whose card works is replaced for a reason only, and the reason is kept', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-unit-'));
  const { file, build } = desk(folder.path);
  const ledger = createLedger(file, { recipient: undefined, by });
  ledger.make([{ ...hotel, count: 2 }], by);
  const flash = ledger.begin({ order: 'A-17', card, release: 'r', registration, by });
  ledger.verified(flash);
  ledger.end(flash, done);
  ledger.close();
  const { serial } = flash.unit;
  assert.match(await build(`unit replace ${serial}`, 2), /is done: its card works.*\n.*--why TEXT/);
  assert.match(await build('unit list'), /^2 units: 1 new, 1 done$/m);
  await build(`unit replace ${serial} --why stolen`);
  assert.match(
    await build(`unit show ${serial}`),
    /^state +retired: stolen; replaced by [0-9a-f]/m,
  );
  assert.match(await build('unit list'), /^3 units: 2 new, 1 retired$/m);
});

test('whoever gives up recovery is told; a file that is no ledger is not called one', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-unit-'));
  const { file, build } = desk(folder.path);
  await writeFile(file, 'somebody’s');
  assert.match(
    await build('unit init --no-escrow', 1),
    /ledger\.db is there already, and is no ledger/,
  );
  assert.equal(await readFile(file, 'utf8'), 'somebody’s');
  await rm(file);
  const recipient = await identityToRecipient(await generateIdentity());
  await build(`unit init --recipient ${recipient}`);
  assert.match(await build('unit init --no-escrow', 1), /There is a ledger already/);
  assert.match(
    await build('unit recipient --no-escrow'),
    /WITHOUT A KEY OF SUPPORT: no card can be/,
  );
  assert.doesNotMatch(await build(`unit recipient --recipient ${recipient}`), /WITHOUT/);
});
