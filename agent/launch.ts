// What systemd starts: chooses the agent's bundle (the built-in one beside this file, or a copy that
// was installed since), checks signature, size and hash, and runs it in this process. Small, and
// node's own modules only: it is in the read-only root and must outlive every bundle. Whatever goes
// wrong in here, the built-in bundle starts.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compileFunction } from 'node:vm';
import { Bundles } from './io/bundles.ts';
import { choose, returned } from './update/choice.ts';
import type { BuiltIn, Choice } from './update/choice.ts';
import { EXIT_RESTART, SETTLED_MS, TRIAL_MS } from './update/limits.ts';
import { parseState, reason, renderLaunched, renderState } from './update/wire.ts';
import type { Copy, Saved, Work } from './update/wire.ts';

interface Launched extends Choice {
  readonly bytes: Buffer | undefined;
}

const say = (text: string): void => void process.stdout.write(`<4>launch: ${text}\n`);
const args = process.argv.slice(2);
const root = rootOf(args);
/** A test bench may not wait ten minutes. */
const trialMs = Number(process.env['CLOCK_TRIAL_MS'] ?? TRIAL_MS);
const bundles = new Bundles(root);

/** As main.ts reads it; what it does not understand is the bundle's to refuse. */
function rootOf(words: readonly string[]): string {
  const at = words.findIndex((word) => word === '--root' || word.startsWith('--root='));
  if (at < 0) return '/';
  return words[at]!.split('=').slice(1).join('=') || (words[at + 1] ?? '/');
}

function decide(): Launched | undefined {
  // Asked for a report, or for help: that is no trial.
  if (args[0] !== 'run') return undefined;
  const before = parseState(bundles.readState());
  if (before.good === undefined && before.work.at !== 'trial') return undefined;
  const release = JSON.parse(
    readFileSync(join(root, 'usr/share/clock/release.json'), 'utf8'),
  ) as BuiltIn;
  const bytes = new Map<Copy, Buffer | undefined>();
  const look = (copy: Copy): ReturnType<Bundles['look']> => {
    const seen = bundles.look(copy);
    bytes.set(copy, seen.bytes);
    return seen;
  };
  const around = { builtIn: release, look, startsOf: (sha256: string) => bundles.startsOf(sha256) };
  let choice = choose(before, around);
  if (choice.notice !== undefined) say(choice.notice);
  if (choice.saved !== before && !keep(choice.saved) && before.work.at === 'trial') {
    // Not counted is not begun: else a bundle that crashes would be started for ever.
    choice = choose(returned(before, before.work, 'the card takes no state'), around);
  }
  if (choice.proved !== undefined) count(choice.proved, bundles.startsOf(choice.proved) + 1);
  const { start } = choice;
  return { ...choice, bytes: start === 'built-in' ? undefined : bytes.get(start) };
}

function keep(saved: Saved): boolean {
  return onCard(() => bundles.writeState(renderState(saved)));
}

function count(sha256: string, starts: number): void {
  onCard(() => bundles.writeStarts(sha256, starts));
}

function onCard(write: () => void): boolean {
  try {
    write();
    return true;
  } catch (error) {
    say(`the state is not on the card: ${(error as Error).message}`);
    return false;
  }
}

/** The copy on trial has told nobody yet that it is well. */
function trialOf(copy: Copy): { saved: Saved; work: Extract<Work, { at: 'trial' }> } | undefined {
  const saved = parseState(bundles.readState());
  const { work } = saved;
  return work.at === 'trial' && work.copy === copy ? { saved, work } : undefined;
}

/** The bundle says itself when it is well; this is for one that cannot. */
function watch(copy: Copy): void {
  let crash: string | undefined;
  process.on('uncaughtExceptionMonitor', (error) => {
    crash = `crashed: ${error instanceof Error ? error.message : String(error)}`;
  });
  process.on('exit', (code) => {
    if (code === 0 || code === EXIT_RESTART) return;
    const trial = trialOf(copy);
    if (trial === undefined) return;
    const why = reason(crash ?? `ended with ${code}`);
    keep({ ...trial.saved, work: { ...trial.work, why } });
  });
  const timer = setTimeout(() => {
    const trial = trialOf(copy);
    if (trial === undefined) return;
    keep(returned(trial.saved, trial.work, 'did not say that it is well'));
    process.exit(EXIT_RESTART);
  }, trialMs * 1.5);
  timer.unref();
}

function launched(): Launched | undefined {
  try {
    return decide();
  } catch (error) {
    say(`no copy is looked at: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function main(): void {
  const found = launched();
  const own = join(__dirname, 'agent.js');
  const copy = found?.bytes === undefined ? 'built-in' : (found.start as Copy);
  process.env['CLOCK_LAUNCH'] = renderLaunched({ copy, trialMs });
  // From the root: nothing beside an installed bundle is ever loaded.
  const load = createRequire(own);
  if (copy === 'built-in' || found?.bytes === undefined) return void load(own);
  watch(copy);
  const { proved, bytes } = found;
  if (proved !== undefined) setTimeout(() => count(proved, 0), SETTLED_MS).unref();
  // The bytes that were checked, not the file once more; as node wraps a module of CommonJS.
  const filename = bundles.file(copy);
  const names = ['exports', 'require', 'module', '__filename', '__dirname'];
  const run = compileFunction(bytes.toString('utf8'), names, { filename });
  const module = { exports: {} };
  run.call(module.exports, module.exports, load, module, filename, dirname(filename));
}

main();
