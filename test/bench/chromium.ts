// The real browser of all tests that look at a page.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, LaunchOptions } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
/** It asks nobody but the page. */
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
/** A busy machine's browser takes its time. */
export const BROWSER_MS_MAX = 60_000;

export async function launchBrowser({
  args = [],
  ...options
}: LaunchOptions = {}): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error('No browser. Run: apt-get install chromium');
  return chromium.launch({ ...options, executablePath: CHROMIUM, args: [...FLAGS, ...args] });
}
