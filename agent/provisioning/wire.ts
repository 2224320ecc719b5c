// The formats of fleet provisioning by claim: what AWS answers, and what the unit keeps of it
// (AWS IoT developer guide, "fleet-provision-api"). Pure.
import * as v from 'valibot';

/** The fleet provisioning template that units are registered with. */
const TEMPLATE = 'clock-unit';

/** Its file in the state folder. */
export const STATE = 'provisioning.json';

export const CERTIFICATE_TOPIC = '$aws/certificates/create-from-csr/json';
export const THING_TOPIC = `$aws/provisioning-templates/${TEMPLATE}/provision/json`;
export const answersOf = (topic: string): string[] => [`${topic}/accepted`, `${topic}/rejected`];

/** A certificate is 1 to 2 KiB, a token 512 characters; more is not AWS. */
const Pem = v.pipe(
  v.string(),
  v.maxLength(8_192),
  v.regex(
    /^-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----\s*$/,
    'not a PEM',
  ),
);
const Id = v.pipe(v.string(), v.regex(/^[0-9a-zA-Z-]{1,128}$/, 'not a certificate id'));
const Token = v.pipe(v.string(), v.minLength(1), v.maxLength(4_096));
const ThingName = v.pipe(v.string(), v.regex(/^[a-zA-Z0-9:_-]{1,128}$/, 'not a thing name'));

const CertificateAnswer = v.object({
  certificateId: Id,
  certificatePem: Pem,
  certificateOwnershipToken: Token,
});
const ThingAnswer = v.object({ thingName: ThingName });
const Rejection = v.object({
  statusCode: v.optional(v.number()),
  errorCode: v.optional(v.pipe(v.string(), v.regex(/^[\w.-]{1,80}$/))),
});

const certificate = { certificateId: Id, certificatePem: Pem };
/**
 * The files of the unit's key. A renewal makes its key in the one that is not in use, so that a single
 * write of the state changes certificate and key together.
 */
const KEY_FILES = ['unit.key', 'unit-2.key'] as const;
export type KeyFile = (typeof KEY_FILES)[number];
export const otherKey = (key: KeyFile): KeyFile => (key === 'unit.key' ? 'unit-2.key' : 'unit.key');

/** A renewal under way: the next certificate, as far as it has come. */
const Next = v.variant('at', [
  v.strictObject({ at: v.literal('keyed') }),
  v.strictObject({ at: v.literal('certified'), ...certificate, token: Token }),
  v.strictObject({ at: v.literal('trial'), ...certificate }),
]);
/** What is known for good, one step after the other; `new` is: no file. */
const Saved = v.variant('at', [
  v.strictObject({ v: v.literal(1), at: v.literal('keyed') }),
  v.strictObject({ v: v.literal(1), at: v.literal('certified'), ...certificate, token: Token }),
  v.strictObject({ v: v.literal(1), at: v.literal('trial'), ...certificate }),
  v.strictObject({ v: v.literal(1), at: v.literal('registered'), ...certificate }),
  v.strictObject({ v: v.literal(1), at: v.literal('confirmed'), ...certificate }),
  v.strictObject({
    ...{ v: v.literal(1), at: v.literal('done'), ...certificate },
    /** Absent: `unit.key`. */
    key: v.exactOptional(v.picklist(KEY_FILES)),
    next: v.exactOptional(Next),
  }),
]);
export type Saved = { readonly at: 'new' } | Readonly<v.InferOutput<typeof Saved>>;

/** `registration.token` of a factory's record; undefined: none, and a cloud that wants one says no. */
export const parseRegistration = (text: string | undefined): string | undefined =>
  /^([0-9a-f]{64})\s*$/.exec(text ?? '')?.[1];

/** Throws with a short reason: what we wrote ourselves is damaged. */
export function parseSaved(text: string): Saved {
  return v.parse(Saved, JSON.parse(text));
}

export function renderSaved(saved: Exclude<Saved, { at: 'new' }>): string {
  return `${JSON.stringify(saved)}\n`;
}

/** Throws with a short reason. */
export function parseCertificateAnswer(payload: Buffer): v.InferOutput<typeof CertificateAnswer> {
  return v.parse(CertificateAnswer, JSON.parse(payload.toString('utf8')));
}

export function parseThingAnswer(payload: Buffer): v.InferOutput<typeof ThingAnswer> {
  return v.parse(ThingAnswer, JSON.parse(payload.toString('utf8')));
}

/** Why a request was rejected, and what kind of no it is; never throws. */
export function parseRejection(payload: Buffer): {
  readonly why: string;
  readonly kind: 'rejected' | 'refused' | 'token' | 'busy';
} {
  let json: unknown;
  try {
    json = JSON.parse(payload.toString('utf8'));
  } catch {
    json = {};
  }
  const parsed = v.safeParse(Rejection, json);
  const { statusCode = 0, errorCode } = parsed.success ? parsed.output : {};
  const why = errorCode ?? (statusCode > 0 ? `HTTP_${statusCode}` : 'rejected');
  if (/OwnershipToken/i.test(why)) return { why, kind: 'token' };
  if (statusCode === 401 || statusCode === 403 || /Denied|Forbidden/i.test(why)) {
    return { why, kind: 'refused' };
  }
  const isBusy = statusCode === 429 || statusCode >= 500 || /Throttl|Internal/i.test(why);
  return { why, kind: isBusy ? 'busy' : 'rejected' };
}
