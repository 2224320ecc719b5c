// A bundle for units that are out there: signed by the key that is given, whole, and as young as an
// image of the same sources.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtempDisposable, readFile, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openManifest } from '../../../agent/update/wire.ts';
import { run } from '../../../image/core/run.ts';
import { makeReplacement } from '../../../image/release/replace.ts';
import { developmentKeyFile, publicKeyPem, signingKey } from '../../../image/release/sign.ts';

const before = process.env['CLOCK_SIGNING_KEY'];
after(() => {
  if (before === undefined) delete process.env['CLOCK_SIGNING_KEY'];
  else process.env['CLOCK_SIGNING_KEY'] = before;
});

/** A checkout whose last change did not touch the agent. */
async function checkout(home: string): Promise<void> {
  const git = async (words: readonly string[], env: Record<string, string> = {}): Promise<void> =>
    void (await run(['git', '-C', home, ...words], { env }));
  await git(['init', '--quiet']);
  const who = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
  for (const [file, date] of [
    ['package.json', '2026-03-01T00:00:00Z'],
    ['agent/main.ts', '2026-03-01T00:00:00Z'],
    ['stage-clock/prerun.sh', '2026-04-01T00:00:00Z'],
  ] as const) {
    await mkdir(join(home, file, '..'), { recursive: true });
    await writeFile(join(home, file), '{"version":"1.2.3"}\n');
    await git(['add', '.']);
    await git([...who, 'commit', '--quiet', '-m', file], {
      ...{ GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
    });
  }
}

test('a bundle is signed by the given key and no older than an image of its checkout', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-replace-'));
  const home = join(folder.path, 'home');
  await mkdir(home);
  await checkout(home);
  const key = join(folder.path, 'key.pem');
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  process.env['CLOCK_SIGNING_KEY'] = key;
  const outDir = join(folder.path, 'out');
  const made = await makeReplacement({ home, outDir, bucket: 'https://s3.example/bucket' });
  assert.equal(made.development, false);
  assert.deepEqual(
    (await readdir(outDir)).toSorted(),
    ['job.json', 'js', 'jws'].map((end) => `agent-${made.version}.${end}`),
  );

  const bytes = await readFile(made.file);
  const jws = (await readFile(made.manifest, 'utf8')).trim();
  // As the unit has it, in /usr/share/clock/release.pub.
  const inRoot = createPublicKey(publicKeyPem(await signingKey(developmentKeyFile())));
  const manifest = openManifest(jws, inRoot);
  assert.ok(manifest !== undefined);
  assert.equal(manifest.sha256, createHash('sha256').update(bytes).digest('hex'));
  assert.equal(manifest.size, bytes.length);
  // Else an image of this very checkout would refuse it as older than its own.
  assert.equal(manifest.builtAt, '2026-04-01T00:00:00.000Z');
  assert.equal(openManifest(jws, generateKeyPairSync('ed25519').publicKey), undefined);

  assert.deepEqual(JSON.parse(await readFile(made.job, 'utf8')), {
    v: 1,
    operation: 'replace-agent',
    parameters: {
      manifest: jws,
      url: `\${aws:iot:s3-presigned-url:https://s3.example/bucket/agent-${made.version}.js}`,
    },
  });
});
