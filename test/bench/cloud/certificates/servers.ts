// The TLS contexts that the cloud's servers show: one that is right, and the wrong ones of the bench.
// Pages transport-security, iot-endpoints-tls-config, device-advisor-tests-tls.
import { createSecureContext } from 'node:tls';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import { constants } from 'node:crypto';
import { issueForServer, makeAuthority, restoreAuthority } from './issue.ts';
import type { Authority, Validity } from './issue.ts';

const DAY_MS = 86_400_000;

/** IoTSecurityPolicy_TLS13_1_2_2022_10, as far as OpenSSL's names go. No DHE. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
].join(':');

const SETTINGS: SecureContextOptions = {
  ciphers: CIPHERS,
  minVersion: 'TLSv1.2',
  honorCipherOrder: true,
  // Page transport-security: no session tickets.
  secureOptions: constants.SSL_OP_NO_TICKET,
};

export type Shown = 'right' | 'wrong-authority' | 'wrong-name' | 'expired' | 'large';

export interface ServerCertificates {
  /** Settings without a certificate: versions and suites are chosen before SNI is. */
  readonly bare: SecureContext;
  readonly rootsPem: string;
  /** Signs devices' certificates, as AWS's own does: not the one that signs the servers'. */
  readonly devices: Authority;
  context(shown: Shown): SecureContext;
}

/** Two names, two keys: who is trusted as a server, and who signs devices. */
const NAMES = { roots: 'Bench Root CA of the cloud double', devices: 'Bench IoT Certificate CA' };

export interface Authorities {
  readonly roots: Authority;
  readonly devices: Authority;
}

/** What of them is written down. */
export type SavedAuthorities = Readonly<
  Record<keyof Authorities, Pick<Authority, 'certPem' | 'keyPem'>>
>;

/** Those of an earlier life, or new ones. */
export function authorities(nowMs: number, saved?: SavedAuthorities): Authorities {
  const validity = validityAt(nowMs);
  const one = (who: keyof Authorities): Authority =>
    saved === undefined
      ? makeAuthority(NAMES[who], validity)
      : restoreAuthority(NAMES[who], saved[who]);
  return { roots: one('roots'), devices: one('devices') };
}

export function savedOf({ roots, devices }: Authorities): SavedAuthorities {
  const saved = ({ certPem, keyPem }: Authority): SavedAuthorities['roots'] => ({
    certPem,
    keyPem,
  });
  return { roots: saved(roots), devices: saved(devices) };
}

const validityAt = (nowMs: number): Validity => ({
  fromMs: nowMs - DAY_MS,
  toMs: nowMs + 30 * DAY_MS,
});

/** Makes the right certificate; the wrong ones when first asked for. */
export function makeServerCertificates(
  hosts: readonly string[],
  { roots, devices }: Authorities,
  nowMs: number,
): ServerCertificates {
  const validity = validityAt(nowMs);
  const contexts = new Map<Shown, SecureContext>();
  const make = (shown: Shown): SecureContext => {
    const by = shown === 'wrong-authority' ? makeAuthority('Some Firewall CA', validity) : roots;
    const past = { fromMs: nowMs - 3 * DAY_MS, toMs: nowMs - DAY_MS };
    const { certPem, keyPem } = issueForServer(by, {
      hosts: shown === 'wrong-name' ? ['somebody.example'] : hosts,
      validity: shown === 'expired' ? past : validity,
      // Device Advisor: 20 % larger than the right one, which has some 600 bytes.
      padding: shown === 'large' ? 130 : 0,
    });
    return createSecureContext({ ...SETTINGS, cert: certPem, key: keyPem });
  };
  return {
    bare: createSecureContext(SETTINGS),
    rootsPem: roots.certPem,
    devices,
    context: (shown) => {
      const known = contexts.get(shown) ?? make(shown);
      contexts.set(shown, known);
      return known;
    },
  };
}
