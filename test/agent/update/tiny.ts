// A bundle as small as a bundle can be, for the launcher's tests: the real agent/update with the real
// folder and the real download, and a health of its own choice. Built by tiny-unit.ts, never run as it is.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLog } from '../../../agent/core/log.ts';
import { Bundles } from '../../../agent/io/bundles.ts';
import { systemClock } from '../../../agent/io/clock.ts';
import { httpsFetch } from '../../../agent/io/download.ts';
import { systemRandom } from '../../../agent/io/random.ts';
import { EXIT_RESTART, TRIAL_MS } from '../../../agent/update/limits.ts';
import { createUpdate } from '../../../agent/update/run.ts';
import { openManifest, parseLaunched, parseOffer } from '../../../agent/update/wire.ts';

export type Behaviour = 'well' | 'ill' | 'crash' | 'exit' | 'mute' | 'well-then-crash' | 'kill';

/** Filled in by esbuild. */
declare const VERSION: string;
declare const BEHAVIOUR: Behaviour;

const root = process.argv[process.argv.indexOf('--root') + 1]!;
const say = (line: string): void => writeFileSync(1, `${line}\n`);
const launched = parseLaunched(process.env['CLOCK_LAUNCH'], TRIAL_MS);
say(`running ${VERSION} ${launched.copy}`);

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'));

function work(): void {
  const folder = new Bundles(root);
  const update = createUpdate({
    folder,
    launched,
    open: (jws) => openManifest(jws, folder.key),
    fetch: httpsFetch({
      roots: [readFileSync(join(root, 'roots.pem'), 'utf8')],
      deadlineMs: 20_000,
      idleMs: 10_000,
    }),
    health: async () => (BEHAVIOUR === 'ill' ? 'not connected' : undefined),
    builtIn: readJson('usr/share/clock/release.json') as { version: string; builtAt: string },
    clock: systemClock,
    // The shortest pause: a second.
    random: () => systemRandom() * 0,
    log: createLog((line) => say(`log ${line}`)),
    restart: () => process.exit(EXIT_RESTART),
  });
  const tell = (): void => say(`view ${JSON.stringify(update.view())}`);
  update.onChange(tell);
  update.begin();
  tell();
  // As the handler of a job does it: the same in every process until it has ended.
  if (!existsSync(join(root, 'offer.json'))) return;
  const freshUrl = async (): Promise<string | undefined> => parseOffer(readJson('fresh.json'))?.url;
  const answer = update.offer(readJson('offer.json'), { freshUrl });
  say(`offer ${JSON.stringify(answer)}`);
}

process.on('SIGTERM', () => process.exit(0));
setInterval(() => {}, 60_000);
switch (BEHAVIOUR) {
  case 'crash':
    throw new Error('cannot start');
  case 'exit':
    process.exit(3);
  case 'kill':
    process.kill(process.pid, 'SIGKILL');
    break;
  case 'mute':
    break;
  case 'well-then-crash': {
    work();
    if (!existsSync(join(root, 'crash'))) break;
    throw new Error('crashes now');
  }
  case 'well':
  case 'ill':
    work();
}
