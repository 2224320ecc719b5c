// Keys and certificate requests. node-forge's asn1 and pem write DER and PEM, nothing else of it is
// used: it knows no elliptic curves. Keys and signatures are node:crypto's.
import {
  X509Certificate,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import asn1 from 'node-forge/lib/asn1.js';
import type { Node } from 'node-forge/lib/asn1.js';
import pem from 'node-forge/lib/pem.js';
import type { Certificates } from '../provisioning/ports.ts';

const { Class, Type } = asn1;

const COMMON_NAME = '2.5.4.3';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

export const realCertificates: Certificates = {
  makeKeyPem: () =>
    generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    }).privateKey,
  makeRequestPem,
  belongs: (certificatePem, keyPem) => {
    try {
      return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
    } catch {
      return false;
    }
  },
  validity: (certificatePem) => {
    try {
      const { validFromDate, validToDate } = new X509Certificate(certificatePem);
      return { fromMs: validFromDate.getTime(), toMs: validToDate.getTime() };
    } catch {
      return undefined;
    }
  },
};

/** CertificationRequest of RFC 2986, 4.2, signed with ECDSA and SHA-256 (RFC 5758, 3.2). */
function makeRequestPem(keyPem: string, commonName: string): string {
  const key = createPrivateKey(keyPem);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('not a P-256 key');
  const info = sequence(
    asn1.create(Class.UNIVERSAL, Type.INTEGER, false, asn1.integerToDer(0).getBytes()),
    sequence(
      asn1.create(Class.UNIVERSAL, Type.SET, true, [
        sequence(oid(COMMON_NAME), asn1.create(Class.UNIVERSAL, Type.UTF8, false, commonName)),
      ]),
    ),
    publicKeyOf(key),
    // No attributes: context tag 0, constructed, empty.
    asn1.create(Class.CONTEXT_SPECIFIC, 0, true, []),
  );
  const signature = sign('sha256', Buffer.from(asn1.toDer(info).getBytes(), 'binary'), key);
  const request = sequence(
    info,
    sequence(oid(ECDSA_WITH_SHA256)),
    asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, `\0${signature.toString('binary')}`),
  );
  const body = asn1.toDer(request).getBytes();
  return pem.encode({ type: 'CERTIFICATE REQUEST', body }).replaceAll('\r', '');
}

const sequence = (...nodes: Node[]): Node =>
  asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, nodes);
const oid = (dotted: string): Node =>
  asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(dotted).getBytes());

/** SubjectPublicKeyInfo as node:crypto writes it. */
function publicKeyOf(key: KeyObject): Node {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return asn1.fromDer(der.toString('binary'));
}
