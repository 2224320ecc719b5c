// `npm run bench`: measures, prints a table against the targets, and keeps the figures in
// build/figures.json, from which --write fills the table in README.md. Ends with 1 when a target is missed.
//
//   npm run bench                    image, agent and a warm build (two minutes)
//   npm run bench -- --cold --boot   also a build from nothing, and the emulated boards
//   npm run bench:image              sizes, one unit's card content
//   npm run bench:agent              start, memory, idleness beside a bare Node server
//   npm run bench:build              building with only the agent changed
//   npm run bench -- pigen           a build from nothing by the real pi-gen (ten minutes, root)
//   npm run bench:boot               emulated boards, from power to page
//   npm run bench:link               the cloud link beside mqtt.js and classic-level, a storm of units
//   npm run bench:ledger             cards noted a second, beside bare SQLite
//   npm run bench:services           a unit with ten services: postings, resync, memory
//   npm run bench:factory            writing cards beside dd, bmaptool and etcher-sdk, 1 to 16 at once
//   … -- --long                      memory over ten minutes, as Greengrass publishes it
//   … -- --out DIR                   the image and release that ./build.sh --out DIR made
//   … -- --write                     also writes all kept figures into README.md
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { OperatorError } from '../../../image/core/errors.ts';
import { terminalProgress } from '../../../image/core/terminal.ts';
import { agentFigures } from './agent.ts';
import { bootFigures } from './boot.ts';
import { buildFigures, pigenFigures } from './build.ts';
import { factoryFigures } from './factory.ts';
import { isGood, merged, renderText, withTable } from './figure.ts';
import type { Figure, Kept } from './figure.ts';
import { imageFigures } from './image.ts';
import { ledgerFigures } from './ledger.ts';
import { linkFigures } from './link.ts';
import { serviceFigures } from './services.ts';

const HOME = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const STORE = join(HOME, 'build/figures.json');
const README = join(HOME, 'README.md');
const GROUPS = [
  'image',
  'agent',
  'build',
  'cold',
  'pigen',
  'boot',
  'ledger',
  'link',
  'services',
  'factory',
];
/** Read before a group: what we measure ourselves is not somebody else's load. */
const BUSY = 1.5;
const USUAL = ['image', 'agent', 'build'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cold: { type: 'boolean', default: false },
    boot: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    out: { type: 'string', default: join(HOME, 'build') },
    write: { type: 'boolean', default: false },
  },
});
const out = resolve(values.out);
const groups = new Set(positionals.length > 0 ? positionals : USUAL);
if (values.cold) groups.add('cold');
if (values.boot) groups.add('boot');
const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => abort.abort());

async function measure(group: string): Promise<Figure[]> {
  const progress = terminalProgress(process.stderr);
  const { signal } = abort;
  switch (group) {
    case 'image':
      return imageFigures(out, progress);
    case 'agent':
      return agentFigures(HOME, progress);
    case 'build':
    case 'cold':
      return buildFigures({ cold: group === 'cold', signal });
    case 'pigen':
      return pigenFigures({ signal });
    case 'boot':
      return bootFigures(out, { progress, signal });
    case 'ledger':
      return ledgerFigures(progress);
    case 'link':
      return linkFigures(progress, { long: values.long });
    case 'services':
      return serviceFigures(progress, { long: values.long });
    case 'factory':
      return factoryFigures(out, progress);
    default:
      throw new OperatorError('usage', `There is no figure group "${group}"`, {
        hint: `Use one of: ${GROUPS.join(', ')}`,
      });
  }
}

/** Times of a machine that did other things before are too long: they must say so. */
function withLoad(figures: readonly Figure[], load: number): Figure[] {
  const cores = availableParallelism();
  if (load <= cores * BUSY) return [...figures];
  const note = `machine busy: load ${load.toFixed(1)} on ${cores} cores`;
  return figures.map((figure) => {
    if (figure.unit !== 'ms') return figure;
    return { ...figure, remark: [figure.remark, note].filter(Boolean).join('; ') };
  });
}

async function keep(figures: readonly Figure[]): Promise<readonly Kept[]> {
  const text = await readFile(STORE, 'utf8').catch(() => '[]');
  const all = merged(JSON.parse(text) as Kept[], figures, new Date().toISOString().slice(0, 10));
  await mkdir(join(HOME, 'build'), { recursive: true });
  await writeFile(STORE, `${JSON.stringify(all, null, 1)}\n`);
  return all;
}

async function writeReadme(all: readonly Kept[]): Promise<void> {
  const text = withTable(await readFile(README, 'utf8'), all);
  if (text === undefined) {
    throw new OperatorError('no-markers', 'README.md has no place for the figures', {
      hint: 'Put the two comments of test/bench/figures/figure.ts (BEGIN, END) where they belong',
    });
  }
  await writeFile(README, text);
  console.error('README.md has the figures.');
}

function explain(error: unknown): number {
  if (abort.signal.aborted) {
    console.error('Stopped.');
    return 130;
  }
  if (!(error instanceof OperatorError)) throw error;
  console.error(`bench: ${error.message}${error.hint === undefined ? '' : `\n  → ${error.hint}`}`);
  return error.code === 'usage' ? 2 : 1;
}

async function main(): Promise<number> {
  const figures: Figure[] = [];
  let all: readonly Kept[] = [];
  for (const group of groups) {
    const [load = 0] = loadavg();
    const fresh = withLoad(await measure(group), load);
    // At once: Ctrl-C in the next group must not lose them.
    all = await keep(fresh);
    figures.push(...fresh);
  }
  console.log(renderText(figures));
  if (values.write) await writeReadme(all);
  return figures.every((figure) => isGood(figure) !== false) ? 0 : 1;
}

process.exitCode = await main().catch(explain);
