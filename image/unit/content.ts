// One card's content: a release's template under keys of its own, made while it is written.
// The same content makes an image (assemble.ts) and what the factory writes.
import { readSync } from 'node:fs';
import type { CardContent } from '../card/ports.ts';
import type { CardKeys } from './keys.ts';
import { makeTable } from './make-table.ts';
import {
  BOOT_AT,
  BOOT_MIB,
  DATA_SECTOR_BYTES,
  LUKS_HEADER_MIB,
  LUKS_RESERVE_MIB,
  MIB,
  STATE_AT,
  SYSTEM_AT,
} from './layout.ts';
import type { Place } from './read/ext4.ts';
import { openTemplate } from './template.ts';
import type { Template } from './template.ts';
import { xtsEncryptor } from './xts.ts';

const DATA_AT = SYSTEM_AT + LUKS_HEADER_MIB * MIB;
/** Both LUKS2 headers of an earlier life where the state partition will begin (card.sh wipes as much). */
const STATE_WIPE_BYTES = 4 * MIB;
/** A GPT of an earlier life keeps its second copy in the last 17 KiB. */
const END_WIPE_BYTES = MIB;
const NEWLINE = 0x0a;

export interface CardOrder {
  readonly template: Template;
  readonly keys: CardKeys;
  /** Files of one unit's record: as long as the template's places, or shorter and then filled with newlines. */
  readonly record: Readonly<Record<string, Uint8Array>>;
  /** Of the card: what an earlier life left where it would mislead a first boot is overwritten. */
  readonly cardBytes?: number;
}

export interface OpenedContent extends CardContent {
  /** How large an image of it is. */
  readonly imageBytes: number;
  close(): Promise<void>;
}

/** A run of bytes with its way of being made; `at` and `bytes` are multiples of 4 KiB. */
interface Piece extends Place {
  /** Fills with this piece's content from its byte `from` on. */
  make(into: Uint8Array, from: number): void;
}

/** Opens the content of one card. Throws when the record does not fit the template. */
export async function openContent(order: CardOrder): Promise<OpenedContent> {
  const { template, keys, cardBytes } = order;
  const patches = recordPatches(order);
  const files = await openTemplate(template);
  const systemBytes = template.system.bytes + LUKS_RESERVE_MIB * MIB;
  const table = makeTable(keys.diskId, [
    { start: BOOT_AT, bytes: BOOT_MIB * MIB, type: 0x0c, bootable: true },
    { start: SYSTEM_AT, bytes: systemBytes, type: 0x83, bootable: false },
  ]);
  const key = [{ at: template.boot.keyAt, content: keys.transportKey }];
  const encrypt = xtsEncryptor(keys.volumeKey);
  const pieces: Piece[] = [
    fixed(0, table),
    {
      ...{ at: BOOT_AT, bytes: template.boot.bytes },
      make: (into, from) => readPatched(files.boot, { into, from, patches: key }),
    },
    fixed(SYSTEM_AT, keys.header),
    {
      ...{ at: DATA_AT, bytes: template.system.bytes },
      make(into, from) {
        readPatched(files.system, { into, from, patches });
        encrypt(into, from);
      },
    },
    ...(cardBytes === undefined ? [] : wiped(table.length, cardBytes)),
  ];
  return {
    extents: joined(pieces),
    imageBytes: SYSTEM_AT + systemBytes,
    fill: (at, into) => fillFrom(pieces, at, into),
    close: () => files.close(),
  };
}

function fixed(at: number, content: Uint8Array): Piece {
  const { length } = content;
  return {
    ...{ at, bytes: length },
    make: (into, from) => into.set(content.subarray(from, from + into.length)),
  };
}

/** What must not be found there by a first boot, nor by whoever looks for a GPT. */
function wiped(tableBytes: number, cardBytes: number): Piece[] {
  const end = cardBytes - (cardBytes % DATA_SECTOR_BYTES);
  const zeros = (at: number, bytes: number): Piece => ({
    ...{ at, bytes },
    make: (into) => into.fill(0),
  });
  return [
    zeros(tableBytes, BOOT_AT - tableBytes),
    zeros(STATE_AT, STATE_WIPE_BYTES),
    zeros(end - END_WIPE_BYTES, END_WIPE_BYTES),
  ];
}

/** Neighbours as one, ascending. */
function joined(pieces: readonly Piece[]): Place[] {
  const extents: { at: number; bytes: number }[] = [];
  for (const { at, bytes } of [...pieces].sort((a, b) => a.at - b.at)) {
    const last = extents.at(-1);
    if (last !== undefined && last.at + last.bytes === at) last.bytes += bytes;
    else extents.push({ at, bytes });
  }
  return extents;
}

function fillFrom(pieces: readonly Piece[], at: number, into: Uint8Array): void {
  let left = into.length;
  for (const piece of pieces) {
    const from = Math.max(at, piece.at);
    const to = Math.min(at + into.length, piece.at + piece.bytes);
    if (from >= to) continue;
    piece.make(into.subarray(from - at, to - at), from - piece.at);
    left -= to - from;
  }
  if (left > 0) throw new Error(`there is no content for ${left} bytes from byte ${at} on`);
}

interface Patch {
  readonly at: number;
  readonly content: Uint8Array;
}

function recordPatches({ template, record }: CardOrder): Patch[] {
  const missing = Object.keys(template.record).filter((name) => record[name] === undefined);
  if (missing.length > 0) throw new Error(`the record lacks ${missing.join(', ')}`);
  return Object.entries(record).flatMap(([name, content]) => {
    const places = template.record[name] ?? [];
    const room = places.reduce((sum, { bytes }) => sum + bytes, 0);
    if (content.length > room) throw new Error(`${name} has no room in this template`);
    const filled = new Uint8Array(room).fill(NEWLINE);
    filled.set(content);
    let done = 0;
    return places.map(({ at, bytes }) => {
      done += bytes;
      return { at, content: filled.subarray(done - bytes, done) };
    });
  });
}

/** Synchronously: the template lies in this machine's page cache, and encrypting waits for it anyway. */
function readPatched(
  file: number,
  of: { readonly into: Uint8Array; readonly from: number; readonly patches: readonly Patch[] },
): void {
  const { into, from } = of;
  let done = 0;
  while (done < into.length) {
    const got = readSync(file, into, done, into.length - done, from + done);
    if (got === 0) throw new Error('the template is cut short');
    done += got;
  }
  for (const { at, content } of of.patches) {
    const start = Math.max(at, from);
    const end = Math.min(at + content.length, from + into.length);
    if (start < end) into.set(content.subarray(start - at, end - at), start - from);
  }
}
