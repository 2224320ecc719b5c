// Which bundle root lets services run: signed, whole, and fit for the root.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { judgeIn } from '../../../agent/compose-units.ts';
import { signManifest } from '../../../agent/update/wire.ts';
import type { BundleManifest } from '../../../agent/update/wire.ts';

const root = await mkdtemp(join(tmpdir(), 'clock-bundle-'));
after(async () => rm(root, { recursive: true }));
const pair = (): { readonly key: string; readonly pub: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pub: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
};
const [ours, others] = [pair(), pair()];
await mkdir(join(root, 'usr/share/clock'), { recursive: true });
await writeFile(join(root, 'usr/share/clock/release.pub'), ours.pub);
const release = { version: '1.2.0', builtAt: '2026-01-01T00:00:00Z' };
await writeFile(join(root, 'usr/share/clock/release.json'), JSON.stringify(release));

const js = Buffer.from('the bundle');
const sha256 = createHash('sha256').update(js).digest('hex');
const manifest: BundleManifest = {
  ...{ v: 1, name: 'agent', version: '1.2.1', sequence: 2, size: js.length, sha256 },
  ...{ minimumRelease: '1.2.0', builtAt: '2026-02-01T00:00:00Z' },
};
const judge = (change: Partial<BundleManifest>, key = ours.key, bytes: Buffer = js) =>
  judgeIn(root)({ js: bytes, jws: Buffer.from(signManifest({ ...manifest, ...change }, key)) });

test('a bundle is run when it is signed by the release key, whole, and fits the root', () => {
  assert.deepEqual(judge({}), { ok: true, sha256 });
  for (const [judged, why] of [
    [judge({}, others.key), /not signed/],
    [judge({}, ours.key, Buffer.from('another one')), /damaged/],
    [judge({ builtAt: '2025-01-01T00:00:00Z' }), /older/],
    [judge({ minimumRelease: '1.3.0' }), /too old/],
    [judgeIn(root)({ js, jws: Buffer.from('no signature') }), /not signed/],
  ] as const) {
    assert.match(judged.ok ? 'ok' : judged.why, why);
  }
});
