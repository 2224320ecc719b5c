// The folder of installed bundles on the card: two copies, each with its signed manifest, one state
// file, one unfinished download. All of it synchronous and node's own: launch.ts starts with it.
import { createHash, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Look } from '../update/choice.ts';
import type { BundleFolder } from '../update/ports.ts';
import { BUNDLE_BYTES_MAX, JWS_CHARS_MAX, STATE_BYTES_MAX, openManifest } from '../update/wire.ts';
import type { BundleManifest, Copy } from '../update/wire.ts';

/** In the state partition; the folder above it is systemd's (StateDirectory=). */
const BUNDLES = 'var/lib/clock/agent/bundles';
const COPIES: readonly Copy[] = ['a', 'b'];
const KEY = 'usr/share/clock/release.pub';

export class Bundles implements BundleFolder {
  readonly #folder: string;
  readonly #root: string;
  #key: KeyObject | undefined;

  constructor(root: string) {
    this.#root = root;
    this.#folder = join(root, BUNDLES);
  }

  /** The release's key in the read-only root. Throws when there is none. */
  get key(): KeyObject {
    this.#key ??= createPublicKey(readBounded(join(this.#root, KEY), STATE_BYTES_MAX));
    return this.#key;
  }

  get download(): string {
    return join(this.#folder, 'download.part');
  }

  file(copy: Copy): string {
    return join(this.#folder, `${copy}.js`);
  }

  readState(): string | undefined {
    try {
      return readBounded(join(this.#folder, 'state.json'), STATE_BYTES_MAX).toString();
    } catch {
      return undefined;
    }
  }

  writeState(text: string): void {
    this.prepare();
    this.#write('state.json', text);
  }

  /** Starts of this bundle in a row that did not last. */
  startsOf(sha256: string): number {
    try {
      const text = readBounded(join(this.#folder, 'starts'), STATE_BYTES_MAX).toString();
      const [whose, starts] = text.trim().split(' ');
      return whose === sha256 && /^\d{1,9}$/.test(starts ?? '') ? Number(starts) : 0;
    } catch {
      return 0;
    }
  }

  writeStarts(sha256: string, starts: number): void {
    this.#write('starts', `${sha256} ${starts}\n`);
  }

  /** The bundle's bytes come along: what was checked is what is run. */
  look(copy: Copy): Look & { readonly bytes?: Buffer } {
    try {
      const manifest = this.#manifest(copy);
      if (manifest === undefined) return { ok: false, why: 'not signed by the release key' };
      const bytes = readBounded(this.file(copy), BUNDLE_BYTES_MAX);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const isSame = bytes.length === manifest.size && sha256 === manifest.sha256;
      return isSame ? { ok: true, manifest, bytes } : { ok: false, why: 'damaged' };
    } catch (error) {
      const { code = 'unreadable' } = error as NodeJS.ErrnoException;
      return { ok: false, why: code === 'ENOENT' ? 'not there' : code };
    }
  }

  newestSequence(): number {
    return Math.max(0, ...COPIES.map((copy) => this.#manifestIfAny(copy)?.sequence ?? 0));
  }

  versionOf(copy: Copy): string | undefined {
    return this.#manifestIfAny(copy)?.version;
  }

  #manifest(copy: Copy): BundleManifest | undefined {
    const jws = readBounded(join(this.#folder, `${copy}.jws`), JWS_CHARS_MAX).toString();
    return openManifest(jws, this.key);
  }

  #manifestIfAny(copy: Copy): BundleManifest | undefined {
    try {
      return this.#manifest(copy);
    } catch {
      return undefined;
    }
  }

  prepare(): void {
    fs.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  isDownloaded({ size, sha256 }: { readonly size: number; readonly sha256: string }): boolean {
    try {
      const bytes = readBounded(this.download, BUNDLE_BYTES_MAX);
      return bytes.length === size && createHash('sha256').update(bytes).digest('hex') === sha256;
    } catch {
      return false;
    }
  }

  /** The state does not name this copy yet: a cut in here leaves what was. */
  install(copy: Copy, jws: string): void {
    fs.rmSync(join(this.#folder, `${copy}.jws`), { force: true });
    fs.renameSync(this.download, this.file(copy));
    this.#write(`${copy}.jws`, jws);
  }

  dropDownload(): void {
    fs.rmSync(this.download, { force: true });
  }

  // A file system may put the name on the card before the bytes: hence one fsync for each.
  #write(name: string, text: string): void {
    const temporary = join(this.#folder, `${name}.new`);
    const file = fs.openSync(temporary, 'w', 0o600);
    try {
      fs.writeFileSync(file, text);
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(temporary, join(this.#folder, name));
    const folder = fs.openSync(this.#folder, 'r');
    try {
      fs.fsyncSync(folder);
    } finally {
      fs.closeSync(folder);
    }
  }
}

/** Whatever lies there: not more than this is read, and a FIFO holds nobody up. */
function readBounded(path: string, bytesMax: number): Buffer {
  const file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const { size } = fs.fstatSync(file);
    if (size > bytesMax) throw new Error('too large');
    const bytes = Buffer.alloc(size);
    let at = 0;
    while (at < size) {
      const count = fs.readSync(file, bytes, at, size - at, at);
      if (count === 0) break;
      at += count;
    }
    return bytes.subarray(0, at);
  } finally {
    fs.closeSync(file);
  }
}
