// The plug is pulled before every single thing that is done to the card while a package is installed: whatever
// the moment, the unit starts again and ends where it would have ended.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { openPackages } from '../../bench/cloud/packages.ts';
import { randomFrom, testSeed } from '../random.ts';
import { HOME, KEY, make } from './made.ts';
import type { Made } from './made.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const IS_LONG = process.env['CLOCK_TEST_LONG'] === '1';
/** Of each series, when it is not long. */
const SAMPLE = 1;
const LIFE_MS_MAX = 60_000;
/** For what is done after the last word. */
const LIVES_MAX = 5;

const program = join(await mkdtemp(join(tmpdir(), 'clock-tiny-')), 'tiny.mjs');
// CommonJS inside: cut.cjs changes node's modules before they are looked into.
await build({
  ...{ absWorkingDir: HOME, entryPoints: ['test/agent/packages/tiny.ts'], outfile: program },
  ...{ bundle: true, platform: 'node', target: 'node24', format: 'esm', logLevel: 'silent' },
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire('/');",
  },
});
const bucket = await openPackages();
after(async () => {
  await bucket[Symbol.asyncDispose]();
  await rm(dirname(program), { recursive: true });
});

const first = await make('1.0.0', { title: 'well', note: ' '.repeat(100_000) });
const well = await make('2.0.0', { title: 'well', note: ' '.repeat(100_000) });
const park = await make('2.0.0', { title: 'park', note: ' '.repeat(100_001) });

class Unit {
  readonly root: string;
  cut = 0;

  private constructor(root: string) {
    this.root = root;
  }

  static async open(): Promise<Unit> {
    const unit = new Unit(await mkdtemp(join(tmpdir(), 'clock-cuts-')));
    await writeFile(join(unit.root, 'release.pub'), KEY.publicPem);
    await writeFile(join(unit.root, 'roots.pem'), bucket.rootsPem);
    return unit;
  }

  async offer({ manifest, jws, bytes }: Made): Promise<void> {
    const name = `${manifest.sha256}.js`;
    bucket.put(name, bytes);
    const offer = { url: bucket.link(name), sha256: manifest.sha256, manifest: jws };
    const text = JSON.stringify({ ...offer, approve: ['connect'] });
    await writeFile(join(this.root, 'offer.json'), text);
  }

  /** One process, until it has said `until` or the plug was pulled. */
  async live(
    until: (text: string) => boolean,
  ): Promise<{ readonly found: boolean; readonly text: string }> {
    const child = spawn(
      process.execPath,
      ['--require', join(HERE, 'cut.cjs'), program, this.root],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          CLOCK_TEST_COUNT: join(this.root, 'operations'),
          CLOCK_TEST_CUT: String(this.cut),
        },
      },
    );
    let text = '';
    let found = false;
    const hear = (chunk: Buffer): void => {
      text += chunk.toString();
      if (found || !until(text)) return;
      found = true;
      child.kill('SIGKILL');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const timer = setTimeout(() => child.kill('SIGKILL'), LIFE_MS_MAX);
    await new Promise((done) => {
      child.once('close', done);
    });
    clearTimeout(timer);
    return { found, text };
  }

  /** Started again until it says so, as systemd would. */
  async until(pattern: RegExp): Promise<void> {
    const says = (text: string): boolean => pattern.test(text);
    const first = await this.live(says);
    if (first.found) return;
    const second = await this.live(says);
    if (second.found) return;
    throw new Error(`Never said ${pattern}:\n${first.text}\n---\n${second.text}`);
  }

  async operations(): Promise<string[]> {
    const text = await readFile(join(this.root, 'operations'), 'utf8').catch(() => '');
    return text.split('\n').filter(Boolean);
  }

  /** Sweeping comes after the last thing that is said: another life may be needed for it. */
  async liveOn(): Promise<void> {
    await this.live((text) => text.split('view ').length > 20);
  }

  /** So many at least, where a few lives make them. */
  async operationsAfter(before: number, least: number): Promise<string[]> {
    for (let n = 0; n < LIVES_MAX && (await this.operations()).length < before + least; n += 1) {
      await this.liveOn();
    }
    return (await this.operations()).slice(before);
  }
}

/** From the first package to the next one; what was done to the card. */
async function play(next: Made, cut: number | undefined): Promise<readonly string[]> {
  const unit = await Unit.open();
  try {
    await unit.offer(first);
    await unit.until(/view confirmed 1\.0\.0, runs 1\.0\.0 1\.0\.0/);
    const before = (await unit.operations()).length;
    if (cut !== undefined) unit.cut = before + cut;
    await unit.offer(next);
    const isWell = next === well;
    const end = isWell
      ? /view confirmed 2\.0\.0, runs 2\.0\.0 2\.0\.0/
      : /view returned 2\.0\.0, runs 1\.0\.0 1\.0\.0/;
    await unit.until(end);
    const done = await unit.operationsAfter(before, cut ?? 0);
    if (cut !== undefined) assert.ok(done.length >= cut, 'the plug was pulled');
    // Once more, in a later life: it stays so, and what a cut left is swept away.
    await unit.until(end);
    const folder = join(unit.root, 'var/lib/clock/agent/packages/lamp');
    const version = isWell ? '2.0.0' : '1.0.0';
    const made = isWell ? well : first;
    let names = await readdir(folder);
    for (let n = 0; names.length > 1 && n < LIVES_MAX; n += 1) {
      await unit.liveOn();
      names = await readdir(folder);
    }
    assert.deepEqual(names, [version]);
    assert.deepEqual(await readFile(join(folder, version, 'interface.js')), made.bytes);
    assert.equal(await readFile(join(folder, version, 'manifest.jws'), 'utf8'), made.jws);
    return done;
  } finally {
    await rm(unit.root, { recursive: true, force: true });
  }
}

const seed = testSeed();
const random = randomFrom(seed);
for (const [name, next] of [
  ['a package that is well', well],
  ['a package that cannot start', park],
] as const) {
  test(`${name} gets where it should through a power cut anywhere`, async (t) => {
    const all = await play(next, undefined);
    t.diagnostic(`${all.length} operations: ${all.join(' ')}`);
    assert.ok(['appendFile', 'rename', 'sync', 'recorded'].every((what) => all.includes(what)));
    const cuts = all.map((_, index) => index + 1);
    while (cuts.length > (IS_LONG ? all.length : SAMPLE)) {
      cuts.splice(Math.floor(random() * cuts.length), 1);
    }
    t.diagnostic(`seed ${seed}, cut before ${cuts.join(' ')}`);
    for (const cut of cuts) {
      await t.test(`before ${cut}, ${all[cut - 1]}`, async () => {
        await play(next, cut);
      });
    }
  });
}
