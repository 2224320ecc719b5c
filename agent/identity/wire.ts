// The unit's serial, release and endpoints: texts and JSON to typed values. Pure.
import { X509Certificate } from 'node:crypto';
import * as v from 'valibot';

/** 32 hex digits; the host name is `clockrpi-` and the serial (41 characters). */
const Serial = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'a serial has 32 hex digits'));

const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const Host = v.pipe(
  v.string(),
  v.maxLength(253),
  v.regex(new RegExp(`^${LABEL}(\\.${LABEL})*$`), 'not a host name in lower case'),
);

/** Eight roots of a generous size: one file must not fill the memory. */
const ROOTS_MAX = 8;
const ROOTS_CHARS_MAX = 32 * 1024;
const PEM = /-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+?-----END CERTIFICATE-----/g;

const RootsPem = v.pipe(
  v.string(),
  v.maxLength(ROOTS_CHARS_MAX),
  v.check((text) => {
    const count = splitPem(text).length;
    return count >= 1 && count <= ROOTS_MAX;
  }, `rootsPem holds 1 to ${ROOTS_MAX} certificates`),
  v.check((text) => text.replaceAll(PEM, '').trim() === '', 'rootsPem holds something else'),
  v.check((text) => splitPem(text).every(isAuthority), 'rootsPem holds what is no CA certificate'),
);

const Port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));

/** An HTTP proxy that opens tunnels; a colon would end the user's name (RFC 7617). */
const Proxy = v.strictObject({
  host: Host,
  port: Port,
  user: v.optional(v.pipe(v.string(), v.regex(/^[^:\p{Cc}]{1,64}$/u, 'not a user name'))),
  password: v.optional(v.pipe(v.string(), v.regex(/^\P{Cc}{1,128}$/u, 'not a password'))),
});

/** `endpoints.json`: the one place where host names stand. */
const Endpoints = v.strictObject({
  region: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,32}$/, 'not a region')),
  clock: v.strictObject({
    host: Host,
    /** Another port than 443, for the test bench. */
    port: v.optional(Port),
  }),
  aws: v.strictObject({
    host: Host,
    /** Other ports than AWS's, for the test bench: 8883, 443 and 8443 in this order. */
    ports: v.optional(v.strictObject({ mqtt: Port, alpn: Port, https: Port })),
  }),
  gems: v.strictObject({ host: Host }),
  /** The only way out of some networks. */
  proxy: v.optional(Proxy),
  ntp: v.pipe(v.array(Host), v.minLength(1), v.maxLength(8)),
  /** Further roots to trust, for a cloud that is not AWS (staging, the test bench). */
  rootsPem: v.optional(RootsPem),
});
export type Endpoints = v.InferOutput<typeof Endpoints>;

/** `release.json`. */
const Release = v.object({
  version: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  builtAt: v.pipe(v.string(), v.maxLength(40)),
});
export type Release = v.InferOutput<typeof Release>;

/** The certificates in a PEM text, one text each. */
export function splitPem(text: string): string[] {
  return text.match(PEM) ?? [];
}

function isAuthority(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}

/** What the boot script says in `/run/clock/boot.env`: KEY=value lines. */
export function parseBootReport(text: string): Readonly<Record<string, string>> {
  const report: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) report[line.slice(0, at)] = line.slice(at + 1);
  }
  return report;
}

/** Throws with a short reason. */
export function parseSerial(text: string): string {
  return parse(Serial, text.trim());
}

/** Throws with a short reason that names the field. */
export function parseEndpoints(text: string): Endpoints {
  return parse(Endpoints, JSON.parse(text));
}

export function parseRelease(text: string): Release {
  return parse(Release, JSON.parse(text));
}

function parse<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new Error(path === null ? issue.message : `${path}: ${issue.message}`);
}
