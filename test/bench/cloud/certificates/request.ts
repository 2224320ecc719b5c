// Writes a certificate request (RFC 2986), for tests that play a unit. Pure.
import { sign } from 'node:crypto';
import type { KeyPairKeyObjectResult } from 'node:crypto';
import { bits, der, integer, oid, pem, sequence } from './der.ts';
import { nameOf } from './issue.ts';

const ECDSA_SHA256 = '2a8648ce3d040302';

/** A PEM request for this common name, signed by its own P-256 key. */
export function makeCsr(
  commonName: string,
  { publicKey, privateKey }: KeyPairKeyObjectResult,
): string {
  const info = sequence(
    integer(Buffer.of(0)),
    nameOf(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa0),
  );
  const signature = sign('sha256', info, privateKey);
  return pem('CERTIFICATE REQUEST', sequence(info, sequence(oid(ECDSA_SHA256)), bits(signature)));
}
