// The command line behind build.sh: one process, its log, Ctrl-C, and how it ends.
// Knows no command: those stand in host/commands.ts.
import { relative } from 'node:path';
import { inspect, stripVTControlCharacters } from 'node:util';
import { OperatorError } from './core/errors.ts';
import { refusedByDisk } from './core/files.ts';
import { killGroups } from './core/guard.ts';
import { log, logTo, openLog } from './core/log.ts';
import type { RunLog } from './core/log.ts';
import { masked } from './core/secret.ts';
import { terminalProgress } from './core/terminal.ts';
import { named, route } from './host/commands.ts';
import { LOGS } from './host/commands/places.ts';

/** Exit codes, as shells and CI understand them: 128 + the signal's number after a signal. */
const EXIT = { failed: 1, usage: 2, SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const progress = terminalProgress(process.stderr);
const abort = new AbortController();
let stoppedBy: 'SIGHUP' | 'SIGINT' | 'SIGTERM' = 'SIGINT';
let runLog: RunLog | undefined;
/** Of a mistake in what was typed there is nothing to look up later. */
let keepsLog = true;

/** The first signal lets everything clean up behind itself; the second ends it at once. */
function stop(signal: typeof stoppedBy): void {
  if (abort.signal.aborted) {
    killGroups();
    process.exit(EXIT[stoppedBy]);
  }
  stoppedBy = signal;
  progress.say('Stopping and cleaning up; press Ctrl-C again to stop at once');
  abort.abort();
}

/** Says what went wrong and what to do next; returns the exit code. */
function explain(error: unknown): number {
  if (abort.signal.aborted) {
    progress.say('Stopped.');
    return EXIT[stoppedBy];
  }
  const known = error instanceof OperatorError ? error : spaceOrRights(error);
  if (known === undefined) {
    console.error('build.sh: this is a defect in the builder; please report it with its log.');
    console.error(masked(inspect(error)));
    log(error instanceof Error ? String(error.stack) : String(error));
  } else {
    console.error(shown(`build.sh: ${known.message}`));
    if (known.hint !== undefined) console.error(shown(`  → ${known.hint}`));
    log(`${known.code}: ${known.stack}${known.hint === undefined ? '' : `\n  → ${known.hint}`}`);
  }
  if (known?.code === 'usage') {
    keepsLog = false;
    return EXIT.usage;
  }
  if (runLog !== undefined) {
    console.error(`  the log of this run: ${relative(process.cwd(), runLog.file)}`);
  }
  return EXIT.failed;
}

/** A message may quote a file, a card or a program: they give the screen no orders. Nor is a secret key shown. */
const shown = (text: string): string =>
  masked(stripVTControlCharacters(text).replaceAll(/[^\P{C}\n]/gu, ' '));

/** A full disk and missing rights are this machine's matter, not a defect, wherever they happen. */
function spaceOrRights(error: unknown): OperatorError | undefined {
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException;
  return ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS'].includes(code)
    ? refusedByDisk(error)
    : undefined;
}

/** A log is a help, not a condition: a checkout that cannot be written still answers. */
async function beginLog(name: string): Promise<void> {
  try {
    runLog = await openLog(LOGS, name);
    logTo((line) => runLog?.write(line));
    log(`build.sh ${process.argv.slice(2).join(' ')} (Node ${process.version})`);
  } catch (error) {
    progress.say(`! this run leaves no log: ${(error as Error).message}`);
  }
}

async function main(): Promise<number> {
  const { name, words } = route(process.argv.slice(2));
  const command = named(name);
  const start = command.read(words);
  if (command.logged) await beginLog(name);
  return start({ progress, signal: abort.signal, print: (text) => console.log(text) });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stop(signal));
// Whoever read our words has gone ("| head", a closed terminal): that is no failure of the work.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.on('uncaughtException', (error) => {
  const code = explain(error);
  killGroups();
  process.exit(code);
});

process.exitCode = await main().catch(explain);
log(`exit code ${process.exitCode}`);
await (keepsLog ? runLog?.close() : runLog?.drop());
