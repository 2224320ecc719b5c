// Who may import whom, over the graph that really ships (esbuild's metafile).
import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleAgent } from '../image/release/bundle.ts';

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const CAPABILITIES = ['identity', 'diagnostics', 'page'];
/** Pure formats may cross; page shows diagnostics' results. */
const SHARED_WIRE = /^agent\/(diagnostics|identity)\/(wire|ports)\.ts$/;

const folder = await mkdtemp(join(tmpdir(), 'bundle-'));
const { metafile } = await bundleAgent({ outDir: folder, minify: false });
await rm(folder, { recursive: true });
const arrows = Object.entries(metafile.inputs).flatMap(([from, { imports }]) =>
  imports.map(({ path }) => ({ from, to: path })),
);

test('the agent never imports the image builder', () => {
  assert.deepEqual(
    arrows.filter(({ from, to }) => from.startsWith('agent/') && to.startsWith('image/')),
    [],
  );
});

test('capabilities meet in compose.ts, never each other', () => {
  const capability = (path: string): string | undefined =>
    CAPABILITIES.find((name) => path.startsWith(`agent/${name}/`));
  const wrong = arrows.filter(({ from, to }) => {
    const [a, b] = [capability(from), capability(to)];
    return a !== undefined && b !== undefined && a !== b && !SHARED_WIRE.test(to);
  });
  assert.deepEqual(wrong, []);
});

test('adapters are built by compose.ts alone', () => {
  const wrong = arrows.filter(
    ({ from, to }) => to.startsWith('agent/io/') && from !== 'agent/compose.ts',
  );
  assert.deepEqual(wrong, []);
});

test('core imports nothing of the agent', () => {
  const wrong = arrows.filter(
    ({ from, to }) => from.startsWith('agent/core/') && !to.startsWith('agent/core/'),
  );
  assert.deepEqual(wrong, []);
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
