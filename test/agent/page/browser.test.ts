// The page in a real browser, as an installer uses it: by name over plain HTTP, on a phone, with and
// without JavaScript, by keyboard. Chromium sees loopback only.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { LANGUAGES } from '../../../agent/page/texts/shape.ts';
import { launchBrowser } from '../../bench/chromium.ts';
import { LOOPBACK, SERIAL, startAgent } from '../running.ts';
import type { Running } from '../running.ts';

/** By name a browser treats the page as on the unit: not as trusted as loopback. */
const BY_NAME = '--host-resolver-rules=MAP * 127.0.0.1';
/** The narrowest phone in use. */
const PHONE = { width: 320, height: 640 };

let agent: Running;
let browser: Browser;
let base = '';

before(async () => {
  agent = await startAgent({ override: JSON.stringify({ ...LOOPBACK, region: 'other-1' }) });
  browser = await launchBrowser({ args: [BY_NAME] });
  base = `http://clockrpi-${SERIAL}.local:${agent.port}/`;
});
after(async () => {
  await browser.close();
  await agent.close();
});

/** Opens the page, hands it over, and fails on anything the browser complains of. */
async function onPage(
  options: BrowserContextOptions,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ viewport: PHONE, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(base);
  await use(page);
  assert.deepEqual(complaints, []);
  await context.close();
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with' : 'without';
  test(`${how} JavaScript the buttons and languages work, by the unit's name`, async () => {
    await onPage({ javaScriptEnabled, locale: 'de-DE' }, async (page) => {
      await page.locator('h1', { hasText: 'fehlgeschlagen' }).waitFor();
      await page.getByRole('button', { name: 'Licht blinken lassen' }).click();
      await page.getByText('Das Licht kann nicht blinken: hier läuft kein systemd').waitFor();
      await page.getByRole('link', { name: 'Français' }).click();
      await page.locator('html[lang=fr]').waitFor();
      const pressed = page.waitForResponse((one) => one.request().method() === 'POST');
      await page.getByRole('button', { name: /^Contrôler/ }).click();
      const answer = await pressed;
      assert.equal(answer.url(), `${base}check?lang=fr`);
      assert.equal(answer.status(), 303);
      await page.locator('html[lang=fr]').waitFor();
    });
  });
}

test('on the narrowest phone nothing is cut off, in any language, light or dark', async () => {
  for (const language of LANGUAGES) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await onPage({ locale: language, colorScheme }, async (page) => {
        await page.locator(`html[lang=${language}]`).waitFor();
        const excess = await page.evaluate<number>(
          'document.documentElement.scrollWidth - window.innerWidth',
        );
        assert.equal(excess, 0, language);
        const [ink, paper] = await page.evaluate<[string, string]>(
          '[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]',
        );
        const light = (color: string): number => Number(/\d+/.exec(color)?.[0]);
        assert.equal(light(ink) < light(paper), colorScheme === 'light');
      });
    }
  }
});

test('by keyboard everything is reached in order, and the place is kept over updates', async () => {
  await onPage({ locale: 'en' }, async (page) => {
    const reached: string[] = [];
    for (let i = 0; i < 7; i += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate<string>('document.activeElement.textContent'));
    }
    assert.deepEqual(reached, [
      'English',
      'Deutsch',
      'Български',
      'Français',
      'Check again',
      'Blink the light',
      'Download report',
    ]);
    const updated = page.waitForResponse((response) => response.url() === base);
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await updated;
    await page.waitForTimeout(200);
    const place = await page.evaluate<string>('document.activeElement.textContent');
    assert.equal(place, 'Download report');
  });
});

test('the report is downloaded under the unit’s name', async () => {
  await onPage({ locale: 'en' }, async (page) => {
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download report' }).click();
    assert.equal((await download).suggestedFilename(), `clock-${SERIAL}.txt`);
  });
});
