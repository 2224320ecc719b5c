// Who may import whom, over the graph that really ships (esbuild's metafile), each forbidden arrow
// with its reason; and the form of the sources.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleAgent } from '../image/release/bundle.ts';

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));

const folder = await mkdtemp(join(tmpdir(), 'bundle-'));
const { metafile } = await bundleAgent({ outDir: folder, minify: false });
const shipped = await readFile((await bundleAgent({ outDir: folder, minify: true })).file);
await rm(folder, { recursive: true });
const arrows = Object.entries(metafile.inputs).flatMap(([from, { imports }]) =>
  imports.map(({ path }) => ({ from, to: path })),
);
const own = arrows.filter(({ from }) => from.startsWith('agent/'));

/** Capabilities are the folders that are neither core nor adapters; each interface is one. */
const capabilityOf = (path: string): string | undefined =>
  /^agent\/(?!core\/|io\/)(interfaces\/[a-z-]+|[a-z-]+)\//.exec(path)?.[1];
/** compose.ts and its parts, and serve.ts for a service's process; the launcher, a program of its own. */
const isRoot = (path: string): boolean =>
  /^agent\/(compose(-[a-z]+)?|serve|launch)\.ts$/.test(path);
const isPureCore = (path: string): boolean => path.startsWith('agent/core/');

interface Rule {
  readonly name: string;
  readonly because: string;
  readonly forbids: (from: string, to: string) => boolean;
}

const RULES: readonly Rule[] = [
  {
    name: 'the agent never imports the image builder',
    because: 'what runs in hotels must not depend on what runs on a workstation',
    forbids: (_from, to) => to.startsWith('image/') || to.startsWith('test/'),
  },
  {
    name: 'capabilities meet in compose.ts, never each other',
    because: 'each can then be read, tested and replaced alone',
    forbids: (from, to) => {
      const [a, b] = [capabilityOf(from), capabilityOf(to)];
      // The page shows results: their vocabulary (types and tables, no behaviour) is shared.
      const isVocabulary = to === 'agent/diagnostics/results.ts';
      return a !== undefined && b !== undefined && a !== b && !isVocabulary;
    },
  },
  {
    name: 'adapters are built by compose.ts alone',
    because: 'a capability that builds its own adapter cannot be tested without the world',
    forbids: (from, to) =>
      to.startsWith('agent/io/') && !isRoot(from) && !from.startsWith('agent/io/'),
  },
  {
    name: 'adapters know capabilities by their ports and formats only',
    because: 'the arrow from the world to the product points one way',
    forbids: (from, to) =>
      from.startsWith('agent/io/') &&
      capabilityOf(to) !== undefined &&
      !/\/(ports|wire)\.ts$/.test(to),
  },
  {
    name: 'the launcher imports its own four files and node alone',
    because: 'it cannot be replaced on a unit: what it does not hold cannot break it',
    forbids: (from, to) =>
      from === 'agent/launch.ts' &&
      !/^(node:.*|agent\/(io\/bundles|update\/(choice|limits|wire))\.ts)$/.test(to),
  },
  {
    name: 'core imports nothing of the agent',
    because: 'everything rests on it',
    forbids: (from, to) => isPureCore(from) && to.startsWith('agent/') && !isPureCore(to),
  },
  {
    name: 'state.ts and wire.ts of a capability never reach what performs',
    because: 'they are pure: time, chance and the world come in as values',
    forbids: (from, to) =>
      /^agent\/([a-z-]+\/)+(state|wire|config|counterpart|results|guard|html|language)\.ts$/.test(
        from,
      ) &&
      (to.endsWith('/run.ts') ||
        to.startsWith('agent/io/') ||
        /^node:(?!crypto$|buffer$)/.test(to) ||
        /^(fs|net|http|os|child_process|tls|dns)$/.test(to)),
  },
  {
    name: 'only main.ts imports compose.ts, compose-units.ts and serve.ts, and only compose.ts its parts',
    because: 'each process has one composition root, and nothing hangs below it twice',
    forbids: (from, to) =>
      isRoot(to) &&
      from !==
        (/^agent\/(compose|compose-units|serve)\.ts$/.test(to)
          ? 'agent/main.ts'
          : 'agent/compose.ts'),
  },
];

for (const { name, because, forbids } of RULES) {
  test(`${name}: ${because}`, () => {
    assert.deepEqual(
      own.filter(({ from, to }) => forbids(from, to)),
      [],
    );
  });
}

/** Where each library of package.json may be imported. */
const HOMES: Readonly<Record<string, RegExp>> = {
  mqtt: /^agent\/io\/mqtt\.ts$/,
  'node-forge': /^agent\/io\/certificates\.ts$/,
  'dbus-next': /^agent\/io\/systemd\.ts$/,
  koa: /^agent\/page\/run\.ts$/,
  serialport: /^agent\/io\/line-serial\.ts$/,
  valibot: /^agent\/([a-z-]+\/)+(wire|config)\.ts$/,
};

test('one library, one file: a library that must be replaced is replaced in one place', async () => {
  const { dependencies } = JSON.parse(await readFile(join(HOME, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    const users = own.filter(({ to }) => to.startsWith(`node_modules/${name}/`));
    assert.ok(users.length > 0, `${name} is used by nothing that ships`);
    const home = HOMES[name];
    // Another's library: its folder's own business, but still one file.
    if (home === undefined) {
      assert.equal(new Set(users.map(({ from }) => from)).size, 1, name);
      continue;
    }
    for (const { from } of users) assert.match(from, home, `${name} in ${from}`);
  }
});

test('the time is asked for in io/clock.ts alone: elsewhere it is a parameter', async () => {
  for (const path of Object.keys(metafile.inputs)) {
    if (!path.startsWith('agent/') || path === 'agent/io/clock.ts') continue;
    const text = await readFile(join(HOME, path), 'utf8');
    assert.doesNotMatch(text, /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, path);
    assert.doesNotMatch(text, /\bMath\.random\(/, path);
  }
});

test('every source says in its first line what it is for, and fits 400 lines', async () => {
  for (const top of ['agent', 'image', 'stage-clock', 'test']) {
    for (const name of await readdir(join(HOME, top), { recursive: true })) {
      if (!name.endsWith('.ts')) continue;
      const lines = (await readFile(join(HOME, top, name), 'utf8')).split('\n');
      assert.match(lines[0]!, /^\/\//, `${top}/${name}`);
      assert.ok(lines.length <= 400, `${top}/${name} has ${lines.length} lines`);
    }
  }
});

test('no file is called utils, helpers or index: a name says what a file is for', async () => {
  for (const name of await readdir(join(HOME, 'agent'), { recursive: true })) {
    assert.doesNotMatch(name, /(^|\/)(utils?|helpers?|index|common\.test)\.[tj]s$/, name);
  }
});

test('the bundle is ASCII: one other letter makes its text twice as large in every process', () => {
  // esbuild escapes what stands in strings, and leaves regular expressions as they are.
  const at = shipped.findIndex((byte) => byte > 0x7f);
  assert.equal(at, -1, shipped.toString('utf8', Math.max(0, at - 40), at + 40));
});
