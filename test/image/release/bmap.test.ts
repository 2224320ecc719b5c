// The block map: exactly the blocks that hold data.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mapBlocks, parseBmap, writeBmap } from '../../../image/release/bmap.ts';

test('writeBmap() maps data blocks only, and its own checksum holds', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bmap-'));
  t.after(() => rm(folder, { recursive: true }));
  const image = join(folder, 'image');
  const bytes = Buffer.alloc(4096 * 2000);
  bytes.fill(1, 4096 * 3, 4096 * 5);
  bytes[4096 * 1500] = 7;
  await writeFile(image, bytes);
  const ranges = await mapBlocks(image);
  assert.deepEqual(
    ranges.map(({ first, last }) => [first, last]),
    [
      [3, 4],
      [1500, 1500],
    ],
  );
  await writeBmap(image);
  const text = await readFile(`${image}.bmap`, 'utf8');
  const [, said = ''] = /<BmapFileChecksum> (\w+)/.exec(text) ?? [];
  const zeroed = text.replace(said, '0'.repeat(64));
  assert.equal(createHash('sha256').update(zeroed).digest('hex'), said);
  assert.deepEqual(parseBmap(text), { imageBytes: bytes.length, blockBytes: 4096, ranges });
  assert.equal(parseBmap(text.replace('1500', '1501')), undefined, 'its checksum guards it');
});
