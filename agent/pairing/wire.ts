// Accounts and codes of pairing: the factory's record, what the cloud assigns, what lies on the card
// (docs: agent/README.md, "Pairing"). Pure.
import { timingSafeEqual } from 'node:crypto';
import * as v from 'valibot';
import { SECRET_CHARS_MAX } from './limits.ts';

/** A hotel's property management, and its tills. One of each on a unit. */
export const KINDS = ['pms', 'pos'] as const;
export type Kind = (typeof KINDS)[number];

/**
 * Digits and consonants that nobody confuses, read aloud or written by hand: no vowels (no words arise),
 * no 0 1 2 5 6 8, no B D I L N S Z, which look or sound like others.
 */
const ALPHABET = '3479CFGHJKMPQRTVWX';
const CODE_CHARS = 8;
export const codeBytes = CODE_CHARS * 4;

const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const AccountNumber = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 48));
const Secret = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(SECRET_CHARS_MAX),
  // What goes into an HTTP header: printable, no quotes (Digest, RFC 7616).
  v.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'has characters that an API user cannot have'),
);
const account = {
  kind: v.picklist(KINDS),
  host: v.pipe(
    v.string(),
    v.maxLength(253),
    v.regex(new RegExp(`^${LABEL}(\\.${LABEL})*$`), 'not a host name in lower case'),
  ),
  subscriptionId: AccountNumber,
  accountId: AccountNumber,
  apiUser: Secret,
  apiKey: Secret,
};
const Account = v.strictObject(account);
export type Account = Readonly<v.InferOutput<typeof Account>>;

const Paired = v.strictObject({
  v: v.literal(1),
  ...account,
  by: v.picklist(['record', 'code']),
  atMs: v.number(),
});
export type Paired = Readonly<v.InferOutput<typeof Paired>>;

const UnitRecord = v.strictObject({
  v: v.literal(1),
  accounts: v.pipe(
    v.array(Account),
    v.maxLength(KINDS.length),
    v.check(
      (accounts) => new Set(accounts.map(({ kind }) => kind)).size === accounts.length,
      'two accounts of one kind',
    ),
  ),
  /** As the shadow `services` desires them; judged by those who run them. */
  services: v.optional(v.record(v.string(), v.unknown())),
});
type UnitRecord = Readonly<v.InferOutput<typeof UnitRecord>>;
const Assignment = v.object({
  code: v.pipe(v.string(), v.maxLength(32)),
  account: Account,
});
const Removal = v.object({ kind: v.picklist(KINDS), accountId: AccountNumber });

type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string };

export const parseAssignment = (body: unknown): Parsed<v.InferOutput<typeof Assignment>> =>
  parsed(Assignment, body);
export const parseRemoval = (body: unknown): Parsed<v.InferOutput<typeof Removal>> =>
  parsed(Removal, body);

/** `unit.json` of a factory's record. */
export const parseUnitRecord = (text: string): Parsed<UnitRecord> => parsed(UnitRecord, json(text));

export const keyOf = (kind: Kind): string => `pairing/${kind}`;

/** undefined: nothing there, or not ours. */
export function parsePaired(text: string | undefined): Paired | undefined {
  const result = parsed(Paired, text === undefined ? undefined : json(text));
  return result.ok ? result.value : undefined;
}

export const renderPaired = (paired: Paired): string => JSON.stringify(paired);

/** A code from random bytes; those that would favour some letters are passed over. */
export function codeFrom(random: Uint8Array): string | undefined {
  const fair = 256 - (256 % ALPHABET.length);
  const letters = [...random]
    .filter((byte) => byte < fair)
    .map((byte) => ALPHABET[byte % ALPHABET.length]);
  return letters.length < CODE_CHARS ? undefined : letters.slice(0, CODE_CHARS).join('');
}

/** "ABCD EFGH" as people read and type it. */
export const spoken = (code: string): string => `${code.slice(0, 4)} ${code.slice(4)}`;

/** As typed, blanks, dashes and small letters allowed; takes the same time whatever is wrong. */
export function isSameCode(typed: string, code: string): boolean {
  const plain = typed.toUpperCase().replaceAll(/[\s-]/g, '').padEnd(CODE_CHARS).slice(0, 32);
  const [a, b] = [Buffer.from(plain.slice(0, CODE_CHARS)), Buffer.from(code)];
  return a.length === b.length && timingSafeEqual(a, b) && plain.length === CODE_CHARS;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The reason names the field, never the value: it may be a key. */
function parsed<T>(schema: v.GenericSchema<unknown, T>, value: unknown): Parsed<T> {
  const result = v.safeParse(schema, value);
  if (result.success) return { ok: true, value: result.output };
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  const isOurs = issue.type === 'regex' || issue.type === 'check';
  const reason = isOurs ? issue.message : `expected ${issue.expected ?? issue.type}`;
  return { ok: false, why: path === null ? reason : `${path}: ${reason}` };
}
