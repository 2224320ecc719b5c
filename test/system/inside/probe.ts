// Runs in the sandbox of a service, in place of the interface: tries what its settings do not name, and says in one
// line of JSON what came of it. As `eater` it takes memory until it is ended, as `ports` it tries
// all serial ports.
import { lookup } from 'node:dns/promises';
import { closeSync, constants, openSync, readFileSync, readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

const [name = ''] = process.argv.slice(3);
const TRY_MS_MAX = 10_000;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

function trying(what: () => void): string {
  try {
    what();
    return 'done';
  } catch (error) {
    return codeOf(error);
  }
}

async function reach(to: { host: string; port: number } | { path: string }): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(to);
    const over = (text: string): void => {
      resolve(text);
      socket.destroy();
    };
    socket.setTimeout(TRY_MS_MAX, () => over('silence'));
    socket.once('connect', () => over('done'));
    socket.once('error', (error) => over(codeOf(error)));
  });
}

async function listen(port: number): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.end('probe\n'));
    server.once('error', (error) => resolve(codeOf(error)));
    server.listen(port, () => resolve('done'));
  });
}

const READS = [
  ...[
    '/var/lib/clock',
    '/run/clock-agent',
    '/run/clock-agent/services',
    '/run/clock-units',
    '/run/clock',
  ],
  ...['/run/systemd/system', '/run/dbus', '/boot', '/sys', '/root', '/home'],
];
const OPENS = [
  ...[
    '/etc/shadow',
    '/etc/machine-id',
    '/run/clock-agent/units.json',
    '/run/clock/boot.env',
    '/proc/1/environ',
  ],
  ...['/dev/mmcblk0', '/dev/mem', '/dev/kmsg', '/dev/ttyAMA0', '/dev/ttyUSB0'],
];
const WRITES = [
  '/etc/x',
  '/usr/x',
  '/var/x',
  '/run/x',
  '/run/clock-agent/x',
  '/proc/sys/kernel/panic',
];
const SOCKETS = [
  ...['/run/dbus/system_bus_socket', '/run/systemd/private', '/run/systemd/notify'],
  ...['/run/systemd/resolve/io.systemd.Resolve', '/run/systemd/journal/socket'],
];

async function probe(): Promise<object> {
  const credentials = process.env['CREDENTIALS_DIRECTORY'] ?? '';
  const targets = readFileSync(join(credentials, 'settings.json'), 'utf8');
  const { settings } = JSON.parse(targets) as {
    settings: { line: { host: string; port: number } };
  };
  const { host, port } = settings.line;
  const reached: Record<string, string> = {};
  const others = [
    `${host}:${port}`,
    ...[`${host}:${port + 1}`, `${host}:53`, `${host}:443`, `172.17.0.9:${port}`],
    ...['127.0.0.1:80', '198.51.100.20:443', '198.51.100.20:8883', '[::1]:80'],
  ];
  for (const target of others) {
    const url = new URL(`tcp://${target}`);
    const address = url.hostname.replace(/^\[|\]$/g, '');
    reached[target] = await reach({ host: address, port: Number(url.port) });
  }
  for (const path of SOCKETS) reached[path] = await reach({ path });
  reached['agent'] = await reach({ path: '/run/clock-agent/services.sock' });
  return {
    uid: process.getuid?.(),
    credentials: readdirSync(credentials).toSorted(),
    others: trying(() => readdirSync(join(credentials, '../clock-service@hand.service'))),
    reached,
    names: await lookup('aws.example').then(() => 'done', codeOf),
    listen: { 6001: await listen(6_001), 6002: await listen(6_002), 80: await listen(80) },
    reads: Object.fromEntries(READS.map((path) => [path, trying(() => readdirSync(path))])),
    opens: Object.fromEntries(
      OPENS.map((path) => [path, trying(() => closeSync(openSync(path, 'r')))]),
    ),
    writes: Object.fromEntries(
      WRITES.map((path) => [path, trying(() => closeSync(openSync(path, 'w')))]),
    ),
    processes: readdirSync('/proc').filter((one) => /^\d+$/.test(one)).length,
  };
}

/** Opened as a serial port is: for reading and writing, without waiting for a carrier. */
const PORT = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;

if (name === 'ports') {
  const all = readdirSync('/dev').filter((one) => /^tty(USB|ACM|AMA|S)\d+$/.test(one));
  const opens = all.map((one) => [one, trying(() => closeSync(openSync(`/dev/${one}`, PORT)))]);
  console.log(`PORTS ${JSON.stringify(Object.fromEntries(opens))}`);
  setInterval(() => {}, 1 << 30);
} else if (name === 'eater') {
  const kept: Buffer[] = [];
  setInterval(() => kept.push(Buffer.alloc(8 << 20, 1)), 20);
} else {
  console.log(`PROBE ${JSON.stringify(await probe())}`);
  setInterval(() => {}, 1 << 30);
}
