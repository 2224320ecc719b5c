// What a file is that is not ours: a word for the person who took the wrong one. Pure.
import { readTable } from '../read/table.ts';

const MAGICS: readonly (readonly [number, string, string])[] = [
  [0, '1f8b', 'compressed (gzip): unpack it first'],
  [0, 'fd377a585a00', 'compressed (xz): unpack it first'],
  [0, '28b52ffd', 'compressed (zstd): unpack it first'],
  [0, '425a68', 'compressed (bzip2): unpack it first'],
  [0, '504b0304', 'a ZIP archive: unpack it first'],
  [0, '514649fb', "a QEMU disk (qcow2): turn it into a raw one with qemu-img's convert"],
  [512, '4546492050415254', 'a disk of something else, with a GPT'],
  [0, '7f454c46', 'a program'],
  [0, '3c3f786d6c', 'an XML text (a .bmap is not the image)'],
  [0, '4c554b53babe', 'an encrypted partition without a card around it'],
];

/** `head` is the first KiB of the file, or all of it. */
export function describeStranger(head: Buffer, kind: 'file' | 'device'): string {
  if (head.length === 0) return kind === 'file' ? 'an empty file' : 'a reader without a card';
  for (const [at, magic, name] of MAGICS) {
    if (head.toString('hex', at, at + magic.length / 2) === magic) return name;
  }
  if (head.every((byte) => byte === 0)) return 'zeros at its beginning: never written, or erased';
  if (head.length >= 512) {
    const { signed, partitions } = readTable(head);
    if (signed && partitions.length > 0) return 'a card or disk of something else';
  }
  return 'neither an image nor a card of ours';
}
