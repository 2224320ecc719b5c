// The builder of packages: what it signs loads as on a unit, and what an interface must not be is refused with
// the next action.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { evaluatePackage } from '../../../agent/io/load-package.ts';
import { openPackage, packageKeys, parseOffer } from '../../../agent/packages/wire.ts';
import type { OperatorError } from '../../../image/core/errors.ts';
import { bundleInterface, inWords, makePackage } from '../../../image/release/package.ts';
import { developmentKeyFile, signingKey } from '../../../image/release/sign.ts';

const HOME = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const LAMP = join(HOME, 'test/agent/packages/lamp');

// In the repository: an interface finds agent/core by its own imports.
await mkdir(join(HOME, 'build'), { recursive: true });
const scratch = await mkdtemp(join(HOME, 'build/package-'));
after(async () => rm(scratch, { recursive: true }));

const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
await writeFile(join(scratch, 'key.pem'), pem);
const key = await signingKey(developmentKeyFile(), join(scratch, 'key.pem'));
const keys = packageKeys(
  createPublicKey(key.privateKeyPem).export({ type: 'spki', format: 'pem' }).toString(),
);
const bucket = 'https://bucket.example';
const pack = async (folder: string, counter?: number) =>
  makePackage({
    ...{ home: HOME, folder, outDir: join(scratch, 'out'), key, bucket },
    ...(counter !== undefined && { counter }),
  });

let copies = 0;
/** The lamp with something changed. */
async function changed(files: Readonly<Record<string, string>>): Promise<string> {
  copies += 1;
  const folder = join(scratch, `lamp-${copies}`);
  await cp(LAMP, folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  // As deep as the original, for its imports.
  for (const name of ['run.ts', 'config.ts']) {
    const text = await readFile(join(folder, name), 'utf8');
    await writeFile(join(folder, name), text.replaceAll('../../../../agent/', '../../../agent/'));
  }
  return folder;
}
async function refused(folder: string, code: string, text: RegExp): Promise<void> {
  await assert.rejects(pack(folder), (error: OperatorError) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    assert.ok(error.hint !== undefined && error.hint.length > 10, 'it says what to do');
    return true;
  });
}

test('the same sources give the same bytes, signed, with a job that approves what they may', async () => {
  const made = await pack(LAMP, 7);
  const again = await pack(LAMP, 8);
  assert.deepEqual(made.bytes, again.bytes);
  const manifest = openPackage(made.jws, keys);
  assert.deepEqual(manifest, made.manifest);
  assert.equal(manifest?.counter, 7);
  assert.deepEqual(manifest.takes, ['message.light']);
  assert.ok(made.bytes.length < 40_000, `${made.bytes.length} bytes`);
  const job = JSON.parse(await readFile(again.files.job, 'utf8')) as {
    readonly operation: string;
    readonly parameters: { readonly url: string };
  };
  assert.equal(job.operation, 'install-package');
  // AWS puts the link in.
  assert.match(job.parameters.url, /^\$\{aws:iot:s3-presigned-url:https:\/\/bucket\.example\/lamp/);
  const parsed = parseOffer({ ...job.parameters, url: 'https://bucket.example/lamp' });
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.offer.approve, ['connect']);
  assert.match(inWords(made), /It may:\n {2}- connect to the addresses and ports in its settings/);
});

test('an interface that imports anything else is refused, and told what it may', async () => {
  const run = await readFile(join(LAMP, 'run.ts'), 'utf8');
  for (const [line, what] of [
    [`import { readFileSync } from 'node:fs'; export const x = readFileSync;`, /node:fs/],
    [`import net from 'net'; export const x = net;`, /net/],
    [
      `import { systemClock } from '../../../agent/io/clock.ts'; export const x = systemClock;`,
      /clock\.ts/,
    ],
    [`import { connect } from 'mqtt'; export const x = connect;`, /mqtt/],
  ] as const) {
    const folder = await changed({ 'run.ts': `${run}\n${line}\n` });
    await assert.rejects(pack(folder), (error: OperatorError) => {
      assert.match(error.code, /^interface-(imports|broken)$/);
      assert.match(error.message, what);
      assert.match(error.hint ?? '', /agent\/core, valibot and of node node:buffer/);
      return true;
    });
  }
});

test('every interface of the repository could come as a package', async () => {
  for (const name of await readdir(join(HOME, 'agent/interfaces'))) {
    const bytes = await bundleInterface(HOME, join(HOME, 'agent/interfaces', name));
    const found = evaluatePackage(bytes.toString(), `${name}.js`) as { readonly name: string };
    assert.equal(found.name, name);
  }
});

test('what is no interface, or badly described, is refused with the next action', async () => {
  await refused(join(scratch, 'nowhere'), 'no-interface', /There is no folder/);
  const bare = await changed({});
  await rm(join(bare, 'interface.json'));
  await refused(bare, 'no-interface', /There is no .*interface\.json/);
  await refused(await changed({ 'interface.json': '{' }), 'interface-json', /is no JSON/);
  const everything = '{ "version": "1.0.0", "minimumAgent": "0.1.0", "permissions": ["all"] }';
  await refused(
    await changed({ 'interface.json': everything }),
    'interface-json',
    /permissions\.0/,
  );
  await refused(await changed({ 'run.ts': '// nothing' }), 'no-interface', /exports no interface/);
  await refused(await changed({ 'run.ts': 'const = 5;' }), 'interface-broken', /run\.ts/);
  const half = `export const lamp = { name: 'lamp', title: 'x', takes: [], emits: [], counterpart() {} };`;
  await refused(await changed({ 'run.ts': half }), 'package-unfit', /lamp exports no interface/);
  const large = `export const text = ${JSON.stringify(' '.repeat(600_000))};`;
  const run = await readFile(join(LAMP, 'run.ts'), 'utf8');
  const folder = await changed({ 'run.ts': `${run}\n${large}\n` });
  await refused(folder, 'package-too-large', /has \d+ bytes/);
});
