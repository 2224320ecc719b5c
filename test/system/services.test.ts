// Services on the booted image: the real agent, root's helper, systemd and firewall around the real bridge, and
// around a program that tries from inside its sandbox whatever its settings do not name.
import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Machine } from '../../image/emulator/machine.ts';
import { openHotel } from '../bench/hotel/hotel.ts';
import { BRIDGE, LAN } from '../bench/hotel/places.ts';
import { makeUnitCard } from '../bench/unit-card.ts';
import { unitPage } from '../bench/unit-page.ts';
import { Cable, deviceOf } from './adapter.ts';
import { Guest, THROUGH_DOOR, openDoor } from './guest.ts';
import { IMAGE } from './units.ts';

const ARTEFACTS = join(dirname(dirname(import.meta.dirname)), 'build/artefacts');
const BOARD_SERIAL = '00000000c10c0e02';
const BOOT_MS_MAX = 15 * 60_000;
/** A second address of the router: a peer that no settings name. */
const STRANGER = '172.17.0.9';

/** What the cloud's shadow would say. `hand` and `wire` are the real interface, the others run guest.ts's probe. */
const DESIRED = {
  services: {
    hand: {
      interface: 'bytes',
      settings: { line: { kind: 'tcp-server', port: 6_001, from: [LAN.router] } },
    },
    probe: {
      interface: 'bytes',
      settings: { line: { kind: 'tcp-client', host: LAN.router, port: 9_000 } },
    },
    eater: {
      interface: 'bytes',
      settings: { line: { kind: 'serial', device: '/dev/ttyUSB7' } },
    },
    wire: {
      interface: 'bytes',
      settings: { line: { kind: 'serial', device: deviceOf('wire') } },
    },
    ports: {
      interface: 'bytes',
      settings: { line: { kind: 'serial', device: deviceOf('ports') } },
    },
  },
};

interface Probed {
  readonly uid: number;
  readonly credentials: readonly string[];
  readonly others: string;
  readonly names: string;
  readonly processes: number;
  readonly reached: Readonly<Record<string, string>>;
  readonly listen: Readonly<Record<string, string>>;
  readonly reads: Readonly<Record<string, string>>;
  readonly opens: Readonly<Record<string, string>>;
  readonly writes: Readonly<Record<string, string>>;
}

const hotel = await openHotel();
const cables = ['wire', 'ports'].map(
  (number) => new Cable(number, join(hotel.folder, `rs232-${number}`)),
);
const [wire] = cables as [Cable, Cable];
const ending = new AbortController();
let machine: Machine | undefined;
let guest: Guest;

const root = async (script: string): Promise<string> => guest.root(script);
const property = async (unit: string, name: string): Promise<string> => guest.property(unit, name);
const until: Guest['until'] = async (what, look) => guest.until(what, look);

before(async () => {
  await mkdir(ARTEFACTS, { recursive: true });
  const card = await makeUnitCard(hotel, IMAGE);
  await openDoor(card);
  await hotel.exec(['ip', 'address', 'add', `${STRANGER}/16`, 'dev', BRIDGE]);
  const serve = 'for (const port of [9000, 9001]) require("net").createServer().listen(port)';
  void hotel.exec([process.execPath, '-e', serve], { signal: ending.signal }).catch(() => {});
  const work = join(hotel.folder, 'board');
  machine = await Machine.start({
    ...{ board: 'virt', card, boardSerial: BOARD_SERIAL, work, plug: hotel.plug },
    ...{ adapters: cables, addedToCommandLine: THROUGH_DOOR },
  });
  for (const cable of cables) await cable.plug();
  const stopped = machine.waitFor(/clock: STOPPED/, BOOT_MS_MAX).then((line) => {
    throw new Error(line);
  });
  stopped.catch(() => {});
  const lease = await Promise.race([hotel.leaseOf(/^clockrpi-/, BOOT_MS_MAX), stopped]);
  guest = new Guest(hotel, lease.address);
  await until('the agent', async () =>
    (await property('clock-agent', 'ActiveState')) === 'active' ? true : undefined,
  );
  const insert = `const { DatabaseSync } = require('node:sqlite');
    new DatabaseSync('/var/lib/clock/agent/outbox.db')
      .prepare('INSERT OR REPLACE INTO record VALUES (?, ?)')
      .run('services/desired', ${JSON.stringify(JSON.stringify(DESIRED))})`;
  const script = insert.replaceAll("'", `'\\''`);
  await root(`systemctl stop clock-agent.service
    runuser -u clock -- /usr/lib/clock/node -e '${script}'
    systemctl start --no-block clock-agent.service`);
});

after(async () => {
  ending.abort();
  await machine?.kill();
  const log = join(hotel.folder, 'board/console.log');
  await copyFile(log, join(ARTEFACTS, 'services-console.log')).catch(() => {});
  await hotel.close();
});

test('the agent has its services made and started, and the real one greets it', async () => {
  await until('service hand', async () => {
    const log = await root('journalctl --no-pager -o cat -u clock-service@hand.service');
    return (await property('clock-service@hand', 'ActiveState')) === 'active' && log !== ''
      ? true
      : undefined;
  });
});

test('what a service may listen on is reached from its allowlist alone', async () => {
  const from = async (address: string): Promise<string> => {
    const dial = `const s = require('net').connect({ host: '${guest.address}', port: 6001, localAddress: '${address}' });
      s.setTimeout(5000, () => { console.log('silence'); s.destroy(); });
      s.on('connect', () => { console.log('connected'); s.destroy(); });
      s.on('error', (error) => console.log(error.code));`;
    return (await hotel.exec([process.execPath, '-e', dial])).stdout.trim();
  };
  await until('the port', async () =>
    (await from(LAN.router)) === 'connected' ? true : undefined,
  );
  assert.equal(await from(STRANGER), 'silence');
});

test('from inside its sandbox a service reaches what its settings name, and nothing else', async () => {
  const said = await until('the probe', async () => {
    const log = await root('journalctl --no-pager -o cat -u clock-service@probe.service');
    return /^PROBE (.*)$/m.exec(log)?.[1];
  });
  const probed = JSON.parse(said) as Probed;
  const { reached, listen, reads, opens, writes } = probed;
  assert.ok(probed.uid >= 61_184 && probed.uid <= 65_519, `user ${probed.uid}`);
  const hand = await root(`stat -c %u /proc/${await property('clock-service@hand', 'MainPID')}`);
  assert.match(hand, /^\d+$/);
  assert.notEqual(Number(hand), probed.uid, 'each has a user of its own');
  assert.deepEqual(probed.credentials, ['settings.json', 'token']);
  assert.notEqual(probed.others, 'done');
  assert.notEqual(probed.names, 'done');
  // In its view of /proc: itself.
  assert.equal(probed.processes, 1);
  const named = ['agent', `${LAN.router}:9000`];
  for (const [target, came] of Object.entries(reached)) {
    if (named.includes(target)) assert.equal(came, 'done', target);
    // Not "connection refused": nothing may even have left.
    else
      assert.match(came, /^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EPERM|EACCES|ENOENT)$/, target);
  }
  for (const [port, came] of Object.entries(listen)) assert.match(came, /^E(PERM|ACCES)$/, port);
  for (const [path, came] of Object.entries({ ...reads, ...opens, ...writes })) {
    assert.match(came, /^E(ACCES|PERM|NOENT|ROFS|NXIO)$/, path);
  }
});

/** As its page tells it. */
async function wireIs(at: string): Promise<{ readonly bytesIn: number }> {
  return until(`wire ${at}`, async () => {
    const found = (await unitPage(hotel, guest.address).status()).services?.find(
      ({ id }) => id === 'wire',
    );
    return found?.talk.at === at ? { bytesIn: found.counters['bytes in'] ?? 0 } : undefined;
  });
}

test('of the serial ports a service opens its own, by the adapter’s stable name, and no other', async () => {
  const said = await until('the ports', async () => {
    const log = await root('journalctl --no-pager -o cat -u clock-service@ports.service');
    return /^PORTS (.*)$/m.exec(log)?.[1];
  });
  const opens = JSON.parse(said) as Readonly<Record<string, string>>;
  const own = (await root(`readlink -f ${deviceOf('ports')}`)).slice('/dev/'.length);
  // Of the adapters' group it is: what refuses is DeviceAllow=, and that says EPERM.
  const others = Object.entries(opens).filter(([name]) => name !== own);
  assert.equal(opens[own], 'done', said);
  assert.ok(others.some(([name]) => name.startsWith('ttyUSB')));
  for (const [name, came] of others) assert.equal(came, 'EPERM', name);
});

test('a service hears an adapter, and again by itself when it was pulled out and plugged in', async () => {
  const { bytesIn } = await wireIs('up');
  const pid = await property('clock-service@wire', 'MainPID');
  const hears = async (atLeast: number): Promise<void> => {
    await until('bytes', async () => ((await wireIs('up')).bytesIn >= atLeast ? true : undefined));
  };
  wire.send('\x02one\x03');
  await hears(bytesIn + 5);
  wire.unplug();
  await wireIs('down');
  await wire.plug();
  await wireIs('up');
  wire.send('\x02again\x03');
  await hears(bytesIn + 12);
  assert.equal(await property('clock-service@wire', 'MainPID'), pid);
});

test('a service that takes too much memory is ended, and the agent goes on', async () => {
  const agent = await property('clock-agent', 'MainPID');
  await until('the end of the eater', async () => {
    const log = await root(
      'journalctl --no-pager -o cat _SYSTEMD_UNIT=init.scope UNIT=clock-service@eater.service',
    );
    return /oom-kill/.test(log) ? true : undefined;
  });
  assert.equal(await property('clock-agent', 'MainPID'), agent);
  assert.equal(await property('clock-agent', 'NRestarts'), '0');
});

test('services go on while the agent starts anew', async () => {
  const pid = await property('clock-service@hand', 'MainPID');
  assert.notEqual(pid, '0');
  const agent = await property('clock-agent', 'MainPID');
  const made = async (): Promise<number> => {
    const log = await root('journalctl --no-pager -o cat -u clock-units.service');
    return log.match(/sandboxes, /g)?.length ?? 0;
  };
  const before = await made();
  await root('systemctl restart clock-agent.service');
  assert.notEqual(await property('clock-agent', 'MainPID'), agent);
  await until('the helper', async () => ((await made()) > before ? true : undefined));
  assert.equal(await property('clock-service@hand', 'MainPID'), pid);
});

test('the exposure of services is small by the image’s own measure', async () => {
  for (const id of ['hand', 'probe', 'eater', 'wire']) {
    const table = await root(`systemd-analyze security --no-pager clock-service@${id}.service`);
    const level = Number(/exposure level for .*: ([0-9.]+)/.exec(table)?.[1] ?? Number.NaN);
    assert.ok(level <= 1.5, `${id}: ${level}`);
  }
});

test('polkit lets the agent start and stop services and the helper, and nothing else', async () => {
  const asClock = async (words: string): Promise<number> =>
    Number(
      await root(
        `runuser -u clock -- systemctl --no-ask-password ${words} >/dev/null 2>&1; echo $?`,
      ),
    );
  const refused = [
    ...[
      'start clock-service@Bad.service',
      'start clock-service@a@b.service',
      'start rescue.target',
    ],
    ...['stop nftables.service', 'stop clock-units.service', 'restart systemd-resolved.service'],
    ...[
      'kill clock-service@probe.service',
      'daemon-reload',
      'reboot',
      'enable clock-units.service',
    ],
    'set-property clock-service@probe.service MemoryMax=1G',
  ];
  const done = await Promise.all(refused.map(asClock));
  assert.deepEqual(
    refused.filter((_words, at) => done[at] === 0),
    [],
  );
  for (const words of ['stop clock-service@eater.service', 'start clock-units.service']) {
    assert.equal(await asClock(words), 0, words);
  }
});

test('what a service had is closed when it is gone, and only that', async () => {
  const ask = `const fs = require('fs');
    const request = JSON.parse(fs.readFileSync('/run/clock-agent/units.json'));
    request.services = request.services.filter(({ id }) => id !== 'probe');
    fs.writeFileSync('/run/clock-agent/units.json', JSON.stringify({ ...request, request: 'by-test' }));`;
  await root(`runuser -u clock -- /usr/lib/clock/node -e '${ask.replaceAll("'", `'\\''`)}'
    systemctl start clock-units.service`);
  const rules = await root('nft list table inet clock');
  assert.doesNotMatch(rules, /service_probe|dport 9000/);
  assert.match(rules, /tcp dport 6001 socket cgroupv2 level 3 @service_hand accept/);
  assert.equal(await root('ls /run/clock-units/services'), 'eater\nhand\nports\nwire');
  await until('the end of probe', async () =>
    ['inactive', 'failed'].includes(await property('clock-service@probe', 'ActiveState'))
      ? true
      : undefined,
  );
});
