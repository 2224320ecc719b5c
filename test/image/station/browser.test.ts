// The station in a real browser, by keyboard alone, as somebody uses it who does not like terminals.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { openStation } from '../../../image/station/page.ts';
import type { OpenStation } from '../../../image/station/page.ts';
import { Station } from '../../../image/station/station.ts';
import { BROWSER_MS_MAX, launchBrowser } from '../../bench/chromium.ts';
import { NeedsDouble, SERIAL, labelPdf } from './needs.ts';

let browser: Browser;
let needs: NeedsDouble;
let station: Station;
let open: OpenStation;
const faults: unknown[] = [];

before(async () => {
  browser = await launchBrowser();
  needs = new NeedsDouble();
  station = new Station(needs);
  open = await openStation({ station, labelPdf, port: 0, onError: (error) => faults.push(error) });
});
after(async () => {
  await browser.close();
  await open[Symbol.asyncDispose]();
  assert.deepEqual(faults, []);
});

/** A new browser on the station, which must not complain of anything. */
async function onPage(use: (page: Page) => Promise<void>, javaScriptEnabled = true): Promise<void> {
  const context = await browser.newContext({ locale: 'de-DE', javaScriptEnabled });
  context.setDefaultTimeout(BROWSER_MS_MAX);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(open.address);
  assert.equal(new URL(page.url()).search, '', 'the token does not stay in the address');
  await use(page);
  await context.close();
  assert.deepEqual(complaints, []);
}

test('an order is scanned, cards are written, one is bad, a label is printed: without a mouse', async () => {
  await onPage(async (page) => {
    await page.getByText('Eine Karte in einen Leser stecken.').waitFor();
    // A scanner types and presses Enter; the field has the keyboard from the start.
    await page.keyboard.type('A-17');
    await page.keyboard.press('Enter');
    await page.getByText('A-17: noch 200 von 200').first().waitFor();
    needs.insert('/dev/sdb');
    needs.insert('/dev/sdc');
    await page.getByRole('button', { name: 'Schreiben 1' }).waitFor();
    await page.keyboard.press('1');
    await page.locator('.tile.writing').waitFor();
    assert.deepEqual(needs.written, [{ device: '/dev/sdb', order: 'A-17' }]);
    needs.show('/dev/sdb', { phase: 'reading', done: 0.42, bytesPerSecond: 38e6, secondsLeft: 95 });
    await page.getByText('42 %, 38 MB/s, noch 1:35').waitFor();
    const bar = page.getByRole('progressbar', { name: 'Zurücklesen /dev/sdb' });
    assert.equal(await bar.getAttribute('value'), '0.420');
    needs.show('/dev/sdb', { phase: 'done', serial: SERIAL });
    needs.units.push({ serial: SERIAL, labelled: false });
    await page.keyboard.press('2');
    await page.locator('.tile.writing').waitFor();
    needs.show('/dev/sdc', {
      phase: 'bad',
      reason: { code: 'lies', text: 'The card has 4 GB, not 32', hint: 'Throw it away' },
    });
    await page.getByText('Was zu tun ist: Throw it away').waitFor();
    assert.equal(await page.locator('.tile.done').count(), 1);
    const heard = page.getByRole('status');
    assert.match((await heard.textContent())!, /\/dev\/sdb: Fertig\. .*\/dev\/sdc: Fehlerhaft/);
    await page.keyboard.press('l');
    await page.waitForFunction(() => true);
    for (let i = 0; i < 200 && needs.printed.length === 0; i += 1) await page.waitForTimeout(50);
    assert.deepEqual(needs.printed, [SERIAL]);
  });
});

test('what is typed stays while the page is renewed, and keys press no button meanwhile', async () => {
  needs.slots.length = 0;
  needs.written.length = 0;
  station.choose('');
  await onPage(async (page) => {
    await page.locator('input[name=order]').focus();
    await page.keyboard.type('A-1');
    needs.insert('/dev/sdd');
    await page.getByRole('button', { name: 'Schreiben 1' }).waitFor();
    await page.keyboard.type('71');
    assert.equal(await page.locator('input[name=order]').inputValue(), 'A-171');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    assert.match((await page.getByRole('alert').textContent())!, /keinen Auftrag „A-171“/);
    assert.deepEqual(needs.written, []);
  });
});

test('a scanner may type an order wherever the focus is: its letters press no button', async () => {
  await onPage(async (page) => {
    needs.insert('/dev/sdw');
    needs.order.push({ name: 'A-1', wanted: 3, done: 0 });
    await page.getByRole('button', { name: /^A-1 / }).waitFor();
    const before = needs.written.length;
    // By the page's own clock, which a busy machine delays as much as its patience: at once, then by a quick hand.
    for (const everyMs of [0, 150]) {
      station.choose('');
      await page.getByText('Kein Auftrag gewählt').waitFor();
      await page.evaluate(`document.activeElement?.blur();
        for (const [index, key] of ['A', '-', '1', 'Enter'].entries()) {
          const options = { key, bubbles: true, cancelable: true };
          const press = () => document.body.dispatchEvent(new KeyboardEvent('keydown', options));
          if (${everyMs} === 0) press();
          else setTimeout(press, index * ${everyMs});
        }`);
      await page.getByText('A-1: noch 3 von 3').first().waitFor();
    }
    assert.equal(await page.locator('input[name=order]').inputValue(), '');
    assert.equal(station.model().automatic, false);
    assert.equal(needs.written.length, before);
    needs.takeOut('/dev/sdw');
  });
});

test('a finished unit is written by a tick and its button, by no key; a mistyped order is typed on', async () => {
  needs.slots.length = 0;
  needs.written.length = 0;
  needs.insert('/dev/sdu', 'ours');
  await onPage(async (page) => {
    await page.getByText('Ein fertiges Gerät.').waitFor();
    await page.keyboard.press('s');
    await page.keyboard.type('A-99');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.locator('input[name=order]:focus').waitFor();
    await page.keyboard.type('1');
    await page.keyboard.press('Escape');
    await page.keyboard.press('1');
    await page.getByRole('button', { name: 'Schreiben', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.waitForTimeout(1_000);
    assert.deepEqual(needs.written, [], 'the browser asks for the tick');
    await page.getByRole('checkbox', { name: 'Sie darf gelöscht werden.' }).focus();
    await page.keyboard.press(' ');
    await page.waitForTimeout(1_500);
    assert.ok(await page.getByRole('checkbox').isChecked(), 'the page was renewed meanwhile');
    await page.getByRole('button', { name: 'Schreiben', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.tile.writing').waitFor();
    assert.deepEqual(needs.written, [{ device: '/dev/sdu', order: station.model().chosen?.name }]);
  });
});

test('without JavaScript buttons, orders and languages work by Tab and Enter', async () => {
  needs.slots.length = 0;
  needs.insert('/dev/sde');
  await onPage(async (page) => {
    await page.getByRole('link', { name: 'Български' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('html[lang=bg]').waitFor();
    await page.getByRole('button', { name: /^Hotel Бор & Söhne/ }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('остават 2 от 3').first().waitFor();
    await page.getByRole('button', { name: 'Запис 1', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.tile.writing').waitFor();
    assert.deepEqual(needs.written.at(-1), { device: '/dev/sde', order: 'Hotel Бор & Söhne' });
  }, false);
});

test('a station that is gone is said to be gone', async () => {
  const own = await openStation({ station, labelPdf, port: 0, onError: () => {} });
  const context = await browser.newContext({ locale: 'fr-FR' });
  context.setDefaultTimeout(BROWSER_MS_MAX);
  const page = await context.newPage();
  await page.goto(own.address);
  await own[Symbol.asyncDispose]();
  await page.locator('body[data-lost]').waitFor();
  await context.close();
});
