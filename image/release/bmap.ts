// The block map of an image (bmap 2.0, as bmaptool reads it): which blocks hold data, and the SHA-256
// of each range. Writes it, and reads it back. Source: github.com/yoctoproject/bmaptool, "bmap file format".
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

export interface Bmap {
  readonly imageBytes: number;
  readonly blockBytes: number;
  /** In ascending order, none touching the next. */
  readonly ranges: readonly Range[];
}

/** Reads a block map that writeBmap() made; undefined when it is damaged (it has a checksum too). */
export function parseBmap(text: string): Bmap | undefined {
  const checksum = /<BmapFileChecksum>\s*([0-9a-f]{64})\s*</.exec(text)?.[1];
  if (checksum === undefined) return undefined;
  const zeroed = text.replace(checksum, '0'.repeat(64));
  if (createHash('sha256').update(zeroed).digest('hex') !== checksum) return undefined;
  const number = (tag: string): number =>
    Number(new RegExp(`<${tag}>\\s*(\\d{1,15})\\s*<`).exec(text)?.[1]);
  const ranges: Range[] = [];
  const pattern = /<Range chksum="([0-9a-f]{64})">\s*(\d{1,12})(?:-(\d{1,12}))?\s*</g;
  for (const [, sha256, first, last] of text.matchAll(pattern)) {
    const range = { first: Number(first), last: Number(last ?? first), sha256: sha256! };
    if (range.last < range.first || range.first <= (ranges.at(-1)?.last ?? -1)) return undefined;
    ranges.push(range);
  }
  const [imageBytes, blockBytes] = [number('ImageSize'), number('BlockSize')];
  const sound = imageBytes >= 0 && blockBytes >= 512 && blockBytes <= 1024 * 1024;
  return sound ? { imageBytes, blockBytes, ranges } : undefined;
}
