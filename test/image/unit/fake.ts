// A tiny release and images of it, made by the real builder: a second instead of minutes.
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../image/core/run.ts';
import { describeRelease } from '../../../image/release/describe.ts';
import type { SigningKey } from '../../../image/release/sign.ts';
import { assemble } from '../../../image/unit/assemble.ts';

/** 8 MB: several extents' worth of chunks, quick to encrypt. */
const ROOT_BYTES = 8_000_000;
const TREES = ['bcm2711-rpi-4-b', 'bcm2837-rpi-3-b', 'bcm2837-rpi-3-b-plus'];
const FIRMWARE = ['start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat', 'start4cd.elf'];
const MORE_FIRMWARE = ['bootcode.bin', 'fixup4cd.dat', 'start_cd.elf', 'fixup_cd.dat'];

/** Bytes that look random and are the same in every run. */
export function noise(name: string, bytes: number): Buffer {
  const parts: Buffer[] = [];
  for (let n = 0; n * 32 < bytes; n += 1) {
    parts.push(createHash('sha256').update(`${name} ${n}`).digest());
  }
  return Buffer.concat(parts).subarray(0, bytes);
}

export function newSigningKey(): SigningKey & { readonly publicKeyPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    publicKey: der.toString('base64'),
    keyId: createHash('sha256').update(der).digest('hex'),
    development: true,
  };
}

/** A release folder as makeRelease() leaves it. */
export async function fakeRelease(release: string, key: SigningKey): Promise<void> {
  for (const folder of ['slot', 'firmware'])
    await mkdir(join(release, folder), { recursive: true });
  const write = (path: string, content: string | Buffer): Promise<void> =>
    writeFile(join(release, path), content);
  await write('slot/vmlinuz', noise('vmlinuz', 300_000));
  await write('slot/initrd.img', noise('initrd', 200_000));
  for (const tree of TREES) await write(`slot/${tree}.dtb`, noise(tree, 20_001));
  for (const name of [...FIRMWARE, ...MORE_FIRMWARE]) {
    await write(`firmware/${name}`, noise(name, 3_000));
  }
  await write('root.erofs', noise('root', ROOT_BYTES));
  await write('kernel-version', '6.12.1-arm64\n');
  const paragraph =
    'Package: zlib1g\nStatus: install ok installed\nArchitecture: arm64\nVersion: 1\n';
  await write('dpkg-status', paragraph);
  await describeRelease(release, {
    version: '0.0.0-test',
    builtAt: '2026-01-01T00:00:00.000Z',
    inputs: '0'.repeat(64),
    key,
  });
}

/** An image of that release, by the builder's own assemble(). */
export async function fakeImage(
  folder: string,
  release: string,
  record?: Readonly<Record<string, string>>,
): Promise<string> {
  const image = join(folder, record === undefined ? 'unit.img' : 'record.img');
  const more = record === undefined ? {} : { record };
  const work = join(folder, 'work');
  await assemble({ release, image, work, epochSeconds: 1_767_225_600, ...more });
  return image;
}

/** A sparse copy, to be damaged. */
export async function copyOf(image: string, name: string): Promise<string> {
  const copy = `${image}.${name}`;
  await run(['cp', '--sparse=always', image, copy]);
  return copy;
}

/** Flips one bit. */
export async function flip(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0]! ^= 0x04;
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

/** Writes these bytes over what is there. */
export async function overwrite(file: string, at: number, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(bytes, 0, bytes.length, at);
  await handle.close();
}
