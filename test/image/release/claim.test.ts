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
  await assert.rejects(readClaim(folder.path), { code: 'no-claim' });
  await put('claim.crt', claim.certPem);
  await put('claim.key', other.keyPem);
  await assert.rejects(readClaim(folder.path), /not that of the certificate/);
  await put('claim.key', claim.keyPem);
  assert.deepEqual(await readClaim(folder.path), {
    'claim.crt': claim.certPem,
    'claim.key': claim.keyPem,
  });
});
