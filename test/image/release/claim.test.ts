// The fleet's claim for an image: only a pair that fits is put on cards.
import assert from 'node:assert/strict';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readClaim } from '../../../image/release/build.ts';
import { issue } from '../../agent/io/certificates.ts';

test('readClaim() takes a certificate with its key, and nothing else', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-claim-'));
  const [claim, other] = [issue({ name: 'claim' }), issue({ name: 'other' })];
  const put = async (name: string, text: string): Promise<void> =>
    writeFile(join(folder.path, name), text);
  const missing = join(folder.path, 'none');
  const refused = async (where: string, message: string): Promise<void> =>
    assert.rejects(readClaim(where), { code: 'no-claim', message });
  await refused(missing, `There is no folder ${missing} with a claim`);
  await refused(folder.path, `There is no claim in ${folder.path}: claim.crt is not there`);
  await put('claim.crt', claim.certPem);
  await refused(folder.path, `There is no claim in ${folder.path}: claim.key is not there`);
  await put('claim.key', other.keyPem);
  await assert.rejects(readClaim(folder.path), /not that of the certificate/);
  await put('claim.key', claim.keyPem);
  assert.deepEqual(await readClaim(folder.path), {
    'claim.crt': claim.certPem,
    'claim.key': claim.keyPem,
  });
});
