// Reads LUKS2 headers: both copies, their checksums, what the metadata says. Opens nothing; see
// keyslot.ts. Source: "LUKS2 On-Disk Format Specification" 1.1 (cryptsetup, docs/).
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { Damaged, textField } from './source.ts';
import type { Source } from './source.ts';

const BINARY_BYTES = 4096;
/** The sizes a header may have, metadata included; the second copy lies directly behind the first. */
const HEADER_BYTES = [14, 15, 16, 17, 18, 19, 20, 21, 22].map((power) => 2 ** power);
const MAGIC = { first: 'LUKS\u00BA\u00BE', second: 'SKUL\u00BA\u00BE' } as const;

/** A 64-bit number in decimal, as JSON cannot hold one; a card has less than 2^53 bytes. */
const decimal = v.pipe(
  v.string(),
  v.regex(/^\d{1,15}$/),
  v.transform((text) => Number(text)),
);
const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const base64 = v.pipe(
  v.string(),
  v.maxLength(1024),
  v.transform((text) => Buffer.from(text, 'base64')),
);
const kdf = v.variant('type', [
  v.object({ type: v.literal('pbkdf2'), hash: v.string(), iterations: whole, salt: base64 }),
  v.object({
    type: v.picklist(['argon2i', 'argon2id']),
    time: whole,
    memory: whole,
    cpus: whole,
    salt: base64,
  }),
]);
const keySlot = v.object({
  type: v.literal('luks2'),
  key_size: whole,
  af: v.object({ type: v.literal('luks1'), stripes: whole, hash: v.string() }),
  area: v.object({
    type: v.literal('raw'),
    offset: decimal,
    size: decimal,
    encryption: v.string(),
    key_size: whole,
  }),
  kdf,
});
const segment = v.object({
  type: v.literal('crypt'),
  offset: decimal,
  size: v.union([v.literal('dynamic'), decimal]),
  iv_tweak: decimal,
  encryption: v.string(),
  sector_size: v.picklist([512, 1024, 2048, 4096]),
});
const digest = v.object({
  type: v.literal('pbkdf2'),
  keyslots: v.array(v.string()),
  segments: v.array(v.string()),
  hash: v.string(),
  iterations: whole,
  salt: base64,
  digest: base64,
});
/** Ours have up to three key slots; each one that is tried takes up to seconds. */
const ENTRIES_MAX = 8;
const metadata = v.object({
  keyslots: v.pipe(v.record(v.string(), keySlot), v.maxEntries(ENTRIES_MAX)),
  segments: v.pipe(v.record(v.string(), segment), v.maxEntries(ENTRIES_MAX)),
  digests: v.pipe(v.record(v.string(), digest), v.maxEntries(ENTRIES_MAX)),
  config: v.object({ requirements: v.optional(v.unknown()) }),
});

type Metadata = v.InferOutput<typeof metadata>;
export type KeySlot = Metadata['keyslots'][string];
export type Segment = Metadata['segments'][string];

export interface LuksHeader {
  readonly label: string;
  readonly uuid: string;
  /** The unit's serial, on the state partition of a card that had a record; else empty. */
  readonly subsystem: string;
  /** Grows with every change; both copies of a header at rest have the same. */
  readonly sequence: bigint;
  readonly metadata: Metadata;
}

/** One of the two copies: what it says, or why it says nothing. */
type HeaderCopy =
  | { readonly ok: true; readonly header: LuksHeader }
  | { readonly ok: false; readonly why: string };

export interface Luks {
  /** The newest copy that is sound: cryptsetup works with this one. */
  readonly header: LuksHeader | undefined;
  readonly first: HeaderCopy;
  readonly second: HeaderCopy;
}

/** Reads both copies; never throws for what lies there. */
export async function readLuks(source: Source): Promise<Luks> {
  const first = await attempt(source, 0, MAGIC.first);
  let second: HeaderCopy = { ok: false, why: 'it is not there' };
  for (const bytes of HEADER_BYTES) {
    const tried = await attempt(source, bytes, MAGIC.second);
    if (tried.ok || tried.why !== NOT_THERE) {
      second = tried;
      break;
    }
  }
  const sound = [first, second].flatMap((copy) => (copy.ok ? [copy.header] : []));
  const header = sound.reduce<LuksHeader | undefined>(
    (best, next) => (best === undefined || next.sequence > best.sequence ? next : best),
    undefined,
  );
  return { header, first, second };
}

const NOT_THERE = 'it is not there';

async function attempt(source: Source, at: number, magic: string): Promise<HeaderCopy> {
  try {
    return { ok: true, header: await readCopy(source, at, magic) };
  } catch (error) {
    if (error instanceof Damaged) return { ok: false, why: error.message };
    throw error;
  }
}

async function readCopy(source: Source, at: number, magic: string): Promise<LuksHeader> {
  const binary = await source.read(at, BINARY_BYTES).catch(() => Buffer.alloc(BINARY_BYTES));
  if (binary.toString('latin1', 0, 6) !== magic) throw new Damaged(NOT_THERE);
  const version = binary.readUInt16BE(6);
  if (version !== 2) throw new Damaged(`it says LUKS version ${version}, ours is 2`);
  const bytes = Number(binary.readBigUInt64BE(8));
  if (!HEADER_BYTES.includes(bytes)) throw new Damaged('its length is none that LUKS2 knows');
  if (binary.readBigUInt64BE(256) !== BigInt(at))
    throw new Damaged('it was made for another place');
  const algorithm = textField(binary.subarray(72, 104));
  if (algorithm !== 'sha256') throw new Damaged(`its checksum is of the kind "${algorithm}"`);
  const area = await source.read(at, bytes);
  const said = Buffer.from(area.subarray(448, 512));
  area.fill(0, 448, 512);
  const real = createHash('sha256').update(area).digest();
  if (!said.subarray(0, real.length).equals(real)) throw new Damaged('its checksum does not fit');
  return {
    label: textField(binary.subarray(24, 72)),
    uuid: textField(binary.subarray(168, 208)),
    subsystem: textField(binary.subarray(208, 256)),
    sequence: binary.readBigUInt64BE(16),
    metadata: parseMetadata(area.subarray(BINARY_BYTES)),
  };
}

function parseMetadata(area: Buffer): Metadata {
  const end = area.indexOf(0);
  const text = area.toString('utf8', 0, end < 0 ? area.length : end);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Damaged('its metadata is no JSON');
  }
  const parsed = v.safeParse(metadata, json);
  if (parsed.success) return parsed.output;
  const { path } = parsed.issues[0];
  const where = path?.map(({ key }) => String(key)).join('.') ?? 'its metadata';
  throw new Damaged(`its metadata has something at "${where.slice(0, 80)}" that ours never has`);
}
