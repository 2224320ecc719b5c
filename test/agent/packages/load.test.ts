// A package loaded as its service's process does it: verified first, and left with nothing of node to ask for.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadPackage } from '../../../agent/io/load-package.ts';
import { KEY, lampBytes, make, makeKey } from './made.ts';
import type { Made } from './made.ts';

const load = ({ bytes, jws }: Made, keys = KEY.keys, name = 'lamp') =>
  loadPackage({ bytes, jws, name }, keys);
const whyOf = (loaded: ReturnType<typeof loadPackage>): string => (loaded.ok ? '' : loaded.why);
const canary = () => (globalThis as { evaluated?: boolean }).evaluated;

const good = await make('1.0.0');

test('loadPackage() gives the interface of a package that is signed and whole', () => {
  const loaded = load(good);
  assert.ok(loaded.ok, whyOf(loaded));
  assert.deepEqual(loaded.manifest, good.manifest);
  assert.deepEqual(loaded.interface.parse({ host: '10.0.0.5', port: 5_001 }), {
    ok: true,
    settings: { host: '10.0.0.5', port: 5_001 },
  });
  const wrong = loaded.interface.parse({ host: '', port: 0 });
  assert.ok(!wrong.ok && wrong.problems.length === 2);
});

test('nothing is evaluated before signature and hash are right', async () => {
  const evil = Buffer.from('setTimeout.constructor("globalThis.evaluated = true")();');
  const signed = await make('1.0.0', { bytes: evil });
  const tampered = Buffer.from(evil);
  tampered[5]! ^= 1;
  assert.equal(whyOf(load(signed, makeKey().keys)), 'not signed by a key of this unit');
  assert.equal(whyOf(load({ ...signed, jws: good.jws })), 'not the bytes that were signed');
  assert.equal(whyOf(load({ ...signed, bytes: tampered })), 'not the bytes that were signed');
  assert.equal(whyOf(load(signed, KEY.keys, 'fias')), 'is lamp, not fias');
  assert.equal(canary(), undefined);
  // The test can fail: with everything right it is.
  assert.equal(whyOf(load(signed)), 'exports no interface');
  assert.equal(canary(), true);
});

test('a package that is not what its manifest says is no interface', async () => {
  const bytes = await lampBytes();
  for (const more of [
    { title: 'Another' },
    { takes: ['message.light', 'key.encode'] as const },
    { emits: [] },
  ]) {
    assert.equal(
      whyOf(load(await make('1.0.0', { bytes, ...more }))),
      'is not what its manifest says',
    );
  }
  const thrown = await make('1.0.0', { bytes: Buffer.from('throw new Error("broken");') });
  assert.equal(whyOf(load(thrown)), 'does not load: broken');
  const cut = await make('1.0.0', { bytes: bytes.subarray(0, bytes.length / 2) });
  assert.match(whyOf(load(cut)), /^does not load: /);
  for (const other of ['', 'exports.packaged = 5', 'exports.packaged = { name: "lamp" }']) {
    const none = await make('1.0.0', { bytes: Buffer.from(`${other}\n;`) });
    assert.equal(whyOf(load(none)), 'exports no interface');
  }
});

/** In a process of its own, whose doors are closed. */
async function behindDoors({ bytes, jws }: Made): Promise<{ stolen: unknown; why?: string }> {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'behind-doors.ts');
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify({ js: bytes.toString(), jws, publicPem: KEY.publicPem }));
  return JSON.parse(await text(child.stdout)) as { stolen: unknown; why?: string };
}

const WAYS = [
  'process',
  'require("fs")',
  'require("node:process")',
  'require("constructor")',
  'require("node:crypto").randomBytes',
  'require.constructor("return process")()',
  'require.caller',
  'require("node:crypto").createHash.constructor("return process")()',
  'globalThis.process',
  'this.process',
  '(function () { return this })().process',
  'Function("return process")()',
  '(() => {}).constructor("return process")()',
  '(async () => {}).constructor("return process")()',
  'setTimeout.constructor("return process")()',
  '(0, eval)("process")',
  'eval("process")',
  'Object.getPrototypeOf(function* () {}).constructor("yield process")().next().value',
  'setTimeout(() => {}, 1).constructor.constructor("return process")()',
  'fetch',
  'WebAssembly',
];

test('behind closed doors a package gets at nothing of node', async () => {
  const keep = (way: string): string =>
    `try { const got = ${way}; if (got) keep.push(${JSON.stringify(way)}) } catch {}`;
  const attempts = [
    'const keep = [];',
    ...WAYS.map(keep),
    'import("node:fs").then(() => { Object.prototype.stolen = "import" }, () => {});',
    'if (keep.length > 0) Object.prototype.stolen = keep;',
  ];
  const bytes = Buffer.concat([await lampBytes(), Buffer.from(`\n${attempts.join('\n')}\n`)]);
  const evil = await make('1.0.0', { bytes });
  const { stolen, why } = await behindDoors(evil);
  assert.equal(why, undefined);
  assert.equal(stolen, null);
});
