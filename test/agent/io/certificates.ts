// Makes X.509 certificates for the tests (RFC 5280, P-256), with any names and dates: no test waits
// for a certificate to expire, and no key lies in the repository.
import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export interface Issued {
  readonly certPem: string;
  readonly keyPem: string;
  readonly key: KeyObject;
  readonly name: string;
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.from(body.length.toString(16).padStart(4, '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x82), length, body]);
}
const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const bits = (bytes: Uint8Array): Buffer => der(0x03, Buffer.of(0), bytes);

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const COMMON_NAME = '550403';
const BASIC_CONSTRAINTS = '551d13';
const SUBJECT_ALT_NAME = '551d11';

const nameOf = (name: string): Buffer =>
  sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(name)))));
const time = (ms: number): Buffer => {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return der(0x18, Buffer.from(text)); // GeneralizedTime
};

/**
 * A certificate for `name`, signed by `by` or by itself. `hosts` become subject alternative names;
 * without any it is an authority. Valid from `fromMs` to `toMs`, else a day around now.
 */
export function issue(options: {
  readonly name: string;
  readonly by?: Issued;
  readonly hosts?: readonly string[];
  readonly fromMs?: number;
  readonly toMs?: number;
}): Issued {
  const DAY_MS = 86_400_000;
  const {
    name,
    by,
    hosts = [],
    fromMs = Date.now() - DAY_MS,
    toMs = Date.now() + DAY_MS,
  } = options;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const authority = sequence(
    oid(BASIC_CONSTRAINTS),
    der(0x01, Buffer.of(0xff)),
    der(0x04, sequence(der(0x01, Buffer.of(0xff)))),
  );
  const names = sequence(
    oid(SUBJECT_ALT_NAME),
    der(0x04, sequence(...hosts.map((host) => der(0x82, Buffer.from(host))))),
  );
  const serial = Buffer.concat([Buffer.of(1), Buffer.from(`${name}${fromMs}`).subarray(-8)]);
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))), // version 3
    der(0x02, serial),
    ECDSA_SHA256,
    nameOf(by?.name ?? name),
    sequence(time(fromMs), time(toMs)),
    nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(hosts.length === 0 ? authority : names)),
  );
  const signature = sign('sha256', body, by?.key ?? privateKey);
  const whole = sequence(body, ECDSA_SHA256, bits(signature));
  const lines = whole
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n');
  return {
    certPem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    key: privateKey,
    name,
  };
}
