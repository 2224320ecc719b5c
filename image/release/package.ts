// A signed package of one interface, for units that are out there: the interface as one file of JavaScript, its
// manifest (JWS) and the document of the job that installs it. Knows nothing of how a unit runs it.
import { createHash, createPublicKey } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { build } from 'esbuild';
import type { Metafile, Plugin } from 'esbuild';
import * as v from 'valibot';
import { PACKAGE_BYTES_MAX, PERMISSIONS } from '../../agent/core/packages.ts';
import type { Permission } from '../../agent/core/packages.ts';
import { GIVEN, evaluatePackage, loadPackage } from '../../agent/io/load-package.ts';
import { keyIdOf, signPackage } from '../../agent/packages/wire.ts';
import type { PackageManifest } from '../../agent/packages/wire.ts';
import { OperatorError } from '../core/errors.ts';
import type { SigningKey } from './sign.ts';

/** `interface.json` beside the code: what cannot be read off it. */
const Description = v.strictObject({
  version: v.pipe(v.string(), v.regex(/^\d{1,5}\.\d{1,5}\.\d{1,5}(-[0-9A-Za-z]+)?$/)),
  minimumAgent: v.pipe(v.string(), v.regex(/^\d{1,5}\.\d{1,5}\.\d{1,5}$/)),
  permissions: v.array(v.picklist(PERMISSIONS)),
});

/** What a person is shown before he approves. */
const IN_WORDS: Readonly<Record<Permission, string>> = {
  connect: 'connect to the addresses and ports in its settings',
  listen: 'wait for connections on the ports in its settings, from the addresses named there',
  serial: 'use the serial ports named in its settings',
  'usb-printer': 'use the USB printers named in its settings',
};

export interface Package {
  readonly manifest: PackageManifest;
  readonly jws: string;
  readonly bytes: Buffer;
  readonly files: { readonly js: string; readonly jws: string; readonly job: string };
}

/**
 * Bundles, checks and signs the interface in `folder` into `outDir`. `counter`: larger than that of every package
 * of this interface signed before; else seconds since 1970. Throws OperatorError.
 */
export async function makePackage(options: {
  /** Of this repository: the interface may import its agent/core. */
  readonly home: string;
  readonly folder: string;
  readonly outDir: string;
  readonly key: SigningKey;
  /** Where the package will lie, for the job's link. */
  readonly bucket: string;
  readonly counter?: number;
}): Promise<Package> {
  const { home, folder, outDir, key, bucket } = options;
  const described = await describe(folder);
  const bytes = await bundleInterface(home, folder);
  const { name, title, takes, emits } = declared(folder, bytes);
  const manifest: PackageManifest = {
    ...{ v: 1, name, title, ...described, takes, emits },
    counter: options.counter ?? Math.floor(Date.now() / 1_000),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    size: bytes.length,
  };
  const jws = signPackage(manifest, key.privateKeyPem);
  const publicKey = createPublicKey(key.privateKeyPem);
  // As a service's process will do it: what does not load here would be returned by every unit.
  const loaded = loadPackage({ bytes, jws, name }, new Map([[keyIdOf(publicKey), publicKey]]));
  if (!loaded.ok) {
    throw new OperatorError('package-unfit', `${name} ${loaded.why}`, {
      hint: `Export one constant of type Interface from ${relative(home, join(folder, 'run.ts'))}`,
    });
  }
  const base = `${name}-${manifest.version}`;
  const [js, jwsFile, job] = ['js', 'jws', 'job.json'].map((end) =>
    join(outDir, `${base}.${end}`),
  ) as [string, string, string];
  const url = `\${aws:iot:s3-presigned-url:${bucket}/${base}.js}`;
  const { sha256, permissions: approve } = manifest;
  const parameters = { manifest: jws, url, sha256, approve };
  const document = { v: 1, operation: 'install-package', parameters };
  await mkdir(outDir, { recursive: true });
  await writeFile(js, bytes);
  await writeFile(jwsFile, `${jws}\n`);
  await writeFile(job, `${JSON.stringify(document, null, 1)}\n`);
  return { manifest, jws, bytes, files: { js, jws: jwsFile, job } };
}

/** The manifest for people: what it is, and what it may. */
export function inWords({ manifest }: Pick<Package, 'manifest'>): string {
  const { name, title, version, counter, size, sha256, minimumAgent, permissions } = manifest;
  const may = permissions.map((one) => `  - ${IN_WORDS[one]} (${one})`);
  return [
    `${title} (${name}) ${version}, counter ${counter}`,
    `${(size / 1024).toFixed(0)} KiB, SHA-256 ${sha256}`,
    `For agents from ${minimumAgent} on. Takes ${list(manifest.takes)}; emits ${list(manifest.emits)}.`,
    may.length === 0 ? 'It may reach nothing.' : 'It may:',
    ...may,
    ...(may.length === 0 ? [] : ['Everything else stays closed to it.']),
  ].join('\n');
}
const list = (all: readonly string[]): string => (all.length === 0 ? 'nothing' : all.join(', '));

async function describe(folder: string): Promise<v.InferOutput<typeof Description>> {
  const file = join(folder, 'interface.json');
  const example = '{ "version": "1.0.0", "minimumAgent": "0.1.0", "permissions": ["connect"] }';
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const isFolder = await stat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    );
    const message = isFolder ? `There is no ${file}` : `There is no folder ${folder}`;
    const hint = isFolder
      ? `Write into it, for example: ${example}`
      : "Name an interface's folder: agent/interfaces/bytes";
    throw new OperatorError('no-interface', message, { hint, cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new OperatorError('interface-json', `${file} is no JSON: ${(cause as Error).message}`, {
      hint: `It is to look like ${example}`,
      cause,
    });
  }
  const parsed = v.safeParse(Description, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? 'all of it';
  throw new OperatorError('interface-json', `${file}: ${field}: ${issue.message}`, {
    hint: `Permissions are ${PERMISSIONS.join(', ')}. It is to look like ${example}`,
  });
}

const LIBRARY = 'valibot';
const ALLOWED = `An interface imports its own folder, agent/core, ${LIBRARY} and of node ${Object.keys(GIVEN).join(', ')}; all else comes from its ServiceHost`;

/** By its name, before esbuild looks into it. */
const noLibraries: Plugin = {
  name: 'no-libraries',
  setup: (build) => {
    build.onResolve({ filter: /^[^./]/ }, ({ path }) => {
      if (Object.hasOwn(GIVEN, path)) return { path, external: true };
      return path === LIBRARY ? undefined : { errors: [{ text: `imports ${path}` }] };
    });
  },
};

/** The same sources give the same bytes. */
export async function bundleInterface(home: string, folder: string): Promise<Buffer> {
  const entry = join(resolve(folder), 'run.ts');
  const { outputFiles, metafile } = await build({
    absWorkingDir: home,
    stdin: { contents: entryOf(entry), resolveDir: home, sourcefile: 'package.ts', loader: 'ts' },
    ...{ bundle: true, write: false, metafile: true, minify: true, logLevel: 'silent' },
    plugins: [noLibraries],
    // `neutral`: a module of node that is not given is an error, not something to be found on the unit.
    ...{ platform: 'neutral', mainFields: ['module', 'main'], target: 'node24', format: 'cjs' },
  }).catch((cause: unknown) => {
    const [first] =
      (cause as { errors?: readonly { text: string; location: { file: string } | null }[] })
        .errors ?? [];
    const where = first?.location?.file ?? relative(home, entry);
    throw new OperatorError('interface-broken', `${where}: ${first?.text ?? String(cause)}`, {
      hint: ALLOWED,
      cause,
    });
  });
  foreign(metafile, { home, folder });
  const bytes = Buffer.from(outputFiles[0]!.contents);
  if (bytes.length <= PACKAGE_BYTES_MAX) return bytes;
  throw new OperatorError('package-too-large', `It has ${bytes.length} bytes`, {
    hint: `A unit takes ${PACKAGE_BYTES_MAX}; look for a table or a library that it can do without`,
  });
}

/** All that a file of the interface exports; the loader wants the one thing that is an interface. */
const entryOf = (entry: string): string =>
  `import * as all from ${JSON.stringify(entry)};
export const packaged = Object.values(all as object).find(
  (one) => typeof one === 'object' && one !== null && 'counterpart' in one);`;

/** Throws OperatorError `interface-imports` for what an interface must not import. */
function foreign(
  { inputs }: Metafile,
  { home, folder }: { readonly home: string; readonly folder: string },
): void {
  const own = `${relative(home, resolve(folder))}/`;
  const isAllowed = (path: string): boolean =>
    path === 'package.ts' ||
    path.startsWith(own) ||
    path.startsWith('agent/core/') ||
    path.startsWith(`node_modules/${LIBRARY}/`);
  for (const [from, { imports }] of Object.entries(inputs)) {
    const wrong = imports.find(
      ({ path, external }) => !(external === true ? Object.hasOwn(GIVEN, path) : isAllowed(path)),
    );
    if (wrong === undefined) continue;
    throw new OperatorError('interface-imports', `${from} imports ${wrong.path}`, {
      hint: ALLOWED,
    });
  }
}

interface Declared {
  readonly name: string;
  readonly title: string;
  readonly takes: PackageManifest['takes'];
  readonly emits: PackageManifest['emits'];
}

/** What the code says of itself; it is ours, and runs on this machine at every test. */
function declared(folder: string, bytes: Buffer): Declared {
  const packaged = evaluatePackage(bytes.toString('utf8'), 'package.js') as Declared | undefined;
  if (packaged !== undefined) return packaged;
  throw new OperatorError('no-interface', `${join(folder, 'run.ts')} exports no interface`, {
    hint: 'Export one constant of type Interface (agent/core/interface.ts)',
  });
}
