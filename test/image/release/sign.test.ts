// Who signs a release: the key that was given, else this machine's own; and whose key one carries.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { signedBy } from '../../../image/release/build.ts';
import { signingKey } from '../../../image/release/sign.ts';
import { parseManifest } from '../../../image/unit/manifest.ts';

afterEach(() => delete process.env['CLOCK_SIGNING_KEY']);

test('the development key is made on first use and kept', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-sign-'));
  const file = join(folder.path, 'cache/key.pem');
  const first = await signingKey(file);
  assert.equal(first.development, true);
  assert.deepEqual(await signingKey(file), first);
});

test('a given key that is missing, no key or of another kind is said in words', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-sign-'));
  const [none, garbage, other] = ['none', 'garbage', 'other'].map((name) =>
    join(folder.path, name),
  );
  await writeFile(garbage!, 'no key\n');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(other!, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  for (const file of [none!, garbage!, other!]) {
    process.env['CLOCK_SIGNING_KEY'] = file;
    await assert.rejects(signingKey(join(folder.path, 'own')), {
      code: 'signing-key',
      message: new RegExp(`^${file} cannot sign`),
      hint: /openssl genpkey/,
    });
  }
});

test('signedBy() tells whose key a release carries, and undefined of none', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-sign-'));
  assert.equal(await signedBy(folder.path), undefined);
  const key = await signingKey(join(folder.path, 'key.pem'));
  const manifest = {
    ...{ v: 1, name: 'clock-iot-unit', version: '0', builtAt: '', files: {}, packages: [] },
    inputs: { hash: '0'.repeat(64), suite: 'trixie', kernel: '6' },
    signedBy: { keyId: key.keyId, development: true },
  };
  const text = JSON.stringify(manifest);
  assert.ok(parseManifest(Buffer.from(text)) !== undefined);
  await writeFile(join(folder.path, 'manifest.json'), text);
  assert.equal(await signedBy(folder.path), key.keyId);
});
