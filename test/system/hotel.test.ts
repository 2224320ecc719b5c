// The image on an emulated board in a hotel's network: what the hotel sees of it, what its page tells an
// installer when the firewall is in the way, and that it answers nobody it should not.
import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { macAddress } from '../../image/emulator/boards.ts';
import { Machine } from '../../image/emulator/machine.ts';
import { launchBrowser } from '../bench/chromium.ts';
import { TROUBLES, endTrouble } from '../bench/expected.ts';
import { oddRequests } from '../bench/fuzz.ts';
import { openHotel } from '../bench/hotel/hotel.ts';
import type { HotelLease } from '../bench/hotel/leases.ts';
import { DOMAIN, linkLocalOf } from '../bench/hotel/places.ts';
import { idsIn, unpassed } from '../bench/status.ts';
import { makeUnitCard } from '../bench/unit-card.ts';
import { unitPage } from '../bench/unit-page.ts';
import type { UnitPage } from '../bench/unit-page.ts';

const HOME = dirname(dirname(import.meta.dirname));
/** What a person may want to look at afterwards. */
const ARTEFACTS = join(HOME, 'build/artefacts');
const BOARD_SERIAL = '00000000c10c0e01';
const HOST_NAME = /^clockrpi-[0-9a-f]{32}$/;
/** A first boot takes one to three minutes; a busy machine is five times slower. */
const BOOT_MS_MAX = 15 * 60_000;
/** After the lease the agent still has to start. */
const PAGE_MS_MAX = 5 * 60_000;
/** timesyncd asks within seconds of the lease, and waits half a minute after a failure. */
const TIME_MS_MAX = 3 * 60_000;
/** The page looks again by itself within 15 s to 4 min after a failure. */
const NOTICE_MS_MAX = 5 * 60_000;
const SEED = Number(process.env['CLOCK_TEST_SEED'] ?? 1);
/** CI sends 10,000 to the agent's own process (test/agent), and this sample to the booted unit. */
const FUZZ_REQUESTS = process.env['CLOCK_TEST_LONG'] === '1' ? 10_000 : 2_000;
/** Below the connections that the page lets one client have. */
const FUZZ_AT_ONCE = 24;
const FUZZ_MS_MAX = 20 * 60_000;
/** The page bounds the requests of one client; after these it is free again. */
const RATE_MS = 5_000;

const image = process.env['CLOCK_TEST_IMAGE'];
if (image === undefined) throw new Error('Run this by ./build.sh test: it needs CLOCK_TEST_IMAGE');

const hotel = await openHotel();
let machine: Machine | undefined;
let lease: HotelLease;
let page: UnitPage;

before(async () => {
  await mkdir(ARTEFACTS, { recursive: true });
  const card = await makeUnitCard(hotel, image);
  const work = join(hotel.folder, 'board');
  machine = await Machine.start({
    ...{ board: 'virt', card, boardSerial: BOARD_SERIAL, work, plug: hotel.plug },
  });
  lease = await unlessItEnds(hotel.leaseOf(HOST_NAME, BOOT_MS_MAX));
  page = unitPage(hotel, lease.address);
  await unlessItEnds(answers(page.url));
});

after(async () => {
  await machine?.kill();
  const log = join(hotel.folder, 'board/console.log');
  await copyFile(log, join(ARTEFACTS, 'hotel-console.log')).catch(() => {});
  await hotel.close();
});

/** The outcome, or the reason why the board stopped before. */
async function unlessItEnds<T>(outcome: Promise<T>): Promise<T> {
  const running = machine!;
  const stopped = running.waitFor(/clock: STOPPED/, BOOT_MS_MAX).catch(() => undefined);
  const end = Promise.race([stopped, running.ended]).then(() => {
    throw new Error(`The unit stopped:\n${running.console.slice(-30).join('\n')}`);
  });
  end.catch(() => {});
  return Promise.race([outcome, end]);
}

/** Waits for the page; resolves with it. */
async function answers(url: string): Promise<Response> {
  const until = performance.now() + PAGE_MS_MAX;
  for (;;) {
    const answer = await hotel.fetch(url).catch(() => undefined);
    if (answer?.ok === true) return answer;
    if (performance.now() > until) throw new Error(`${url} answers ${answer?.status ?? 'nothing'}`);
    await sleep(1_000);
  }
}

test("the hotel's DHCP server sees clockrpi-<serial> with the board's own hardware address", async () => {
  assert.match(lease.hostName ?? '', HOST_NAME);
  assert.equal(lease.mac, macAddress(BOARD_SERIAL));
  assert.match(lease.address, /^172\.17\.1\.\d+$/);
  assert.equal(`clockrpi-${(await page.status()).serial}`, lease.hostName);
});

test("the page answers at its address, and by its name in the hotel's domain", async () => {
  for (const host of [lease.address, `${lease.hostName}.${DOMAIN}`]) {
    // The agent learns the domain from the lease when a run of checks has ended: seconds later.
    const answer = await answers(`http://${host}/`);
    assert.match(await answer.text(), new RegExp(lease.hostName!));
  }
});

test('multicast DNS resolves clockrpi-<serial>.local', async () => {
  const name = `${lease.hostName}.local`;
  assert.equal(await hotel.resolveLocal(name), lease.address);
  const answer = await hotel.fetch(page.url, { headers: { Host: name } });
  assert.equal(answer.status, 200);
});

test('in an open network every check of network and cloud passes, and the clock is set', async () => {
  const until = performance.now() + TIME_MS_MAX;
  let status = await page.check();
  while (!idsIn(status, 'passed').includes('time') && performance.now() < until) {
    status = await page.check();
  }
  assert.deepEqual(unpassed(status), []);
  assert.deepEqual(idsIn(status, 'failed'), []);
  assert.ok(idsIn(status, 'passed').includes('time'));
});

for (const { name, begin, failed, notNeeded, remedy } of TROUBLES) {
  const outcome = failed === undefined ? `${notNeeded} is not needed` : `exactly ${failed} fails`;
  test(`when ${name}, ${outcome}`, async () => {
    await begin(hotel);
    try {
      const status = await page.check('de');
      assert.deepEqual(idsIn(status, 'failed'), failed === undefined ? [] : [failed]);
      assert.deepEqual(idsIn(status, 'not-needed'), notNeeded === undefined ? [] : [notNeeded]);
      if (remedy === undefined) return;
      const told = status.results.find(({ id }) => id === failed)?.remedy;
      assert.match(told?.text ?? '', remedy.de);
      assert.equal(told?.who, 'network');
    } finally {
      await endTrouble(hotel);
    }
  });
}

const FAILED = '#check-aws-8883.failed';
const LOOKS = [
  { language: 'de', locale: 'de-DE', word: 'Firewall' },
  { language: 'bg', locale: 'bg-BG', word: 'защитната стена' },
] as const;

test('a browser shows the failed check with its remedy in German and Bulgarian, and its end', async (t) => {
  await hotel.block('aws-8883');
  await page.check();
  const browser = await launchBrowser({ proxy: { server: hotel.proxy } });
  try {
    for (const { language, locale, word } of LOOKS) {
      await t.test(locale, async () => {
        const view = await browser.newPage({ locale, viewport: { width: 1_000, height: 900 } });
        const complaints: string[] = [];
        view.on('pageerror', (error) => complaints.push(error.message));
        view.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
        await view.goto(page.url);
        assert.equal(await view.getAttribute('html', 'lang'), language);
        await view.locator(FAILED).waitFor({ state: 'visible' });
        const told = await view.locator(`${FAILED} .remedy`).innerText();
        assert.match(told, /8883/);
        assert.ok(told.includes(word), told);
        const file = join(ARTEFACTS, `hotel-aws-8883-${language}.png`);
        await view.screenshot({ path: file, fullPage: true });
        assert.deepEqual(complaints, []);
      });
    }
    await t.test('it is gone from the open page soon after the port was opened', async () => {
      const view = await browser.newPage({ locale: 'de-DE' });
      await view.goto(page.url);
      await view.locator(FAILED).waitFor({ state: 'visible' });
      await hotel.unblock();
      const soon = { state: 'visible', timeout: NOTICE_MS_MAX } as const;
      await view.locator('#check-aws-8883.passed').waitFor(soon);
      await view.screenshot({ path: join(ARTEFACTS, 'hotel-open-de.png'), fullPage: true });
    });
  } finally {
    await browser.close();
    await endTrouble(hotel);
  }
});

test('of all TCP ports and the common UDP ports only the page answers, also by IPv6', async () => {
  for (const address of [lease.address, linkLocalOf(lease.mac)]) {
    const { tcp, udp, refused } = await hotel.scan(address);
    assert.deepEqual({ tcp, udp, refused }, { tcp: [80], udp: [], refused: 0 }, address);
  }
});

test(`${FUZZ_REQUESTS} malformed requests (seed ${SEED}) leave the page serving`, async (t) => {
  const requests = oddRequests(lease.address, { seed: SEED, count: FUZZ_REQUESTS });
  const until = performance.now() + FUZZ_MS_MAX;
  const answers = new Map<string, number>();
  const send = async (): Promise<void> => {
    for (const bytes of requests) {
      if (performance.now() > until) throw new Error(`more than ${FUZZ_MS_MAX} ms`);
      const line = await hotel.raw(lease.address, 80, bytes).catch(() => 'no connection');
      const kind = line.replace(/^HTTP\/1\.\d (\d+).*$/, '$1');
      answers.set(kind, (answers.get(kind) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: FUZZ_AT_ONCE }, send));
  t.diagnostic(`answers: ${JSON.stringify(Object.fromEntries(answers))}`);
  assert.equal(answers.get('500'), undefined);
  for (const kind of ['200', '400', '404', '405']) assert.ok(answers.has(kind), `none was ${kind}`);
  await sleep(RATE_MS);
  assert.equal((await hotel.fetch(page.url)).status, 200);
  assert.equal((await page.status()).serial, lease.hostName?.slice('clockrpi-'.length));
});
