// The image on an emulated board, in the simulated hotel, with the double of AWS IoT behind its router:
// it provisions itself with the claim of its card, whatever its clock says, survives a power cut while
// it registers, and does it all again after a reflash with the same serial.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Machine } from '../../image/emulator/machine.ts';
import { TOKEN_BYTES, registrationOf, tokenText } from '../../image/ledger/registration.ts';
import { openSource } from '../../image/unit/read/source.ts';
import { recover } from '../../image/unit/recover/recover.ts';
import type { Recovery } from '../../image/unit/recover/recover.ts';
import { recoveryKeyText, recoveryPassphrase } from '../../image/unit/recovery-key.ts';
import type { Cloud } from '../bench/cloud/api.ts';
import { openCloud } from '../bench/cloud/cloud.ts';
import { openHotel } from '../bench/hotel/hotel.ts';
import type { Hotel } from '../bench/hotel/hotel.ts';
import { startFlow } from '../bench/flow.ts';
import type { Flow } from '../bench/flow.ts';
import type { Status } from '../bench/status.ts';
import { makeUnitCard } from '../bench/unit-card.ts';
import { unitPage } from '../bench/unit-page.ts';
import type { UnitPage } from '../bench/unit-page.ts';
import { recordingProgress } from '../image/core/progress.fake.ts';
import { IMAGE, LONG, seeded, untilOn } from './units.ts';

const ARTEFACTS = join(dirname(dirname(import.meta.dirname)), 'build/artefacts');
const SERIAL = randomBytes(16).toString('hex');
const THING = `clockrpi-${SERIAL}`;
const BOARD_SERIAL = '00000000c10c0e02';
const REGISTER = '$aws/provisioning-templates/+/provision/json';
const EVENTS = `clock/v1/${THING}/event/unit`;
/** A board without a clock chip begins here, whatever the year. */
const NO_CLOCK = '1970-01-01';
/** A first boot takes one to three minutes; a busy machine is five times slower. */
const BOOT_MS_MAX = 15 * 60_000;
/** From the page to the connection: seconds, and up to a minute after a refusal. */
const CLOUD_MS_MAX = 5 * 60_000;
/** timesyncd asks again within half a minute of silence, on each of its servers. */
const TIME_MS_MAX = 5 * 60_000;

/** An emulated board is some ten times slower than a Pi. */
const FLOW_PER_SECOND = 5;

let cloud: Cloud;
let hotel: Hotel;
let machine: Machine | undefined;

before(async () => {
  await mkdir(ARTEFACTS, { recursive: true });
  cloud = await openCloud();
  hotel = await openHotel({ cloud });
});

after(async () => {
  await machine?.kill();
  const log = join(hotel.folder, 'board/console.log');
  await copyFile(log, join(ARTEFACTS, 'cloud-console.log')).catch(() => {});
  await hotel.close();
  await cloud.close();
});

const ACCOUNT = {
  ...{ kind: 'pms', host: 'sky-eu1.clock-software.test', subscriptionId: 7, accountId: 42 },
  ...{ apiUser: 'clock-iot', apiKey: 'k-of-the-bench' },
};

/** Of the card in use. */
let recoveryKey = '';

/**
 * Writes a card as the factory would: serial and account the same each time, claim and keys new, and the ledger
 * announces it. `carried`: what was recovered from the card before.
 */
async function flash(carried?: Buffer): Promise<string> {
  const { certPem, keyPem } = cloud.makeClaim();
  const token = tokenText(randomBytes(TOKEN_BYTES));
  recoveryKey = recoveryKeyText(randomBytes(32));
  cloud.announce([{ serial: SERIAL, registration: registrationOf(token) }]);
  return makeUnitCard(hotel, IMAGE, {
    ...{ serial: `${SERIAL}\n`, 'claim.crt': certPem, 'claim.key': keyPem },
    ...{ 'registration.token': token, 'recovery.key': recoveryKey },
    'unit.json': JSON.stringify({ v: 1, accounts: [ACCOUNT] }),
    ...(carried === undefined ? {} : { 'carried.db.gz': carried }),
  });
}

/** Opens the card by its recovery key, as support does, and packs what waited on it. */
async function recoverQueue(): Promise<{ recovery: Recovery; packed: Buffer }> {
  const source = await openSource(card);
  try {
    const recovery = await recover({
      ...{ card: source, nowMs: Date.now(), progress: recordingProgress() },
      keysOf: async (serial) => {
        assert.equal(serial, SERIAL, 'the card says whose it is');
        return [recoveryPassphrase(Buffer.from(recoveryKey))!];
      },
      out: () => join(hotel.folder, 'recovered.db'),
    });
    return { recovery, packed: gzipSync(await readFile(recovery.file!)) };
  } finally {
    await source.close();
  }
}

async function powerOn(card: string): Promise<void> {
  const work = join(hotel.folder, 'board');
  machine = await Machine.start({
    ...{ board: 'virt', card, boardSerial: BOARD_SERIAL, work, plug: hotel.plug, clock: NO_CLOCK },
  });
}

const until = async (
  what: string,
  is: () => boolean | Promise<boolean>,
  ms = BOOT_MS_MAX,
): Promise<void> => untilOn(() => machine, { what, is, ms });

async function pageOf(): Promise<UnitPage> {
  const lease = await hotel.leaseOf(new RegExp(THING), BOOT_MS_MAX);
  const page = unitPage(hotel, lease.address);
  await until('the page', async () =>
    page.status().then(
      () => true,
      () => false,
    ),
  );
  return page;
}

/** Waits for the next report of a start. */
async function nextStart(): Promise<void> {
  for (;;) {
    const { payload } = await cloud.nextMessage(EVENTS, { withinMs: CLOUD_MS_MAX });
    if (payload.toString().includes('"kind":"unit.started"')) return;
  }
}

/** Every command of it has ended, and in one way. */
async function ended(flow: Flow): Promise<void> {
  flow.stop();
  await until('all commands end', () => flow.open().length === 0, CLOUD_MS_MAX);
  assert.deepEqual(flow.twice(), []);
}

const resultOf = (status: Status, id: string): Status['results'][number] =>
  status.results.find((one) => one.id === id)!;
const inUse = (): readonly string[] =>
  cloud
    .view()
    .certificates.filter(({ thing, status }) => thing === THING && status === 'ACTIVE')
    .map(({ certificateId }) => certificateId);
/** How often the cloud heard a message; its id stays the same. */
const timesTold = (id: string): number =>
  cloud
    .messages(`clock/v1/${THING}/#`)
    .filter(({ payload }) => payload.toString().includes(`"id":"${id}"`)).length;
const connected = (): string | undefined =>
  cloud.view().connections.find(({ clientId }) => clientId === THING)?.certificateId;

/** The date of a chip that a board without one does not have would be too late by the age of the image. */
const LEAD_MS_MAX = 5_000;

let card = '';
let page: UnitPage;
let firstPowerMs = 0;

test('without a clock and without time servers it registers; the plug is pulled before it hears so', async () => {
  await hotel.block('ntp');
  card = await flash();
  const lost = cloud.inject({ at: 'request', topic: REGISTER, do: 'lose-answer' });
  firstPowerMs = performance.now();
  await powerOn(card);
  await until('a registration', () => lost.hits > 0);
  await machine!.kill();
  lost.undo();
  assert.equal(connected(), undefined);
  assert.equal(inUse().length, 1);
});

test('the next start ends with the certificate of the first, connected, and reports both starts', async () => {
  await powerOn(card);
  await cloud.connected(THING, { withinMs: BOOT_MS_MAX });
  assert.deepEqual(inUse(), [connected()]);
  for (let start = 0; start < 2; start += 1) {
    await nextStart();
  }
});

test('its page says connected, that its clock is not set and whose the time servers are', async () => {
  page = await pageOf();
  const status = await page.check();
  assert.equal(resultOf(status, 'connection').state, 'passed');
  const [ntp, time] = [resultOf(status, 'ntp'), resultOf(status, 'time')];
  assert.equal(ntp.state, 'failed');
  assert.equal(ntp.remedy?.who, 'network');
  assert.notEqual(time.state, 'passed');
});

test('its clock began at the date of the software, not in 1970', async () => {
  const { release } = (await page.status()) as Status & { release: { builtAt: string } };
  const answer = await hotel.fetch(page.url);
  const nowMs = Date.parse(answer.headers.get('date') ?? '');
  const sinceBuiltMs = nowMs - Date.parse(release.builtAt);
  const mostMs = performance.now() - firstPowerMs + LEAD_MS_MAX;
  const told = `${answer.headers.get('date')}, built ${release.builtAt}`;
  assert.ok(sinceBuiltMs >= 0 && sinceBuiltMs <= mostMs, told);
});

test('when the time servers answer, its clock is set', async () => {
  await hotel.unblock('ntp');
  await until(
    'the time check',
    async () => resultOf(await page.check(), 'time').state === 'passed',
    TIME_MS_MAX,
  );
});

test('it works for the account of its card, whose key is nowhere to be seen', async () => {
  const { accounts } = ((await page.status()) as Status & { pairing: { accounts: object[] } })
    .pairing;
  assert.equal(accounts.length, 1);
  assert.match(JSON.stringify(accounts), /"accountId":42/);
  const log = machine!.console.join('\n') + (await hotel.fetch(page.url).then((one) => one.text()));
  assert.doesNotMatch(log, /k-of-the-bench/);
});

test('restarted by a job, it is back by itself; the job succeeds in the new start, no command is lost', async (t) => {
  const flow = startFlow(cloud, THING, FLOW_PER_SECOND);
  const jobs = cloud.jobs(THING);
  jobs.create({ jobId: 'restart', document: { operation: 'restart-unit' } });
  const execution = () => jobs.list().find(({ jobId }) => jobId === 'restart');
  await until('the job', () => !/QUEUED|IN_PROGRESS/.test(execution()?.status ?? ''));
  assert.equal(execution()?.status, 'SUCCEEDED', JSON.stringify(execution()?.statusDetails));
  await nextStart();
  await ended(flow);
  t.diagnostic(`${flow.sent} commands`);
});

if (LONG) {
  test('its plug pulled ten times while commands flow: each ends once', async (t) => {
    const random = seeded('cloud-kills');
    let commands = 0;
    for (let round = 0; round < 10; round += 1) {
      const flow = startFlow(cloud, THING, FLOW_PER_SECOND);
      await sleep(2_000 + random() * 10_000);
      await machine!.kill();
      flow.stop();
      await powerOn(card);
      await cloud.connected(THING, { withinMs: BOOT_MS_MAX });
      await ended(flow);
      commands += flow.sent;
    }
    t.diagnostic(`${commands} commands over ten cuts`);
  });
}

test('reflashed with the same serial it provisions anew, tells what waited, and its old certificate is retired', async (t) => {
  // The next command is heard, and its result is never acknowledged: it waits on the card.
  const deaf = cloud.inject({ at: 'send', packet: 'puback', do: 'swallow', clientId: THING });
  const flow = startFlow(cloud, THING, FLOW_PER_SECOND);
  await until('something waits', () => deaf.hits > 0, CLOUD_MS_MAX);
  flow.stop();
  await machine!.kill();
  await cloud.connected(THING, { is: false, withinMs: CLOUD_MS_MAX });
  deaf.undo();
  const { recovery, packed } = await recoverQueue();
  assert.deepEqual([recovery.lost, recovery.badBlocks], [[], []]);
  const waited = recovery.queue!.waiting.reduce((sum, { count }) => sum + count, 0);
  assert.ok(waited > 0, 'something waited');
  assert.deepEqual(recovery.queue!.accounts, ['pms']);
  const db = new DatabaseSync(recovery.file!, { readOnly: true });
  const one = String(db.prepare('SELECT id FROM waiting').get()!['id']);
  db.close();
  const before = timesTold(one);
  const [old] = inUse();
  card = await flash(packed);
  const began = performance.now();
  await powerOn(card);
  await cloud.connected(THING, { withinMs: BOOT_MS_MAX });
  const seconds = (performance.now() - began) / 1_000;
  t.diagnostic(`from power-on to connected, first start: ${seconds.toFixed(0)} s`);
  assert.notEqual(connected(), old);
  assert.deepEqual(inUse(), [connected()]);
  const retired = cloud.view().certificates.find(({ certificateId }) => certificateId === old);
  assert.equal(retired?.status, 'INACTIVE');
  await until('the new card tells what waited', () => timesTold(one) > before, CLOUD_MS_MAX);
  await ended(flow);
  t.diagnostic(`${waited} messages waited on the old card`);
});
