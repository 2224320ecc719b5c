// The whole station but for the reader, in a real browser by keyboard alone: a ledger with an order, a real flasher
// onto a file, what lies on it then, the label through a command.
import assert from 'node:assert/strict';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { cardAt } from '../../../image/card/find.ts';
import type { Look } from '../../../image/card/find.ts';
import { CardLooks } from '../../../image/card/looks.ts';
import { createLedger, openLedger } from '../../../image/ledger/ledger.ts';
import { listOrders, listUnits } from '../../../image/ledger/units.ts';
import { runStationPage } from '../../../image/station/run.ts';
import { BROWSER_MS_MAX, launchBrowser } from '../../bench/chromium.ts';
import { CARD_BYTES, makeWorks } from '../card/factory.ts';
import type { Works } from '../card/factory.ts';
import { recordingProgress } from '../core/progress.fake.ts';

const by = { operator: 'anna', station: 'bench 1' };

let works: Works;
let browser: Browser;
before(async () => {
  works = await makeWorks();
  process.env['XDG_CACHE_HOME'] = join(works.folder, 'cache');
  browser = await launchBrowser();
});
after(async () => {
  await browser.close();
  await rm(works.folder, { recursive: true });
});

/** A reader with a card in it, or none. */
class Reader {
  readonly #file = join(works.folder, 'card');
  #isIn = false;

  async putIn(): Promise<void> {
    await using handle = await open(this.#file, 'w');
    await handle.truncate(CARD_BYTES);
    this.#isIn = true;
  }
  takeOut(): void {
    this.#isIn = false;
  }
  putBack(): void {
    this.#isIn = true;
  }
  async look(): Promise<readonly Look[]> {
    if (!this.#isIn) return [];
    const card = await cardAt(this.#file);
    const device = { path: card.device } as Look['device'];
    return [{ device, node: card.node, verdict: { ok: true, card } }];
  }
}

/** A station that runs, until it is stopped. */
async function start(reader: Reader, printed: string) {
  const file = join(works.folder, 'ledger.db');
  const signer = join(works.folder, 'signer.pem');
  await writeFile(signer, works.key.publicKeyPem);
  const ledger = createLedger(file, { recipient: undefined, by });
  ledger.make([{ count: 2, order: 'A-17', accounts: [], services: [] }], by);
  ledger.close();
  const stop = new AbortController();
  const lines: string[] = [];
  const looks = new CardLooks({ look: () => reader.look() });
  const running = runStationPage(
    {
      ...{ claim: undefined, endpoints: undefined, release: works.release, releases: '', signer },
      ...{ by, file, port: 0, labelCommand: `cat >${printed}`, labelFormat: 'pdf' },
    },
    {
      ...{ progress: recordingProgress(), signal: stop.signal },
      print: (text) => lines.push(text),
      look: (signal, busy) => looks.see(signal, busy),
    },
  );
  for (const endMs = performance.now() + BROWSER_MS_MAX; lines.length === 0; await sleep(50)) {
    if (performance.now() > endMs) throw new Error('no address');
    await Promise.race([running, sleep(0)]);
  }
  const end = (): Promise<number> => {
    stop.abort();
    return running;
  };
  return {
    file,
    address: /http\S+/.exec(lines[0]!)![0],
    end,
    [Symbol.dispose]: () => stop.abort(),
  };
}

async function writesACard(page: Page, reader: Reader): Promise<void> {
  await page.getByText('units cannot register').waitFor();
  await page.keyboard.type('A-17');
  await page.keyboard.press('Enter');
  await page.getByText('A-17: 2 of 2 left').first().waitFor();
  await reader.putIn();
  await page.getByRole('button', { name: 'Write 1' }).waitFor();
  await page.keyboard.press('1');
  await page.locator('.tile.done').waitFor();
  await page.getByText('A-17: 1 of 2 left').first().waitFor();
  await page.keyboard.press('l');
  await page.getByText('label printed').waitFor();
}

async function sparesAUnit(page: Page, reader: Reader): Promise<void> {
  reader.takeOut();
  await page.getByText('Put a card into a reader.').waitFor();
  await page.keyboard.press('a');
  await page.getByText('On: every empty card that is put in').waitFor();
  reader.putBack();
  await page.getByText('A finished unit.').waitFor();
  // Longer than the station takes to begin with a card that is put in.
  await page.waitForTimeout(2_500);
  assert.equal(await page.locator('.tile.ours').count(), 1);
  reader.takeOut();
  await page.getByText('Put a card into a reader.').waitFor();
  await reader.putIn();
  await page.locator('.tile.done').waitFor();
  await page.getByText('All 2 are made.').first().waitFor();
}

test('cards are written for an order, the label printed and noted; a finished unit is not written over by itself', async () => {
  const reader = new Reader();
  const printed = join(works.folder, 'printed.pdf');
  using station = await start(reader, printed);
  const context = await browser.newContext({ locale: 'en-GB' });
  context.setDefaultTimeout(BROWSER_MS_MAX);
  const page = await context.newPage();
  await page.goto(station.address);
  await writesACard(page, reader);
  assert.match((await readFile(printed)).subarray(0, 5).toString(), /%PDF-/);
  const href = await page.getByRole('link', { name: 'Label (PDF)' }).getAttribute('href');
  const label = await page.request.get(new URL(href!, station.address).href);
  assert.match((await label.body()).subarray(0, 5).toString(), /%PDF-/);
  await sparesAUnit(page, reader);
  await context.close();
  assert.equal(await station.end(), 0);
  const ledger = openLedger(station.file);
  assert.deepEqual(listOrders(ledger), [{ name: 'A-17', wanted: 2, done: 2 }]);
  const [first, second] = listUnits(ledger);
  assert.deepEqual([first?.state, first?.labelled], ['done', true]);
  assert.deepEqual([second?.state, second?.labelled], ['done', false]);
  ledger.close();
});
