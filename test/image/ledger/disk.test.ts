// A disk that is full or write-protected: what was to be written there is whole or not there at all, and what is
// said names the file and what to do. Real disks: a tmpfs in a namespace of its own.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempDisposableSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../../image/core/run.ts';
import { label } from '../../../image/host/commands/label.ts';
import { createLedger } from '../../../image/ledger/ledger.ts';
import { by, hotel, sample } from './sample.ts';

const MAIN = fileURLToPath(new URL('../../../image/main.ts', import.meta.url));
/** An ordinary user is root in a namespace of his own. */
const NAMESPACE = [
  ...['unshare', '--mount', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])],
  ...['sh', '-ec'],
];

/** A ledger of many units, and a folder `stick` beside it that is a disk of its own while `build` runs. */
function bench() {
  const folder = mkdtempDisposableSync(join(tmpdir(), 'clock-full-'));
  const file = join(folder.path, 'ledger.db');
  const ledger = createLedger(file, { recipient: undefined, by });
  const units = ledger.make([{ ...hotel, count: 200 }], by);
  ledger.store.write((tell) => {
    for (const { serial } of units) tell({ kind: 'unit.retired', serial, why: 'x' }, by);
  });
  ledger.close();
  mkdirSync(join(folder.path, 'stick'));
  return {
    ...{ file, serial: units[0]!.serial },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
    /** What the command said, how it ended, and what then lies on the stick. */
    build: async (words: string, { disk, before = ':' }: { disk: string; before?: string }) => {
      const script = `mount -t tmpfs -o ${disk} tmpfs stick; ${before}; "$@" || echo "ended $?" >&2; ls -A stick`;
      const argv = [...NAMESPACE, script, 'sh', process.execPath, MAIN, ...words.split(' ')];
      const { stdout, stderr } = await run(argv, { cwd: folder.path });
      assert.doesNotMatch(stderr, /defect|^\s+at /m);
      return { left: stdout.trim(), said: stderr };
    },
  };
}

test('an export or a label that does not fit is not there afterwards; what was there before still is', async () => {
  using at = bench();
  for (const [words, name, disk, old] of [
    ['unit export --out', 'x.json', 'size=16k', '{\\n  "v": 1,\\n  "events": 0}'],
    [`label ${at.serial} --out`, 'x.pdf', 'size=8k', '%%PDF'],
  ] as const) {
    const asked = `${words} stick/${name} --ledger ${at.file}`;
    const full = new RegExp(`no space left for .*stick/${name} .*\n {2}→ Free space`);
    const empty = await at.build(asked, { disk });
    assert.match(empty.said, full);
    assert.match(empty.said, /ended 1/);
    assert.equal(empty.left, '');
    const before = `printf '${old}' >stick/${name}`;
    const after = await at.build(asked, { disk, before });
    assert.match(after.said, full);
    assert.equal(after.left, name);
  }
});

test('a ledger or a backup that does not fit is not there afterwards', async () => {
  using at = bench();
  for (const [words, file] of [
    ['unit init --no-escrow --ledger stick/ledger.db', /stick\/ledger\.db/],
    [`unit backup stick/a.db --ledger ${at.file}`, /stick\/a\.db/],
    [`unit restore ledger.db --ledger stick/ledger.db`, /stick\/ledger\.db/],
  ] as const) {
    const { left, said } = await at.build(words, { disk: 'size=20k' });
    assert.match(said, /ended 1/);
    assert.match(said, file);
    assert.match(said, /no (space|room) left .*\n {2}→ Free space/);
    assert.doesNotMatch(said, /^build\.sh: .*\.part /m);
    assert.equal(left, '');
  }
});

test('a write-protected disk is named, whatever was to be done there', async () => {
  using at = bench();
  const before = 'cp ledger.db stick/; mount -o remount,ro stick';
  for (const words of [
    'unit list --ledger stick/ledger.db',
    'unit init --no-escrow --ledger stick/other.db',
    'unit new --ledger stick/ledger.db',
    'unit restore ledger.db --ledger stick/ledger.db --force',
    `unit backup stick/a.db --ledger ${at.file}`,
    `unit backup stick/ --ledger ${at.file}`,
    `unit export --out stick/x.json --ledger ${at.file}`,
  ]) {
    const { said } = await at.build(words, { disk: 'size=4m', before });
    assert.match(said, /ended 1/);
    assert.match(said, /^build\.sh: .*(stick.* cannot be written|written into .*stick)/m);
    assert.match(said, /\n {2}→ /);
    assert.doesNotMatch(said, /^build\.sh: [^(]*\.part/m);
  }
});

test('labels that were stopped while they were drawn are not there, and not noted', async () => {
  using at = sample();
  const { serial } = at.ledger.make([hotel], by)[0]!;
  const words = [serial, '--ledger', at.file, '--out', join(at.folder, 'out/x.pdf')];
  const context = { progress: {} as never, print: () => {}, signal: AbortSignal.abort() };
  await assert.rejects(label.read(words)(context), { name: 'AbortError' });
  assert.ok(!readdirSync(at.folder).includes('out'));
  assert.equal(at.ledger.unit(serial).labelled, false);
});
