// A signed bundle of the agent, to replace the one on units that are out there: the bundle, its manifest
// (JWS) and the document of the job that offers it.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signManifest } from '../../agent/update/wire.ts';
import { bundleAgent } from './bundle.ts';
import { SOURCES, sourceEpoch } from './inputs.ts';
import { developmentKeyFile, signingKey } from './sign.ts';

export interface Replacement {
  readonly version: string;
  readonly file: string;
  readonly manifest: string;
  /** The document of a job, its link to be filled in by AWS. */
  readonly job: string;
  readonly development: boolean;
}

/** Of x.y.z in package.json; a root of another major version may lack what the agent needs. */
const minimumOf = (packageVersion: string): string => `${packageVersion.split('.')[0]}.0.0`;

/**
 * Writes them into `outDir`. Signed later counts as newer: the sequence is the time of signing, seconds
 * since 1970. Throws OperatorError `signing-key`.
 */
export async function makeReplacement(options: {
  readonly home: string;
  readonly outDir: string;
  /** Where the bundle will lie, for the job's link. */
  readonly bucket: string;
}): Promise<Replacement> {
  const { home, outDir, bucket } = options;
  const key = await signingKey(developmentKeyFile());
  const text = await readFile(join(home, 'package.json'), 'utf8');
  const { version: packageVersion } = JSON.parse(text) as { readonly version: string };
  await mkdir(outDir, { recursive: true });
  const bundle = await bundleAgent({ outDir, minify: true });
  const bytes = await readFile(bundle.file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const version = `${packageVersion}-${sha256.slice(0, 8)}`;
  // As an image of this checkout would say: units refuse what is older than the bundle in their root.
  const builtMs = (await sourceEpoch(home, SOURCES)) * 1_000;
  const jws = signManifest(
    {
      ...{ v: 1, name: 'agent', version, sha256, size: bytes.length },
      minimumRelease: minimumOf(packageVersion),
      builtAt: new Date(builtMs).toISOString(),
      sequence: Math.floor(Date.now() / 1_000),
    },
    key.privateKeyPem,
  );
  const [file, manifest, job] = ['js', 'jws', 'job.json'].map((end) =>
    join(outDir, `agent-${version}.${end}`),
  ) as [string, string, string];
  await rename(bundle.file, file);
  await rm(bundle.launcher);
  await writeFile(manifest, `${jws}\n`);
  const url = `\${aws:iot:s3-presigned-url:${bucket}/agent-${version}.js}`;
  const parameters = { manifest: jws, url };
  const document = { v: 1, operation: 'replace-agent', parameters };
  await writeFile(job, `${JSON.stringify(document, null, 1)}\n`);
  return { version, file, manifest, job, development: key.development };
}
