// How the unit's own connections to the cloud speak TLS: only what AWS IoT recommends, only roots that
// we chose, never without the name (AWS IoT developer guide, "transport-security").
import type { ConnectionOptions } from 'node:tls';
import type { Credentials, Ports } from '../core/connection.ts';
import type { Proxy } from './proxy.ts';

/** Where the cloud is; ports differ from AWS's on a test bench only. */
export interface Place {
  readonly host: string;
  readonly ports: Ports;
  readonly roots: readonly string[];
  readonly proxy?: Proxy | undefined;
}

/** Node's own list offers DHE, which AWS does not take. */
const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
].join(':');
/** Node gives up an address after 250 ms: too soon for a satellite (nodejs/node#54359). */
const ADDRESS_MS_MAX = 5_000;

export function tlsOptions(
  { host, roots }: Place,
  { certificatePem, keyPem }: Credentials,
): ConnectionOptions & { readonly host: string } {
  return {
    host,
    servername: host,
    ca: [...roots],
    cert: certificatePem,
    key: keyPem,
    ciphers: CIPHERS,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    // Not in the types of tls.connect, which hands it to net.connect (nodejs.org/api/net.html).
    ...{ autoSelectFamilyAttemptTimeout: ADDRESS_MS_MAX },
  };
}

/**
 * What says that our certificate is not wanted, as opposed to: that the way is bad. A server whose own
 * authority has the name of ours and another key says DECRYPT_ERROR (seen with Mosquitto).
 */
export const isRefusal = (code: string): boolean =>
  /ALERT_(BAD_CERTIFICATE|DECRYPT_ERROR|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED|UNSUPPORTED_CERTIFICATE)/.test(
    code,
  );
