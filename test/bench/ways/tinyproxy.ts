// A real HTTP proxy on loopback, as hotels have one: Tinyproxy (Debian's package `tinyproxy`).
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDaemon } from '../hotel/daemon.ts';
import { freePort } from './free-port.ts';

export interface Tinyproxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** How many tunnels it was asked for, to this port or to any. */
  asked(port?: number): number;
}

/** It opens tunnels to `ports` only, and with `login` for nobody else. */
export async function openTinyproxy(options: {
  readonly ports: readonly number[];
  /** Its own port; any that is free. */
  readonly at?: number;
  readonly login?: { readonly user: string; readonly password: string };
}): Promise<Tinyproxy> {
  const { ports, login } = options;
  const folder = await mkdtemp(join(tmpdir(), 'tinyproxy-'));
  const port = options.at ?? (await freePort());
  const settings = [
    `Port ${port}`,
    'Listen 127.0.0.1',
    'Timeout 600',
    'MaxClients 100',
    'LogLevel Info',
    ...ports.map((one) => `ConnectPort ${one}`),
    ...(login === undefined ? [] : [`BasicAuth ${login.user} ${login.password}`]),
  ];
  const file = join(folder, 'tinyproxy.conf');
  await writeFile(file, `${settings.join('\n')}\n`, { mode: 0o600 });
  const daemon = await startDaemon(['/usr/bin/tinyproxy', '-d', '-c', file], {
    name: 'tinyproxy',
    ready: /Accepting connections/,
  });
  return {
    host: '127.0.0.1',
    port,
    asked: (to) => {
      const line = new RegExp(`CONNECT \\S+:${to ?? '\\d+'} `);
      return daemon.lines.filter((one) => line.test(one)).length;
    },
    [Symbol.asyncDispose]: async () => {
      await daemon.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
