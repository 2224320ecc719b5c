// Certificate authorities for the bench, by openssl: the one that its servers have, and another one
// that a firewall intercepts with.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../image/core/run.ts';

/** A bench lives for hours; its certificates need not live longer. */
const DAYS = '7';
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];
/** Without a configuration of its own, openssl would add the machine's default extensions. */
const CONFIG = '[req]\ndistinguished_name = subject\n[subject]\n';

export interface AuthorityOptions {
  readonly folder: string;
  readonly organisation: string;
  readonly hosts: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Makes a CA and a certificate for each host; returns the CA's own certificate. */
export async function makeAuthority(options: AuthorityOptions): Promise<{ readonly pem: string }> {
  const { folder, organisation, hosts, signal } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const config = join(folder, 'openssl.cnf');
  await writeFile(config, CONFIG);
  const request = ['openssl', 'req', '-x509', '-config', config, ...KEY, '-days', DAYS];
  const { certificate, key } = filesOf(folder, 'authority');
  await run(
    [
      ...request,
      ...['-subj', `/O=${organisation}/CN=${organisation} Root CA`],
      ...['-addext', 'basicConstraints=critical,CA:TRUE'],
      ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
      ...['-keyout', key, '-out', certificate],
    ],
    { signal },
  );
  for (const host of hosts) {
    const own = filesOf(folder, host);
    await run(
      [
        ...request,
        // A common name may have 64 characters; clients look at the alternative name.
        ...['-CA', certificate, '-CAkey', key, '-subj', `/CN=${host.slice(0, 64)}`],
        ...['-addext', `subjectAltName=DNS:${host}`],
        ...['-addext', 'basicConstraints=critical,CA:FALSE'],
        ...['-addext', 'extendedKeyUsage=serverAuth'],
        ...['-keyout', own.key, '-out', own.certificate],
      ],
      { signal },
    );
  }
  return { pem: await readFile(certificate, 'utf8') };
}

/** Where the key and the certificate of a host lie in an authority's folder. */
export function filesOf(
  folder: string,
  host: string,
): { readonly key: string; readonly certificate: string } {
  return { key: join(folder, `${host}.key`), certificate: join(folder, `${host}.pem`) };
}
