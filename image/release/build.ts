// The image from one call: runtime, agent, base, root, release, image. Reads like the list it is.
import { X509Certificate, createPrivateKey } from 'node:crypto';
import {
  copyFile,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '../core/errors.ts';
import { refusedByDisk } from '../core/files.ts';
import type { Progress } from '../core/progress.ts';
import { assemble } from '../unit/assemble.ts';
import type { Base } from '../unit/layout.ts';
import { parseManifest } from '../unit/manifest.ts';
import { addSerialDriver, bundleAgent } from './bundle.ts';
import { describeRelease } from './describe.ts';
import { prepareEngine } from './engine.ts';
import type { EngineChoice, RootSource } from './engine.ts';
import {
  SOURCES,
  SUITE,
  cacheFolder,
  hashFile,
  hashText,
  hashTree,
  sourceEpoch,
} from './inputs.ts';
import { writeBmap } from './bmap.ts';
import { lockFolder, whenFree } from './lock.ts';
import { makeRoot } from './root.ts';
import type { EngineContext } from './root.ts';
import { fetchRuntime } from './runtime.ts';
import { developmentKeyFile, publicKeyPem, signingKey } from './sign.ts';
import type { SigningKey } from './sign.ts';

export interface BuildOptions {
  /** Where the image goes; default build/. */
  readonly out?: string;
  /** Build everything again, whatever is cached. */
  readonly force?: boolean;
  /** Run this machine's own programs in place of emulated ones (twins.sh); default true. */
  readonly twins?: boolean;
  /** What runs the stages; default: the embedded engine. */
  readonly engine?: EngineChoice;
  /** A folder with the fleet's claim (claim.crt, claim.key): every card of the image carries it. */
  readonly claim?: string | undefined;
}

export interface BuildReport {
  readonly image: string;
  readonly version: string;
  readonly bytes: number;
  /** What a writer that knows bmap files has to write. */
  readonly bytesToWrite: number;
  readonly sha256: string;
  readonly developmentKey: boolean;
  readonly reused: boolean;
}

/** Base tar, unpacked root and image at the same time. */
const FREE_BYTES_MIN = 4e9;

const HOME = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

interface BuildAround {
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Builds the image; throws OperatorError with the next action when it cannot. */
export async function buildImage(options: BuildOptions, around: BuildAround): Promise<BuildReport> {
  const out = options.out ?? join(HOME, 'build');
  await mkdir(out, { recursive: true });
  const unlock = await lockFolder(out);
  try {
    return await buildInto(out, options, around);
  } finally {
    await unlock();
  }
}

async function buildInto(
  out: string,
  options: BuildOptions,
  { progress, signal }: BuildAround,
): Promise<BuildReport> {
  await needDisk(out);
  // Before the work of minutes: a key that cannot sign ends it at once.
  const key = await signingKey(developmentKeyFile());
  const record = options.claim === undefined ? undefined : await readClaim(options.claim);
  const context: EngineContext = {
    home: HOME,
    cache: cacheFolder(),
    work: join(out, 'work'),
    progress,
    signal,
    force: options.force ?? false,
    twins: options.twins ?? true,
  };
  const engine = await cached(context, () =>
    prepareEngine(context, options.engine ?? { engine: 'embedded' }),
  );
  const inputs = hashText(await hashTree(HOME, SOURCES), engine.key, SUITE);
  const manifestVersion = (await packageVersion()) + `-${inputs.slice(0, 8)}`;
  const release = join(out, 'release', manifestVersion);
  const whose = record === undefined ? '' : `-claim-${hashText(record['claim.crt']).slice(0, 8)}`;
  const image = join(out, `clock-iot-unit-${manifestVersion}${whose}.img`);
  const signed = await signedBy(release);
  if (
    existsSync(`${image}.sha256`) &&
    existsSync(image) &&
    signed === key.keyId &&
    !context.force &&
    context.twins
  ) {
    progress.reused('image', 'nothing changed');
    return report({ image, version: manifestVersion, development: key.development, reused: true });
  }
  const epochSeconds = await sourceEpoch(HOME, SOURCES);
  await makeRelease(context, {
    release,
    version: manifestVersion,
    inputs,
    source: engine.source,
    tools: engine.tools,
    epochSeconds,
    key,
  });
  // Sums of an earlier image of this name would pass for this one's after a stop in the middle.
  await rm(`${image}.sha256`, { force: true });
  await progress.step('image', async () => {
    const work = join(context.work, 'card');
    await assemble({ release, image, work, epochSeconds, signal, ...(record && { record }) });
  });
  await progress.step('checksum and block map', async () => {
    const sha256 = await hashFile(image);
    await writeBmap(image);
    await writeFile(`${image}.sha256`, `${sha256}  ${basename(image)}\n`);
  });
  await dropOlder(out, manifestVersion);
  await dropOldInitramfs(context.cache);
  return report({ image, version: manifestVersion, development: key.development, reused: false });
}

/** Throws when certificate and key are not there, or not a pair: a thousand cards would be waste. */
export async function readClaim(
  folder: string,
): Promise<Readonly<Record<'claim.crt' | 'claim.key', string>>> {
  const hint = 'It holds claim.crt and claim.key (PEM), the fleet provisioning claim of AWS IoT';
  if (!existsSync(folder)) {
    throw new OperatorError('no-claim', `There is no folder ${folder} with a claim`, { hint });
  }
  const read = (name: string): Promise<string> =>
    readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw new Error(`${name} is not there`, { cause: error });
      throw refusedByDisk(error) ?? error;
    });
  try {
    const certificate = await read('claim.crt');
    const key = await read('claim.key');
    const isPair = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
    if (!isPair) throw new Error('the key is not that of the certificate');
    return { 'claim.crt': certificate, 'claim.key': key };
  } catch (cause) {
    const message = `There is no claim in ${folder}: ${(cause as Error).message}`;
    throw new OperatorError('no-claim', message, { hint, cause });
  }
}

/**
 * Whose key a release in this folder carries. The version says nothing of it; the root does: it holds
 * the public half, which bundles that come later are checked with.
 */
export async function signedBy(release: string): Promise<string | undefined> {
  const bytes = await readFile(join(release, 'manifest.json')).catch(() => undefined);
  return bytes === undefined ? undefined : parseManifest(bytes)?.signedBy.keyId;
}

interface ReleaseOrder {
  readonly release: string;
  readonly version: string;
  readonly inputs: string;
  readonly source: RootSource;
  readonly tools: string;
  readonly epochSeconds: number;
  readonly key: SigningKey;
}

async function makeRelease(context: EngineContext, order: ReleaseOrder): Promise<void> {
  const { cache, work, progress, signal } = context;
  const { version, epochSeconds } = order;
  const builtAt = new Date(epochSeconds * 1000).toISOString();
  const part = `${order.release}.part`;
  await rm(part, { recursive: true, force: true });
  const given = join(work, 'inputs');
  await mkdir(given, { recursive: true });
  await mkdir(part, { recursive: true });
  await progress.step('runtime', async () => {
    const node = await cached(context, () => fetchRuntime(cache, signal));
    await copyFile(node, join(given, 'node'));
    await addSerialDriver(given, 'linux-arm64');
  });
  await progress.step('agent', async () => {
    const bundle = await bundleAgent({ outDir: given, minify: true });
    await writeFile(join(given, 'release.json'), `${JSON.stringify({ version, builtAt })}\n`);
    await writeFile(join(given, 'release.pub'), publicKeyPem(order.key));
    return bundle;
  });
  await makeRoot(context, {
    source: order.source,
    outDir: part,
    tools: order.tools,
    epochSeconds,
    env: {
      CLOCK_INPUTS: given,
      CLOCK_INITRAMFS_CACHE: context.force || !context.twins ? '' : cache,
      CLOCK_NODE: process.execPath,
      SOURCE_DATE_EPOCH: String(epochSeconds),
      RELEASE: SUITE,
    },
  });
  await progress.step('manifest, SBOM, signature', () =>
    describeRelease(part, {
      ...{ version, builtAt, inputs: order.inputs, key: order.key },
      ...describedEngine(order.source),
    }),
  );
  await rm(order.release, { recursive: true, force: true });
  await rename(part, order.release);
}

function describedEngine(source: RootSource): { base?: Base; engine?: string } {
  if (source.engine === 'embedded') return {};
  return { base: source.base, engine: `pi-gen ${source.commit}` };
}

/** Builds in other folders share the cache: one at a time puts something into it. */
async function cached<T>(
  { cache, progress, signal }: EngineContext,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(cache, { recursive: true });
  const onWait = (): void => progress.say('Another build is filling the cache; waiting for it');
  return whenFree(cache, work, { signal, onWait });
}

async function packageVersion(): Promise<string> {
  const parsed = JSON.parse(await readFile(join(HOME, 'package.json'), 'utf8')) as {
    version: string;
  };
  return parsed.version;
}

async function needDisk(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= FREE_BYTES_MIN) return;
  throw new OperatorError(
    'disk-full',
    `${folder} has ${((bavail * bsize) / 1e9).toFixed(1)} GB free; a build needs ${FREE_BYTES_MIN / 1e9} GB`,
    { hint: 'Free space, or choose another folder with --out DIR' },
  );
}

/** Images and releases of earlier inputs go; the newest stays. */
async function dropOlder(out: string, version: string): Promise<void> {
  for (const name of await readdir(join(out, 'release'))) {
    if (name !== version) await rm(join(out, 'release', name), { recursive: true });
  }
  for (const name of await readdir(out)) {
    if (/^clock-iot-unit-.*\.(img(\.|$)|card$)/.test(name) && !name.includes(version))
      await rm(join(out, name));
  }
}

/** stage-clock/90-initramfs keeps one for every change of what goes into it, 10 MB each. */
const INITRAMFS_KEPT = 6;

async function dropOldInitramfs(cache: string): Promise<void> {
  const names = (await readdir(cache)).filter((name) => /^initrd-[0-9a-f]{64}$/.test(name));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(cache, name))).mtimeMs })),
  );
  const old = dated.sort((a, b) => b.at - a.at).slice(INITRAMFS_KEPT);
  for (const { name } of old) await rm(join(cache, name), { force: true });
}

async function report(of: {
  image: string;
  version: string;
  development: boolean;
  reused: boolean;
}): Promise<BuildReport> {
  const sha256 = (await readFile(`${of.image}.sha256`, 'utf8')).slice(0, 64);
  const bmap = await readFile(`${of.image}.bmap`, 'utf8');
  const number = (tag: string): number => Number(new RegExp(`<${tag}>\\s*(\\d+)`).exec(bmap)?.[1]);
  return {
    image: of.image,
    version: of.version,
    bytes: number('ImageSize'),
    bytesToWrite: number('MappedBlocksCount') * number('BlockSize'),
    sha256,
    developmentKey: of.development,
    reused: of.reused,
  };
}
