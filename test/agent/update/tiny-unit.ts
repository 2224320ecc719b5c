// A root with the real launcher and tiny bundles, started again and again as systemd would, for the
// tests of what is started after what.
import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { signManifest } from '../../../agent/update/wire.ts';
import type { BundleManifest } from '../../../agent/update/wire.ts';
import { openPackages } from '../../bench/cloud/packages.ts';
import type { Packages } from '../../bench/cloud/packages.ts';
import type { Behaviour } from './tiny.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const HOME = join(HERE, '../../..');
export const BUILT_AT = '2026-01-01T00:00:00.000Z';
const STEP_MS_MAX = 60_000;

export const makeKeys = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
};
export const KEYS = makeKeys();

export interface Made {
  readonly bytes: Buffer;
  readonly manifest: BundleManifest;
  readonly jws: string;
}

async function compile(entry: string, define: Readonly<Record<string, string>>): Promise<Buffer> {
  const { outputFiles } = await build({
    absWorkingDir: HOME,
    entryPoints: [entry],
    ...{ bundle: true, write: false, minify: true, define },
    ...{ platform: 'node', target: 'node24', format: 'cjs', logLevel: 'silent' },
  });
  return Buffer.from(outputFiles[0]!.contents);
}

export async function makeTiny(version: string, behaviour: Behaviour): Promise<Buffer> {
  const define = { VERSION: JSON.stringify(version), BEHAVIOUR: JSON.stringify(behaviour) };
  // Several pieces on the way, as a real one.
  const padding = Buffer.from(`//${'.'.repeat(200_000)}\n`);
  return Buffer.concat([await compile('test/agent/update/tiny.ts', define), padding]);
}

/** A bundle of this version; its sequence is the version's first number. */
export async function make(
  version: string,
  behaviour: Behaviour,
  changed: Partial<BundleManifest> = {},
): Promise<Made> {
  const bytes = await makeTiny(version, behaviour);
  const manifest: BundleManifest = {
    ...{ v: 1, name: 'agent', version, size: bytes.length, minimumRelease: '9.0.0' },
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ...{ builtAt: BUILT_AT, sequence: Number.parseInt(version, 10) },
    ...changed,
  };
  return { bytes, manifest, jws: signManifest(manifest, KEYS.privatePem) };
}

export interface Life {
  readonly lines: readonly string[];
  /** undefined: a signal ended it. */
  readonly code: number | undefined;
}

export class TinyUnit {
  readonly root: string;
  readonly packages: Packages;
  /** Of every process, oldest first. */
  readonly lives: Life[] = [];
  trialMs = 2_000;
  /** Before this operation on the card the plug is pulled, once. */
  cut: number | undefined;

  private constructor(root: string, packages: Packages) {
    this.root = root;
    this.packages = packages;
  }

  static async open(): Promise<TinyUnit> {
    const root = await mkdtemp(join(tmpdir(), 'clock-launch-'));
    const packages = await openPackages();
    const unit = new TinyUnit(root, packages);
    await unit.write('roots.pem', packages.rootsPem);
    await unit.write('usr/share/clock/release.pub', KEYS.publicPem);
    await unit.release('9.0.0', BUILT_AT);
    await unit.write('usr/lib/clock/launch.js', await compile('agent/launch.ts', {}));
    await unit.write('usr/lib/clock/agent.js', await makeTiny('built-in', 'well'));
    return unit;
  }

  async write(path: string, content: string | Buffer): Promise<void> {
    await mkdir(dirname(join(this.root, path)), { recursive: true });
    await writeFile(join(this.root, path), content);
  }

  async release(version: string, builtAt: string): Promise<void> {
    await this.write('usr/share/clock/release.json', JSON.stringify({ version, builtAt }));
  }

  get folder(): string {
    return join(this.root, 'var/lib/clock/agent/bundles');
  }

  async files(): Promise<string[]> {
    const names: string[] = await readdir(this.folder).catch(() => []);
    return names.toSorted();
  }

  /** `lifeMs`: of the first link; the one that is asked for then is a good one. */
  async offer(
    { bytes, jws, manifest }: Made,
    how: { readonly lifeMs?: number } = {},
  ): Promise<void> {
    const name = `agent-${manifest.version}.js`;
    this.packages.put(name, bytes);
    const parameters = (url: string): string => JSON.stringify({ manifest: jws, url });
    await this.write('offer.json', parameters(this.packages.link(name, how)));
    await this.write('fresh.json', parameters(this.packages.link(name)));
  }

  async withdraw(): Promise<void> {
    await rm(join(this.root, 'offer.json'), { force: true });
  }

  /** One process, until it has said `until` (then it is asked to end) or ends by itself. */
  async live(until: RegExp): Promise<Life & { readonly found: boolean }> {
    const child = spawn(
      process.execPath,
      ['--require', join(HERE, 'cut.cjs'), join(this.root, 'usr/lib/clock/launch.js')].concat([
        ...['run', '--root', this.root],
      ]),
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          // It has a supervisor: this one.
          NOTIFY_SOCKET: join(this.root, 'nobody'),
          CLOCK_TRIAL_MS: String(this.trialMs),
          CLOCK_TEST_COUNT: join(this.root, 'operations'),
          CLOCK_TEST_CUT: String(this.cut ?? 0),
        },
      },
    );
    let text = '';
    let found = false;
    const hear = (chunk: Buffer): void => {
      text += chunk.toString();
      if (found || !text.split('\n').some((line) => until.test(line))) return;
      found = true;
      child.kill('SIGTERM');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const timer = setTimeout(() => child.kill('SIGKILL'), STEP_MS_MAX);
    const code = await new Promise<number | null>((done) => child.once('close', done));
    clearTimeout(timer);
    const life = { lines: text.split('\n').filter(Boolean), code: code ?? undefined };
    this.lives.push(life);
    return { ...life, found };
  }

  /** Starts it again until it says so, as systemd would. */
  async until(pattern: RegExp, livesMax = 12): Promise<void> {
    for (let n = 0; n < livesMax; n += 1) {
      if ((await this.live(pattern)).found) return;
    }
    throw new Error(`Never said ${pattern}:\n${this.lives.flatMap((one) => one.lines).join('\n')}`);
  }

  /** What ran, one after the other. */
  get ran(): string[] {
    return this.lives.flatMap(({ lines }) =>
      lines.filter((line) => line.startsWith('running')).map((line) => line.slice(8)),
    );
  }

  async operations(): Promise<string[]> {
    const text = await readFile(join(this.root, 'operations'), 'utf8').catch(() => '');
    return text.split('\n').filter(Boolean);
  }

  async close(): Promise<void> {
    await this.packages[Symbol.asyncDispose]();
    await rm(this.root, { recursive: true, force: true });
  }
}
