// A unit that is nothing but its packages and some services of the tests: offers, tries and keeps what lies in
// offer.json, and says on its standard output how far it came. Killed and started again by cuts.test.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Records } from '../../../agent/core/records.ts';
import { openDesk } from './desk.ts';

const root = process.argv[2]!;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
/** cut.cjs: SQLite's own writes do not pass node's fs. */
const { cutStep } = globalThis as unknown as { readonly cutStep: (what: string) => void };
const wrap = (records: Records): Records => ({
  ...records,
  change: async (change) => {
    cutStep('record');
    await records.change(change);
    cutStep('recorded');
  },
});

const tell = (): void => {
  const view = desk.packages.view('lamp');
  const runs = [...desk.services.running.values()].join(' ');
  if (view !== undefined) say(`view ${view.at} ${view.version}, runs ${runs}`);
};
const desk = openDesk({ root, wrap, onLog: (line) => say(`log ${line}`) });
setInterval(tell, 5);
const offer = JSON.parse(readFileSync(join(root, 'offer.json'), 'utf8')) as { url: string };
const answer = await desk.packages.install(offer, { freshUrl: async () => offer.url });
say(`offer ${JSON.stringify(answer)}`);
