// Makes the cloud's certificates (RFC 5280): its authorities, its servers', its devices'; and reads
// certificate requests (RFC 2986). Pure but for chance: keys and serial numbers.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  bits,
  der,
  elements,
  fromPem,
  integer,
  octets,
  oid,
  pem,
  sequence,
  set,
  time,
  utf8,
} from './der.ts';

const OID = {
  ecdsaSha256: '2a8648ce3d040302',
  rsaSha256: '2a864886f70d01010b',
  commonName: '550403',
  basicConstraints: '551d13',
  keyUsage: '551d0f',
  extendedKeyUsage: '551d25',
  subjectAltName: '551d11',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
  comment: '6086480186f842010d',
};

export interface KeyPair {
  readonly key: KeyObject;
  readonly keyPem: string;
  readonly spki: Buffer;
}

export interface Authority extends KeyPair {
  readonly certPem: string;
  readonly subject: Buffer;
}

export interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A P-256 key, the kind that units have. */
export function makeKeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    key: privateKey,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    spki: publicKey.export({ type: 'spki', format: 'der' }),
  };
}

export const nameOf = (commonName: string): Buffer =>
  sequence(set(sequence(oid(OID.commonName), utf8(commonName))));

/** A self-signed authority. */
export function makeAuthority(commonName: string, validity: Validity): Authority {
  const pair = makeKeyPair();
  const subject = nameOf(commonName);
  const extensions = [
    extension(OID.basicConstraints, sequence(der(0x01, Buffer.of(0xff))), true),
    extension(OID.keyUsage, bits(Buffer.of(0x06), 1), true), // keyCertSign, cRLSign
  ];
  const certPem = certificate({
    by: { ...pair, subject },
    subject,
    spki: pair.spki,
    validity,
    extensions,
  });
  return { ...pair, subject, certPem };
}

/** An authority that was made earlier. */
export function restoreAuthority(
  commonName: string,
  { certPem, keyPem }: Pick<Authority, 'certPem' | 'keyPem'>,
): Authority {
  const key = createPrivateKey(keyPem);
  const spki = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
  return { key, keyPem, spki, subject: nameOf(commonName), certPem };
}

/** A server's certificate for `hosts`; `padding` makes it that many bytes larger. */
export function issueForServer(
  by: Authority,
  options: {
    readonly hosts: readonly string[];
    readonly validity: Validity;
    readonly padding?: number;
  },
): { readonly certPem: string; readonly keyPem: string } {
  const { hosts, validity, padding = 0 } = options;
  const pair = makeKeyPair();
  const extensions = [
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.extendedKeyUsage, sequence(oid(OID.serverAuth))),
    extension(OID.subjectAltName, sequence(...hosts.map((host) => der(0x82, Buffer.from(host))))),
  ];
  if (padding > 0) extensions.push(extension(OID.comment, der(0x16, Buffer.alloc(padding, 0x2e))));
  // A common name may have 64 characters; clients look at the alternative names.
  const subject = nameOf((hosts[0] ?? '').slice(0, 64));
  return {
    certPem: certificate({ by, subject, spki: pair.spki, validity, extensions }),
    keyPem: pair.keyPem,
  };
}

/** A device's certificate for a key and a name that come from elsewhere: a request, or makeKeyPair(). */
export function issueForDevice(
  by: Authority,
  options: { readonly subject: Buffer; readonly spki: Buffer; readonly validity: Validity },
): string {
  const extensions = [
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.keyUsage, bits(Buffer.of(0x80), 7), true), // digitalSignature
    extension(OID.extendedKeyUsage, sequence(oid(OID.clientAuth))),
  ];
  return certificate({ by, ...options, extensions });
}

/** AWS's certificate id: SHA-256 over the certificate's DER, as 64 hex digits. */
export function certificateIdOf(certificate: Uint8Array | string): string {
  const bytes = typeof certificate === 'string' ? fromPem('CERTIFICATE', certificate) : certificate;
  return createHash('sha256')
    .update(bytes ?? Buffer.alloc(0))
    .digest('hex');
}

export type CsrReading =
  | { readonly ok: true; readonly subject: Buffer; readonly spki: Buffer }
  | { readonly ok: false; readonly why: string };

/** Page x509-client-certs: RSA of at least 2,048 bits or ECC on P-256, P-384 or P-521. */
const CURVES = /^(prime256v1|secp384r1|secp521r1)$/;
const RSA_BITS_MIN = 2_048;

/** Reads a PEM certificate request and checks that its sender holds the key. */
export function readCsr(text: string): CsrReading {
  try {
    const bytes = fromPem('(?:NEW )?CERTIFICATE REQUEST', text);
    if (bytes === undefined) return { ok: false, why: 'not a PEM certificate request' };
    const [request, ...others] = elements(bytes);
    const [info, algorithm, signature] = elements(request!.body);
    const [, subject, spki] = elements(info!.body);
    if (others.length > 0 || subject?.tag !== 0x30 || spki?.tag !== 0x30) {
      return { ok: false, why: 'not a certificate request' };
    }
    const key = createPublicKey({ key: spki.whole, format: 'der', type: 'spki' });
    const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
    const known =
      key.asymmetricKeyType === 'ec' ? CURVES.test(namedCurve) : modulusLength >= RSA_BITS_MIN;
    if (!known) return { ok: false, why: 'the key is of a kind AWS IoT does not accept' };
    const kind = elements(algorithm!.body)[0]!.body.toString('hex');
    if (kind !== OID.ecdsaSha256 && kind !== OID.rsaSha256) {
      return { ok: false, why: 'the signature is of a kind this double does not know' };
    }
    const isSigned = verify('sha256', info!.whole, key, signature!.body.subarray(1));
    if (!isSigned) return { ok: false, why: 'the signature is not by the key of the request' };
    return { ok: true, subject: subject.whole, spki: spki.whole };
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : 'not a certificate request' };
  }
}

/** The first common name in a Name, else ''. */
export function commonNameIn(subject: Buffer): string {
  for (const relative of elements(elements(subject)[0]!.body)) {
    for (const attribute of elements(relative.body)) {
      const [type, value] = elements(attribute.body);
      if (type?.body.toString('hex') === OID.commonName) return value?.body.toString() ?? '';
    }
  }
  return '';
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [der(0x01, Buffer.of(0xff))] : []), octets(value));
}

function certificate(options: {
  readonly by: { readonly key: KeyObject; readonly subject: Buffer };
  readonly subject: Buffer;
  readonly spki: Buffer;
  readonly validity: Validity;
  readonly extensions: readonly Buffer[];
}): string {
  const { by, subject, spki, validity, extensions } = options;
  const algorithm = sequence(oid(OID.ecdsaSha256));
  const body = sequence(
    der(0xa0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    algorithm,
    by.subject,
    sequence(time(validity.fromMs), time(validity.toMs)),
    subject,
    spki,
    der(0xa3, sequence(...extensions)),
  );
  return pem('CERTIFICATE', sequence(body, algorithm, bits(sign('sha256', body, by.key))));
}
