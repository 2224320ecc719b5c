// What a vendor wants to hear: the records and fields of its LR. What it did not list does not go out. Pure.
import { DESCRIBED_FIELDS_MAX, DESCRIBED_MAX } from './limits.ts';
import { filled, valueOf } from './wire.ts';
import type { FiasRecord } from './wire.ts';

/** Record id -> its field ids, in the vendor's order. */
export type Described = ReadonlyMap<string, readonly string[]>;

/** These need no description. */
const FREE: ReadonlySet<string> = new Set(['LS', 'LD', 'LR', 'LA', 'LE', 'LC', 'DR', 'DS', 'DE']);

/** With one LR more; undefined: it describes nothing. A second LR of the same record replaces the first. */
export function described(before: Described, lr: FiasRecord): Described | undefined {
  const id = filled(lr, 'RI');
  if (id === undefined || !/^[A-Z][A-Z0-9]$/.test(id)) return undefined;
  if (before.size >= DESCRIBED_MAX && !before.has(id)) return undefined;
  const pairs = (valueOf(lr, 'FL') ?? '').match(/[\x21-\x7e]{2}/g) ?? [];
  return new Map([...before, [id, pairs.slice(0, DESCRIBED_FIELDS_MAX)]]);
}

export const wants = (described: Described, record: string, field?: string): boolean =>
  FREE.has(record) ||
  (described.has(record) && (field === undefined || described.get(record)!.includes(field)));

/** A vendor that lists G# hears of guests, the others of rooms. */
export const isGuestBased = (described: Described): boolean =>
  ['GI', 'GO', 'GC'].some((id) => wants(described, id, 'G#'));

/**
 * The record with the fields that the vendor listed, in its order; undefined: it did not list the record. Where a
 * field stands twice its place says what it belongs to, and the order stays.
 */
export function select(described: Described, record: FiasRecord): FiasRecord | undefined {
  if (FREE.has(record.id)) return record;
  const listed = described.get(record.id);
  if (listed === undefined) return undefined;
  const fields = record.fields.filter(([id]) => listed.includes(id));
  const isPositional = new Set(fields.map(([id]) => id)).size < fields.length;
  if (isPositional) return { id: record.id, fields };
  const place = new Map<string, number>();
  for (const [index, id] of listed.entries()) if (!place.has(id)) place.set(id, index);
  return {
    id: record.id,
    fields: fields.toSorted(([a], [b]) => (place.get(a) ?? 0) - (place.get(b) ?? 0)),
  };
}

/** For vendors that describe nothing (a setting): all that we can send, as in the document's own examples. */
export const EVERYTHING: Described = new Map(
  Object.entries({
    GI: 'RNG#GSGNGFGLGTGVGAGDGGNPSF',
    GO: 'RNG#GSSF',
    GC: 'RNG#GSGNGFGLGTGVGAGDGGNPRO',
    RE: 'RNRSMLDNCSIDVM',
    WR: 'RNDATI',
    WC: 'RNDATI',
    WA: 'RNDATIAS',
    PS: 'RNPTTADATIP#',
    PA: 'ASRNP#WSDATIC#SOCTG#GN',
    PR: 'P#WSPIPMRNG#GNTADATIPT',
    PL: 'P#WSSOPMRNG#GN',
    KR: 'KCKTRNWSG#GAGDDTGNSIIDKO',
    KD: 'KCRNWSG#ID',
    KA: 'ASKCWSG#CT',
    KZ: 'KCWSASRNG#GNDTGDCTKOSI',
    XL: 'RNG#MIMT',
    XT: 'RNG#MIMT',
    XB: 'RNG#BAASDATI',
    XC: 'RNG#BAASCTDATI',
    LP: 'G#ASCTLT',
    NS: 'DATI',
    NE: 'DATI',
  }).map(([id, list]) => [id, list.match(/../g)!]),
);
/** Of vendors in Fidelio mode without LR: keys, with the fields that were seen, and nothing else. */
export const KEYS_ONLY: Described = new Map([
  ['KR', ['WS', 'KC', 'RN', 'KT', 'G#', 'GA', 'GD', 'DT', 'GN']],
  ['KA', ['WS', 'KC', 'AS', 'CT']],
]);
