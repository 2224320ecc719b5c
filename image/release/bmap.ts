// Writes the block map of an image (bmap 2.0, as bmaptool reads it): which blocks hold data, and the
// SHA-256 of each range. Source: github.com/yoctoproject/bmaptool, "bmap file format".
import { createHash } from 'node:crypto';
import { open, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';

const BLOCK_BYTES = 4096;
const READ_BYTES = 4 * 1024 * 1024;

export interface Range {
  readonly first: number;
  readonly last: number;
  readonly sha256: string;
}

/** Ranges of blocks that are not all zero, with the hash of each range. */
export async function mapBlocks(image: string): Promise<Range[]> {
  const file = await open(image, 'r');
  const ranges: Range[] = [];
  const buffer = Buffer.alloc(READ_BYTES);
  const zero = Buffer.alloc(BLOCK_BYTES);
  let at = 0;
  let current: { first: number; last: number; hash: ReturnType<typeof createHash> } | undefined;
  const close = (): void => {
    if (current !== undefined) {
      ranges.push({ first: current.first, last: current.last, sha256: current.hash.digest('hex') });
    }
    current = undefined;
  };
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, at);
      if (bytesRead === 0) break;
      for (let offset = 0; offset < bytesRead; offset += BLOCK_BYTES) {
        const block = buffer.subarray(offset, Math.min(offset + BLOCK_BYTES, bytesRead));
        const index = (at + offset) / BLOCK_BYTES;
        if (block.equals(zero.subarray(0, block.length))) {
          close();
          continue;
        }
        current ??= { first: index, last: index, hash: createHash('sha256') };
        current.last = index;
        current.hash.update(block);
      }
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
  close();
  return ranges;
}

/** Writes IMAGE.bmap. */
export async function writeBmap(image: string): Promise<void> {
  const { size } = await stat(image);
  const ranges = await mapBlocks(image);
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const lines = ranges.map(({ first, last, sha256 }) => {
    const blocks = first === last ? `${first}` : `${first}-${last}`;
    return `        <Range chksum="${sha256}"> ${blocks} </Range>`;
  });
  const render = (checksum: string): string => `<?xml version="1.0" ?>
<!-- Block map of ${basename(image)}: only the blocks listed need to be written. -->
<bmap version="2.0">
    <ImageSize> ${size} </ImageSize>
    <BlockSize> ${BLOCK_BYTES} </BlockSize>
    <BlocksCount> ${Math.ceil(size / BLOCK_BYTES)} </BlocksCount>
    <MappedBlocksCount> ${mapped} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> ${checksum} </BmapFileChecksum>
    <BlockMap>
${lines.join('\n')}
    </BlockMap>
</bmap>
`;
  // The file's own checksum is computed with zeros in its place, as bmaptool does.
  const checksum = createHash('sha256')
    .update(render('0'.repeat(64)))
    .digest('hex');
  await writeFile(`${image}.bmap`, render(checksum));
}
