// Direct I/O on a real file system: buffers begin at a page, what is read comes from the disk, errors have words.
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import {
  link,
  mkdir,
  mkdtempDisposable,
  open,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { alignedBuffers, openCard } from '../../../image/card/device.ts';
import { faultOf } from '../../../image/card/faults.ts';
import { cardAt, loopOf } from '../../../image/card/find.ts';
import { CHUNK_BYTES } from '../../../image/card/limits.ts';
import { OperatorError } from '../../../image/core/errors.ts';

/** On this checkout's disk: /tmp may be a tmpfs, which answers to O_DIRECT in its own way. */
const BUILD = fileURLToPath(new URL('../../../build/', import.meta.url));

test('aligned buffers are taken by O_DIRECT where the file system asks for it', async () => {
  await mkdir(BUILD, { recursive: true });
  await using folder = await mkdtempDisposable(join(BUILD, 'card-'));
  const file = join(folder.path, 'card');
  await writeFile(file, '');
  await truncate(file, 4 * CHUNK_BYTES);
  const handle = await open(file, constants.O_RDWR | constants.O_DIRECT);
  // Where the kernel insists (ext4, xfs and any block device do), a buffer that begins anywhere fails.
  const [aligned] = alignedBuffers(1);
  const crooked = Buffer.from(aligned!.buffer, aligned!.byteOffset + 8, 8192);
  const insists = await handle.write(crooked, 0, 8192, 0).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'EINVAL',
  );
  await handle.close();

  const card = await openCard(file);
  for (const [n, buffer] of alignedBuffers(3).entries()) {
    buffer.fill(n + 1);
    await card.write(n * CHUNK_BYTES, buffer);
  }
  await card.sync();
  const [back] = alignedBuffers(1);
  for (let n = 0; n < 3; n += 1) {
    await card.read(n * CHUNK_BYTES, back!);
    const isRight = back!.every((byte) => byte === n + 1);
    assert.ok(isRight, `chunk ${n}; the kernel insists on pages: ${insists}`);
  }
  await assert.rejects(card.read(4 * CHUNK_BYTES, back!), { code: 'ENOSPC' });
  await card.close();
});

test('a file that lies under a loop device is known by any name of it', async () => {
  await mkdir(BUILD, { recursive: true });
  await using folder = await mkdtempDisposable(join(BUILD, 'card-'));
  const at = (name: string): string => join(folder.path, name);
  for (const name of ['loop0', 'loop7/loop', 'sda/loop'])
    await mkdir(at(name), { recursive: true });
  for (const name of ['card', 'another']) await writeFile(at(name), '');
  await writeFile(at('loop7/loop/backing_file'), `${at('card')}\n`);
  await writeFile(at('sda/loop/backing_file'), `${at('another')}\n`);
  await link(at('card'), at('second'));
  assert.equal(await loopOf(await stat(at('second')), folder.path), '/dev/loop7');
  assert.equal(await loopOf(await stat(at('another')), folder.path), undefined);
});

test('what the system says of a card becomes words with a remedy, and a defect stays one', () => {
  for (const code of ['EIO', 'ENXIO', 'ENOMEDIUM', 'EROFS', 'EBUSY', 'ENOSPC', 'ETIMEDOUT']) {
    const fault = faultOf(Object.assign(new Error(code), { code }), 'writing');
    assert.ok(fault instanceof OperatorError, code);
    assert.match(fault.message, /while writing/);
    assert.ok((fault.hint ?? '').length > 10);
  }
  const defect = new TypeError('x is not a function');
  assert.equal(faultOf(defect, 'writing'), defect);
});

test('another file or device under the name that was looked at is not written', async () => {
  await mkdir(BUILD, { recursive: true });
  await using folder = await mkdtempDisposable(join(BUILD, 'card-'));
  const [file, secret] = [join(folder.path, 'card'), join(folder.path, 'other')];
  for (const name of [file, secret]) {
    await writeFile(name, '');
    await truncate(name, 2 ** 31);
  }
  const { node, bytes } = await cardAt(file);
  await (await openCard(file, node)).close();
  await rm(file);
  await symlink(secret, file);
  await assert.rejects(openCard(file, node), { code: 'card-pulled' });
  await rm(file);
  await writeFile(file, '');
  await truncate(file, bytes);
  await assert.rejects(openCard(file, node), { code: 'card-pulled' }, 'another inode');
  await assert.rejects(openCard('/dev/null'), 'no disk at all');
});
