// Cards as the factory flashes them for an order, one of them on the emulated board in a hotel: it starts as the unit
// of its order, nothing of its record stays in the clear, and support's steps lead to another card that goes on where
// it was. Two starts and what is done in between take seven minutes.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { playPbx } from '../../agent/interfaces/calls/counterpart.ts';
import type { Pbx } from '../../agent/interfaces/calls/counterpart.ts';
import { calls } from '../../agent/interfaces/calls/run.ts';
import { localTime } from '../../agent/interfaces/calls/time.ts';
import { systemClock } from '../../agent/io/clock.ts';
import { Machine } from '../../image/emulator/machine.ts';
import { accountOf } from '../agent/pms/world.ts';
import type { Cloud } from '../bench/cloud/api.ts';
import { openCloud } from '../bench/cloud/cloud.ts';
import type { Account } from '../bench/cloud/owner.ts';
import { startFlow } from '../bench/flow.ts';
import { openHotel } from '../bench/hotel/hotel.ts';
import type { Hotel } from '../bench/hotel/hotel.ts';
import { HOSTS, LAN } from '../bench/hotel/places.ts';
import type { Pms } from '../bench/pms/api.ts';
import { openPms } from '../bench/pms/pms.ts';
import type { Status } from '../bench/status.ts';
import { behind } from '../bench/systems/behind.ts';
import { unitPage } from '../bench/unit-page.ts';
import { inTheClear, inTheSystem, recordOn, stateFiles, systemNames } from './card-look.ts';
import { Factory } from './factory.ts';
import { boardKeys, seeded, transportKey, untilOn, volumeKey } from './units.ts';

const ARTEFACTS = join(dirname(dirname(import.meta.dirname)), 'build/artefacts');
const ORDER = 'A-17';
/** Written at once; one of them is put into a board. */
const CARDS = 4;
const BOARDS = { first: '00000000c10c0f01', second: '00000000c10c0f02' } as const;
/** A board without a clock chip begins here, whatever the year. */
const NO_CLOCK = '1970-01-01';
/** A first boot takes one to three minutes; a busy machine is five times slower. */
const BOOT_MS_MAX = 15 * 60_000;
/** From the page to what the unit does by itself: seconds, ten times that on an emulated board. */
const WORK_MS_MAX = 5 * 60_000;

/** An emulated board is some ten times slower than a Pi. */
const FLOW_PER_SECOND = 5;

const EXCHANGE = { name: 'exchange', address: '172.17.0.13', port: 2_301 } as const;
const LAYOUT = { kind: 'hobic', framing: 'hx', answer: true } as const;
const lineTo = (host: string, port: number): object => ({ kind: 'tcp-client', host, port });
const SERVICES = {
  exchange: {
    interface: 'calls',
    settings: { line: lineTo(EXCHANGE.address, EXCHANGE.port), layout: LAYOUT },
  },
  hand: {
    interface: 'bytes',
    settings: { line: { kind: 'tcp-server', port: 6_001, from: [LAN.router] } },
  },
};

/** What of `/api/status` is looked at here. */
type Told = Pick<Status, 'serial'> & {
  readonly pairing: { readonly accounts: readonly { readonly accountId: number }[] };
  readonly services: readonly {
    readonly id: string;
    readonly process: string;
    readonly talk: { readonly at: string };
  }[];
};

let cloud: Cloud;
let pms: Pms;
let exchange: Pbx;
let hotel: Hotel;
let factory: Factory;
let machine: Machine | undefined;
const opened = new AsyncDisposableStack();

let account: Account;
let claimKeyPem = '';
let serial = '';
let thing = '';
let card = '';
/** What only the factory may know of this card, and where the record had it. */
let secrets: Readonly<Record<string, Buffer>> = {};
let transport: Buffer;
let recoveryKey: Buffer;
let firstCertificate = '';
let newCard = '';
/** Ids of what the first card had not told. */
let waiting: readonly string[] = [];
let open = 0;

async function openAll(): Promise<void> {
  await mkdir(ARTEFACTS, { recursive: true });
  cloud = opened.use(await openCloud());
  const { rootsPem } = cloud;
  pms = opened.use(await openPms({ hosts: [HOSTS.clock.name], publicPort: 443, rootsPem }));
  pms.hotel.addRoom({ name: '701', internal_lines: ['701'] });
  pms.hotel.addBooking({ room: '701', status: 'checked_in' });
  const settings = calls.parse(SERVICES.exchange.settings);
  if (!settings.ok) throw new Error('The settings of the exchange are wrong');
  exchange = playPbx(settings.settings, { clock: systemClock, random: Math.random }, {});
  const line = opened.use(await behind(exchange, { at: 'tcp-server' }));
  const systems = [{ ...EXCHANGE, loopbackPort: line.port }];
  hotel = opened.use(await openHotel({ cloud, pms, systems }));
  const claim = cloud.makeClaim();
  claimKeyPem = claim.keyPem;
  factory = opened.use(await Factory.open({ claim, endpoints: hotel.endpointsOverride() }));
}

async function closeAll(): Promise<void> {
  await machine?.kill();
  for (const name of ['first', 'second']) await keepConsole(name);
  await opened.disposeAsync();
}

async function powerOn(file: string, boardSerial: string, name: string): Promise<void> {
  const work = join(hotel.folder, name);
  machine = await Machine.start({
    ...{ board: 'virt', card: file, boardSerial, work, plug: hotel.plug, clock: NO_CLOCK },
  });
}

async function pullPlug(name: string): Promise<void> {
  await machine!.kill();
  // It would learn of it by the keep-alive, a minute later.
  cloud.disconnect(thing);
  await cloud.connected(thing, { is: false, withinMs: WORK_MS_MAX });
  await keepConsole(name);
}

async function keepConsole(name: string): Promise<void> {
  const log = join(hotel.folder, name, 'console.log');
  await copyFile(log, join(ARTEFACTS, `flash-${name}-console.log`)).catch(() => {});
}

const until = async (
  what: string,
  is: () => boolean | Promise<boolean>,
  ms = WORK_MS_MAX,
): Promise<void> => untilOn(() => machine, { what, is, ms });

async function status(): Promise<Told> {
  const { address } = await hotel.leaseOf(new RegExp(thing), BOOT_MS_MAX);
  return (await unitPage(hotel, address).status()) as unknown as Told;
}

/** The first status of which this holds. */
async function told(what: string, holds: (status: Told) => boolean): Promise<Told> {
  let last: Told | undefined;
  await until(what, async () => {
    last = await status().catch(() => undefined);
    return last !== undefined && holds(last);
  });
  return last!;
}

const certificates = () => cloud.view().certificates.filter((one) => one.thing === thing);
const timesTold = (id: string): number =>
  cloud
    .messages(`clock/v1/${thing}/#`)
    .filter(({ payload }) => payload.toString().includes(`"id":"${id}"`)).length;
const worksFor = ({ pairing, services }: Told): boolean =>
  pairing.accounts.some(({ accountId }) => accountId === account.accountId) &&
  services.length === Object.keys(SERVICES).length &&
  services.every((one) => one.process === 'running') &&
  services.some(({ id, talk }) => id === 'exchange' && talk.at === 'up');

/** A guest has telephoned, another minute each time. */
function telephone(minute: number): void {
  exchange.play({
    ...{ at: localTime(Date.now() - minute * 60_000), extension: '701', seconds: 90 },
    ...{ dialled: '0049891234567', line: '1', price: `1.0${minute}`, impulses: 0 },
    direction: 'outgoing',
  });
}
const posted = (): readonly number[] =>
  pms.hotel.phone().calls.map(({ given }) => Number(given['price']));

async function flashed(): Promise<void> {
  account = accountOf(pms.account('pms'));
  const serials = await factory.order(ORDER, { count: CARDS, account, services: SERVICES });
  const cards = await factory.flash(ORDER, CARDS);
  const records = await Promise.all(cards.map(recordOn));
  const on = (name: string): readonly string[] =>
    records.map((one) => one[name]!.toString().trim());
  assert.deepEqual(on('serial').toSorted(), serials.toSorted());
  assert.equal(new Set(on('recovery.key')).size, CARDS);
  // Any of them starts: chance says which.
  const one = Math.floor(seeded('flash')() * CARDS);
  [card, serial] = [cards[one]!, on('serial')[one]!];
  const record = records[one]!;
  thing = `clockrpi-${serial}`;
  transport = await transportKey(card);
  recoveryKey = Buffer.from(record['recovery.key']!.toString().trim());
  const { d } = createPrivateKey(claimKeyPem).export({ format: 'jwk' });
  secrets = {
    'the API key': Buffer.from(account.apiKey),
    'the claim’s key': Buffer.from(claimKeyPem.split('\n')[1]!),
    'the claim’s key, raw': Buffer.from(d!, 'base64url'),
    'the recovery key': recoveryKey,
    'the registration token': Buffer.from(record['registration.token']!.toString().trim()),
    'the account': Buffer.from('"accounts":['),
  };
  // So that not finding them later means something.
  const here = Object.keys(secrets).filter((name) => !name.endsWith('raw'));
  const looked = await inTheSystem(card, { keys: [transport], bytes: secrets });
  assert.deepEqual(looked, here.toSorted());
  const all = { ...secrets, 'the transport key': transport };
  assert.deepEqual(await inTheClear(card, all), ['the transport key']);
}

async function starts(t: { diagnostic(text: string): void }): Promise<void> {
  cloud.announce(await factory.announced());
  const began = performance.now();
  await powerOn(card, BOARDS.first, 'first');
  await cloud.connected(thing, { withinMs: BOOT_MS_MAX });
  const connectedMs = performance.now() - began;
  const now = await told('the account and the services of the order', worksFor);
  t.diagnostic(`connected after ${Math.round(connectedMs / 1_000)} s`);
  assert.equal(now.serial, serial);
  assert.equal(now.pairing.accounts.length, 1);
  assert.doesNotMatch(JSON.stringify(now), new RegExp(account.apiKey));
  assert.equal(certificates().length, 1);
  firstCertificate = certificates()[0]!.certificateId;
  telephone(1);
  await until('a call is at Clock', () => posted().length === 1);
}

async function cutOff(): Promise<void> {
  await hotel.block('clock-443', 'reject');
  const deaf = cloud.inject({ at: 'send', packet: 'puback', do: 'swallow', clientId: thing });
  // The next result is heard, and never acknowledged.
  const flow = startFlow(cloud, thing, FLOW_PER_SECOND);
  telephone(2);
  telephone(3);
  await until('the unit took both calls', () => exchange.waiting === 0);
  await until('something waits', () => deaf.hits > 0);
  flow.stop();
  await pullPlug('first');
  deaf.undo();
  const keys = boardKeys(BOARDS.first);
  const all = { ...secrets, 'the transport key': transport };
  assert.deepEqual(await inTheClear(card, all), []);
  assert.deepEqual(await inTheSystem(card, { keys, bytes: all }), []);
  const names = await systemNames(card, keys);
  assert.ok(!names.some((name) => name.startsWith('unit')), names.join(' '));
  await assert.rejects(transportKey(card), /clock\.key/);
  for (const number of [2, 3]) {
    assert.equal(await volumeKey(card, number, [transport]), undefined);
    assert.notEqual(await volumeKey(card, number, [recoveryKey]), undefined);
  }
  const left = Object.keys(await stateFiles(card, keys));
  assert.ok(left.includes('serial'), left.join(' '));
  const used = /claim|token|recovery|unit\.json|carried/;
  assert.deepEqual(
    left.filter((name) => used.test(name)),
    [],
  );
}

async function supportsSteps(t: { diagnostic(text: string): void }): Promise<void> {
  assert.match(await factory.build(['unit', 'show', serial.slice(0, 6)]), new RegExp(serial));
  assert.match(await factory.build(['inspect', card]), new RegExp(serial));
  const { file, said } = await factory.recover(card, 'queue.db');
  assert.match(said, /Pairing: pms[^]*Nothing is lost/);
  open = Number(/outcome is not known \((\d+)\)/.exec(said)?.[1] ?? 0);
  const begun = Number(/(\d+) {2}that were begun/.exec(said)![1]);
  const stored = Number(/(\d+) {2}charges and calls that are not posted/.exec(said)![1]);
  assert.equal(open + begun + stored, 2, said);
  open += begun;
  const db = new DatabaseSync(file, { readOnly: true });
  waiting = db
    .prepare('SELECT id FROM waiting')
    .all()
    .map(({ id }) => String(id));
  db.close();
  assert.ok(waiting.length > 0, 'something waits');
  t.diagnostic(`${waiting.length} messages and ${stored} calls waited, ${begun} were begun`);
  newCard = await factory.reflash(serial, 'queue.db');
  cloud.announce(await factory.announced());
}

async function goesOn(t: { diagnostic(text: string): void }): Promise<void> {
  await hotel.unblock('clock-443');
  const before = new Map(waiting.map((id) => [id, timesTold(id)]));
  const began = performance.now();
  await powerOn(newCard, BOARDS.second, 'second');
  await cloud.connected(thing, { withinMs: BOOT_MS_MAX });
  t.diagnostic(`connected after ${Math.round((performance.now() - began) / 1_000)} s`);
  const now = await told('the account and the services again', worksFor);
  assert.equal(now.serial, serial);
  await until('all that waited is told', () =>
    waiting.every((id) => timesTold(id) === before.get(id)! + 1),
  );
  await until('the calls are at Clock', () => posted().length === 3 - open);
  telephone(4);
  await until('a call of the new card is at Clock', () => posted().includes(1.04));
  assert.equal(new Set(posted()).size, posted().length, 'none twice');
  assert.equal(posted().length, 4 - open);
  const states = new Map(certificates().map((one) => [one.certificateId, one.status]));
  assert.deepEqual([...states.values()].toSorted(), ['ACTIVE', 'INACTIVE']);
  assert.equal(states.get(firstCertificate), 'INACTIVE');
  await pullPlug('second');
  assert.deepEqual(
    waiting.filter((id) => timesTold(id) !== before.get(id)! + 1),
    [],
    'told once more, under the same ids',
  );
}

before(openAll);
after(closeAll);
test(
  'a card flashed for an order holds its record under the transport key, and nothing of it in the clear',
  flashed,
);
test(
  'its first start ends connected under the ledger’s serial, with the order’s account and services',
  starts,
);
test(
  'nothing of record, claim, transport and recovery key can be read off the card afterwards',
  cutOff,
);
test('recover and reflash make another card of it', supportsSteps);
test(
  'on another board that card goes on: the same ids once, each call once, the old certificate void',
  goesOn,
);
