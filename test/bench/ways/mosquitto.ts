// A real broker on loopback: Eclipse Mosquitto (Debian's package `mosquitto`), with client certificates
// from the bench's authority. It speaks MQTT as others do, where the cloud's double speaks it as AWS does.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorities } from '../cloud/certificates/servers.ts';
import {
  certificateIdOf,
  issueForDevice,
  issueForServer,
  makeKeyPair,
  nameOf,
} from '../cloud/certificates/issue.ts';
import type { Credentials, Ports } from '../cloud/api.ts';
import { startDaemon } from '../hotel/daemon.ts';
import type { Daemon } from '../hotel/daemon.ts';
import { freePort } from './free-port.ts';

const DAY_MS = 86_400_000;

export interface Mosquitto extends AsyncDisposable {
  readonly address: '127.0.0.1';
  readonly hosts: readonly string[];
  /** One port for all: Mosquitto tells no ways apart. */
  readonly ports: Ports;
  readonly rootsPem: string;
  /** A certificate for a thing; the broker takes its common name for the user's. */
  credentialsOf(thing: string): Credentials;
  /** Ends and starts again on the same port; with `kill` it has no time to write its sessions. */
  restart(options?: { readonly kill: boolean }): Promise<void>;
  /** The last lines that it printed. */
  lines(): readonly string[];
}

/** Resolves when it serves. Each thing may use the topics of its own name, `bench` all. */
export async function openMosquitto(): Promise<Mosquitto> {
  const nowMs = Date.now();
  const validity = { fromMs: nowMs - DAY_MS, toMs: nowMs + DAY_MS };
  const { roots, devices } = authorities(nowMs);
  const folder = await mkdtemp(join(tmpdir(), 'mosquitto-'));
  const port = await freePort();
  const server = issueForServer(roots, { hosts: ['localhost'], validity });
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const settings = [
    `listener ${port} 127.0.0.1`,
    `cafile ${await write('devices.crt', devices.certPem)}`,
    `certfile ${await write('server.crt', server.certPem)}`,
    `keyfile ${await write('server.key', server.keyPem)}`,
    'require_certificate true',
    'use_identity_as_username true',
    `acl_file ${await write('acl', 'user bench\ntopic readwrite #\npattern readwrite clock/v1/%u/#\n')}`,
    'persistence true',
    `persistence_location ${folder}/`,
    'log_dest stderr',
    'log_type all',
    // As root it would become another user, who may not read this folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
  ];
  const file = await write('mosquitto.conf', `${settings.join('\n')}\n`);
  const start = async (): Promise<Daemon> =>
    startDaemon(['/usr/sbin/mosquitto', '-c', file], { name: 'mosquitto', ready: / running$/ });
  let daemon = await start();
  return {
    address: '127.0.0.1',
    hosts: ['localhost'],
    ports: { mqtt: port, alpn: port, https: port },
    rootsPem: roots.certPem,
    credentialsOf: (thing) => {
      const { spki, keyPem } = makeKeyPair();
      const certPem = issueForDevice(devices, { subject: nameOf(thing), spki, validity });
      return { certificateId: certificateIdOf(certPem), certPem, keyPem };
    },
    restart: async ({ kill } = { kill: false }) => {
      if (kill) process.kill(-daemon.group, 'SIGKILL');
      await daemon.stop();
      daemon = await start();
    },
    lines: () => daemon.lines,
    [Symbol.asyncDispose]: async () => {
      await daemon.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
