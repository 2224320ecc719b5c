// The unit's key, its certificate request, and the folder they lie in.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { realCertificates } from '../../../agent/io/certificates.ts';
import { realFolder } from '../../../agent/io/folder.ts';
import { commonNameIn, readCsr } from '../../bench/cloud/certificates/issue.ts';
import { issue } from './certificates.ts';

const home = await mkdtemp(join(tmpdir(), 'identity-'));
after(async () => rm(home, { recursive: true, force: true }));

test('a certificate request is one that the cloud accepts, for the unit’s name', () => {
  const name = `clockrpi-${'0123456789abcdef'.repeat(2)}`;
  const read = readCsr(realCertificates.makeRequestPem(realCertificates.makeKeyPem(), name));
  assert.ok(read.ok, read.ok ? '' : read.why);
  assert.equal(commonNameIn(read.subject), name);
});

test('another kind of key is refused', () => {
  assert.throws(() => realCertificates.makeRequestPem('nothing', 'a'));
  const other = generateKeyPairSync('ec', {
    namedCurve: 'P-384',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  assert.throws(() => realCertificates.makeRequestPem(other.privateKey, 'a'), /P-256/);
});

test('belongs() knows whose certificate it is, and rejects what is unreadable', () => {
  const [one, two] = [issue({ name: 'one' }), issue({ name: 'two' })];
  assert.equal(realCertificates.belongs(one.certPem, one.keyPem), true);
  assert.equal(realCertificates.belongs(one.certPem, two.keyPem), false);
  assert.equal(realCertificates.belongs('', one.keyPem), false);
  assert.equal(realCertificates.belongs(one.certPem, ''), false);
});

test('files are 0600 in a folder of 0700, whole or not there, and nothing else stays', async () => {
  const path = join(home, 'agent');
  const folder = realFolder(path);
  assert.equal(await folder.read('unit.key'), undefined);
  await folder.write('unit.key', 'one');
  await folder.write('unit.key', 'two');
  assert.equal(await folder.read('unit.key'), 'two');
  assert.equal((await stat(join(path, 'unit.key'))).mode & 0o777, 0o600);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  assert.deepEqual(await readdir(path), ['unit.key']);
  await folder.remove(['unit.key', 'claim.key']);
  assert.deepEqual(await readdir(path), []);
});

test('a file that is too large, or cannot be written, is an error and no crash', async () => {
  await writeFile(join(home, 'large'), Buffer.alloc(70_000));
  await assert.rejects(realFolder(home).read('large'), /larger than/);
  await writeFile(join(home, 'file'), '');
  await assert.rejects(realFolder(join(home, 'file')).write('a', 'b'));
});
