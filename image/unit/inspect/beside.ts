// Checks an image against the .sha256 and .bmap that lie beside it, in one pass over the file.
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Progress } from '../../core/progress.ts';
import { parseBmap } from '../../release/bmap.ts';
import type { Bmap } from '../../release/bmap.ts';
import { CHUNK_BYTES, Damaged } from '../read/source.ts';
import type { Source } from '../read/source.ts';
import type { Findings } from './findings.ts';

/** Each line of a .bmap has 110 characters; an image of 32 GB has at most 8 million blocks. */
const BESIDE_BYTES_MAX = 64 * 1024 * 1024;

export interface BesideFacts {
  readonly sha256: 'fits' | 'differs' | 'unreadable' | 'none';
  readonly bmap: 'fits' | 'differs' | 'unreadable' | 'none';
}

export interface BesideOptions {
  readonly file: string;
  readonly findings: Findings;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export async function lookBeside(source: Source, options: BesideOptions): Promise<BesideFacts> {
  const { file, findings, progress } = options;
  const damage = (code: string, text: string): void => findings.damage('file', code, text);
  const sumText = await textOf(`${file}.sha256`);
  const bmapText = await textOf(`${file}.bmap`);
  if (sumText === undefined && bmapText === undefined) return { sha256: 'none', bmap: 'none' };
  const said = sumText === undefined ? undefined : /^[0-9a-f]{64}(?=\s)/.exec(sumText)?.[0];
  const bmap = bmapText === undefined ? undefined : parseBmap(bmapText);
  if (sumText !== undefined && said === undefined) {
    damage('sha256-unreadable', 'The .sha256 beside it is damaged');
  }
  if (bmapText !== undefined && bmap === undefined) {
    damage('bmap-unreadable', 'The .bmap beside it is damaged');
  }
  const facts = {
    sha256: sumText === undefined ? 'none' : 'unreadable',
    bmap: bmapText === undefined ? 'none' : 'unreadable',
  } as { sha256: BesideFacts['sha256']; bmap: BesideFacts['bmap'] };
  if (said === undefined && bmap === undefined) return facts;
  try {
    const pass = await progress.step('whole file', (step) =>
      readAll(source, { bmap, options, fraction: (done) => step.fraction(done) }),
    );
    if (said !== undefined) {
      facts.sha256 = pass.sha256 === said ? 'fits' : 'differs';
      if (facts.sha256 === 'differs') {
        damage('sha256-differs', 'The file is not the one its .sha256 was made for');
      }
    }
    if (bmap !== undefined) {
      facts.bmap = pass.wrong === undefined ? 'fits' : 'differs';
      if (pass.wrong !== undefined) damage('bmap-differs', `Its .bmap does not fit: ${pass.wrong}`);
    }
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    damage('file-unreadable', `The file cannot be read: ${error.message}`);
  }
  return facts;
}

async function textOf(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) return undefined;
  return found.size > BESIDE_BYTES_MAX ? '' : readFile(file, 'utf8');
}

interface Pass {
  readonly sha256: string;
  /** The first thing that the block map says otherwise. */
  readonly wrong: string | undefined;
}

async function readAll(
  source: Source,
  of: { bmap: Bmap | undefined; options: BesideOptions; fraction: (done: number) => void },
): Promise<Pass> {
  const { bmap, options, fraction } = of;
  const hash = createHash('sha256');
  const follow = bmap === undefined ? undefined : followMap(bmap, source.bytes);
  for (let at = 0; at < source.bytes; at += CHUNK_BYTES) {
    options.signal?.throwIfAborted();
    const chunk = await source.read(at, Math.min(CHUNK_BYTES, source.bytes - at));
    hash.update(chunk);
    follow?.next(chunk, at);
    fraction((at + chunk.length) / source.bytes);
  }
  return { sha256: hash.digest('hex'), wrong: follow?.end() };
}

/** Hashes the mapped ranges as the chunks pass, in order. Blocks that are not mapped do not count. */
function followMap(
  bmap: Bmap,
  bytes: number,
): { next: (chunk: Buffer, at: number) => void; end: () => string | undefined } {
  let wrong = bmap.imageBytes === bytes ? undefined : `it is for ${bmap.imageBytes} bytes`;
  let index = 0;
  let hash = createHash('sha256');
  return {
    next(chunk, at) {
      for (;;) {
        const range = bmap.ranges[index];
        if (range === undefined) return;
        const start = range.first * bmap.blockBytes;
        const end = Math.min((range.last + 1) * bmap.blockBytes, bytes);
        const from = Math.max(start, at);
        const to = Math.min(end, at + chunk.length);
        if (from < to) hash.update(chunk.subarray(from - at, to - at));
        if (end > at + chunk.length || end <= at) return;
        if (hash.digest('hex') !== range.sha256) {
          wrong ??= `blocks ${range.first} to ${range.last} have changed`;
        }
        hash = createHash('sha256');
        index += 1;
      }
    },
    end: () => wrong ?? (index < bmap.ranges.length ? 'it goes on beyond the end' : undefined),
  };
}
