// The simulated hotel itself: everything is open, each block closes exactly its own, nothing is left.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../../image/core/run.ts';
import { openHotel } from './hotel.ts';
import { folderOf, namespacesOf } from './namespaces.ts';
import {
  BLOCKABLES,
  DOMAIN,
  HOSTS,
  LAN,
  SERVICE_NAMES,
  TIME_ADDRESS,
  TIME_NAMES,
  linkLocalOf,
} from './places.ts';
import type { Blockable } from './places.ts';
import { probeOf } from './probes.ts';
import type { Answer, Probe } from './probes.ts';

const HOST_NAME = `clockrpi-${'0123456789abcdef'.repeat(2)}`;
const MODULE = JSON.stringify(join(import.meta.dirname, 'hotel.ts'));
/** A child that opens a hotel does so within a second, and closes it within another. */
const CHILD_MS_MAX = 30_000;

/** A question for everything that can be blocked, under its name. */
const QUESTIONS: readonly (readonly [Blockable, Probe])[] = [
  ...SERVICE_NAMES.map((name) => [name, probeOf(name)] as const),
  ['dns', { ask: 'dns', host: HOSTS.aws.name, server: LAN.router }],
  ['ntp', { ask: 'ntp', address: LAN.router }],
  ['ntp', { ask: 'ntp', address: TIME_ADDRESS }],
];

const hotel = await openHotel();
after(() => hotel.close());
const device = await hotel.plugDevice(HOST_NAME);

/** What was refused, by name. */
async function closed(): Promise<string[]> {
  const answers = await device.probe(QUESTIONS.map(([, probe]) => probe));
  const names = QUESTIONS.map(([name]) => name).filter((_, i) => 'refused' in answers[i]!);
  return [...new Set(names)];
}

async function ask(...probes: Probe[]): Promise<string[]> {
  return (await device.probe(probes)).map((answer: Answer) =>
    'answer' in answer ? answer.answer : answer.refused,
  );
}

test('a device gets an address in 172.17.0.0/16, and its host name stands in the leases', async () => {
  const { address, mac, lease } = device;
  assert.match(address, /^172\.17\.1\.\d+$/);
  assert.deepEqual(
    (await hotel.leases()).map(({ address, mac, hostName }) => ({ address, mac, hostName })),
    [{ address, mac, hostName: HOST_NAME }],
  );
  const { router } = LAN;
  const { ROUTER, DNS, NTP, DOMAINNAME } = lease;
  assert.deepEqual(
    { ROUTER, DNS, NTP, DOMAINNAME },
    { ROUTER: router, DNS: router, NTP: router, DOMAINNAME: DOMAIN },
  );
});

test("all the product's names resolve, and the device's own; others do not exist", async () => {
  const names = [...Object.values(HOSTS).map(({ name }) => name), ...TIME_NAMES];
  const query = (host: string): Probe => ({ ask: 'dns', host, server: LAN.router });
  const addresses = await ask(...names.map(query));
  assert.deepEqual(addresses, [
    ...Object.values(HOSTS).map(({ address }) => address),
    ...TIME_NAMES.map(() => TIME_ADDRESS),
  ]);
  assert.deepEqual(await ask(query(`${HOST_NAME}.${DOMAIN}`)), [device.address]);
  assert.deepEqual(await ask(query('elsewhere.example.com')), ['ENOTFOUND']);
});

test('every port is open, with certificates of the bench and the protocol that AWS asks for', async () => {
  assert.deepEqual(await closed(), []);
  const tls = SERVICE_NAMES.map(probeOf).filter((probe) => probe.ask === 'tls');
  const answers = await ask(...tls);
  assert.equal(answers.length, 4);
  for (const answer of answers) assert.match(answer, /^trusted Clock Test Bench/);
  assert.match((await ask(probeOf('aws-443')))[0]!, /, x-amzn-mqtt-ca$/);
  assert.match((await ask(probeOf('clock-80')))[0]!, /^301 https:\/\/sky-eu1\./);
});

/** Silence is waited for, 2.5 s each: two of them stand for all, which differ in nothing else. */
const CLOSED = { drop: ['clock-443', 'dns'], reject: BLOCKABLES } as const;
for (const how of ['drop', 'reject'] as const) {
  for (const what of CLOSED[how]) {
    test(`to block ${what} (${how}) closes exactly that`, async () => {
      await hotel.block(what, how);
      try {
        assert.deepEqual(await closed(), [what]);
      } finally {
        await hotel.unblock(what);
      }
    });
  }
}

test('interception shows another issuer on every TLS port, and ends', async () => {
  const tls = SERVICE_NAMES.map(probeOf).filter((probe) => probe.ask === 'tls');
  await hotel.interceptTls(true);
  for (const answer of await ask(...tls)) assert.match(answer, /^untrusted Hotel Firewall/);
  await hotel.block('aws-8883', 'reject');
  assert.deepEqual(await closed(), ['aws-8883']);
  await hotel.unblock();
  await hotel.interceptTls(false);
  for (const answer of await ask(...tls)) assert.match(answer, /^trusted/);
});

test('a captive portal answers port 80 with a foreign login page, and ends', async () => {
  await hotel.captivePortal(true);
  assert.match((await ask(probeOf('clock-80')))[0]!, /^302 http:\/\/login\.guest-wifi\.example\//);
  assert.deepEqual(await closed(), []);
  await hotel.captivePortal(false);
  assert.match((await ask(probeOf('clock-80')))[0]!, /^301 /);
});

test('the way in reaches a page in the hotel by address and by name', async () => {
  const page = `require('http').createServer((q, a) => a.end('host ' + q.headers.host)).listen(80, () => console.log('up'))`;
  const server = spawn('ip', ['netns', 'exec', device.netns, process.execPath, '-e', page]);
  try {
    await once(server.stdout, 'data');
    for (const host of [device.address, `${HOST_NAME}.${DOMAIN}`]) {
      const answer = await hotel.fetch(`http://${host}/`);
      assert.equal(await answer.text(), `host ${host}`);
    }
    await assert.rejects(hotel.fetch(`http://${device.address}:81/`), /does not answer/);
    const { address } = device;
    assert.match(
      await hotel.raw(address, 80, Buffer.from('GET / HTTP/1.0\r\n\r\n')),
      /^HTTP\/1.1 200/,
    );
  } finally {
    server.kill();
  }
});

test('a scan finds what listens and nothing else', async () => {
  const listen = `for (const port of [80, 2222, 65535]) require('net').createServer().listen(port);
    require('dgram').createSocket('udp4').on('message', (m, from) => { require('dgram').createSocket('udp4').send('x', from.port, from.address) }).bind(161);
    setTimeout(() => console.log('up'), 100);`;
  const server = spawn('ip', ['netns', 'exec', device.netns, process.execPath, '-e', listen]);
  try {
    await once(server.stdout, 'data');
    const { tcp, refused } = await hotel.scan(device.address);
    assert.deepEqual(tcp, [80, 2222, 65535]);
    assert.equal(refused, 65_535 - 3);
    const local = await hotel.scan(linkLocalOf(device.mac));
    assert.deepEqual(local.tcp, [80, 2222, 65535]);
    await assert.rejects(hotel.scan('192.0.2.1'), /nothing else is ever scanned/);
  } finally {
    server.kill();
  }
});

test('no interface leads out of the namespaces', async () => {
  for (const namespace of await namespacesOf(hotel.id)) {
    const { stdout } = await run(['ip', '-n', namespace, '-json', 'link']);
    const links = JSON.parse(stdout) as { ifname: string; link_netnsid?: number }[];
    const { stdout: ids } = await run(['ip', '-n', namespace, '-json', 'netns', 'list-id']);
    const known = new Map(
      (JSON.parse(ids || '[]') as { nsid: number; name?: string }[]).map(({ nsid, name }) => [
        nsid,
        name,
      ]),
    );
    for (const { link_netnsid: peer } of links) {
      if (peer !== undefined) assert.ok(known.get(peer)?.startsWith(hotel.id), namespace);
    }
  }
});

test('two hotels live side by side, and a closed one leaves nothing', async () => {
  const other = await openHotel();
  const { id, folder } = other;
  const guest = await other.plugDevice('guest');
  assert.equal(guest.lease['ROUTER'], LAN.router);
  await other.close();
  await other.close();
  assert.deepEqual(await namespacesOf(id), []);
  assert.equal(existsSync(folder), false);
  assert.deepEqual(await processesWith(id), []);
  assert.deepEqual(await closed(), []);
});

test('the signal closes it, also while it opens', async () => {
  const ids = new Set((await namespacesOf('clock-hotel-')).map((name) => name));
  for (const afterMs of [0, 20, 60, 120, 200]) {
    const signal = AbortSignal.timeout(afterMs);
    await assert.rejects(async () => {
      const opened = await openHotel({ signal });
      while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
      await opened.close();
      signal.throwIfAborted();
    });
  }
  const left = (await namespacesOf(`clock-hotel-${process.pid}-`)).filter((name) => !ids.has(name));
  assert.deepEqual(left, []);
});

const endings: readonly (readonly [string, string, NodeJS.Signals | undefined])[] = [
  ['Ctrl-C', '', 'SIGINT'],
  ['SIGTERM', '', 'SIGTERM'],
  [
    'an error that nobody catches',
    `setTimeout(() => { throw new Error('on purpose') }, 50)`,
    undefined,
  ],
  ['process.exit()', `setTimeout(() => process.exit(3), 50)`, undefined],
];
for (const [name, action, signal] of endings) {
  test(`${name} leaves no namespace, process or file`, async () => {
    const id = await hotelOfChild(action, signal);
    assert.deepEqual(await namespacesOf(id), []);
    assert.equal(existsSync(folderOf(id)), false);
    assert.deepEqual(await processesWith(id), []);
  });
}

test('what a killed run left is removed by the next one, and nothing else', async () => {
  const id = await hotelOfChild('', 'SIGKILL');
  assert.equal((await namespacesOf(id)).length, 2);
  const foreign = join(folderOf(hotel.id), 'marker');
  await writeFile(foreign, '');
  await (await openHotel()).close();
  assert.deepEqual(await namespacesOf(id), []);
  assert.equal(existsSync(folderOf(id)), false);
  assert.deepEqual(await processesWith(id), []);
  assert.ok(existsSync(foreign));
  assert.deepEqual(await closed(), []);
});

/** Opens a hotel in a process of its own, ends that, and tells the hotel's id. */
async function hotelOfChild(action: string, signal: NodeJS.Signals | undefined): Promise<string> {
  const program = `import { openHotel } from ${MODULE};
    const hotel = await openHotel();
    console.log(hotel.id);
    setInterval(() => {}, 1_000);
    ${action}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    timeout: CHILD_MS_MAX,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const id = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('exit', () => reject(new Error(said)));
  });
  const ended = once(child, 'exit');
  if (signal !== undefined) child.kill(signal);
  await ended;
  return id;
}

/** Command lines of the processes that name a hotel. */
async function processesWith(id: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(id));
}
