// The command line behind build.sh: reads the command, calls the part that does it, says how it ended.
import { parseArgs } from 'node:util';
import { basename, dirname, join, relative } from 'node:path';
import { readdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { OperatorError } from './core/errors.ts';
import { terminalProgress } from './core/terminal.ts';

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const BUILD = join(HOME, 'build');

interface Command {
  readonly summary: string;
  readonly help: string;
  readonly run: (args: readonly string[], signal: AbortSignal) => Promise<number>;
}

const progress = terminalProgress(process.stderr);

const commands: Readonly<Record<string, Command>> = {
  image: {
    summary: 'build the image (the default)',
    help: 'Usage: ./build.sh [image] [--force] [--out DIR]\n\n  --force    build everything again\n  --out DIR  where the image goes (default build/)',
    run: async (args, signal) => {
      const { values } = parseArgs({
        args: [...args],
        options: {
          force: { type: 'boolean', default: false },
          out: { type: 'string', default: BUILD },
        },
      });
      const { buildImage } = await import('./release/build.ts');
      const report = await buildImage(values, { progress, signal });
      const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
      progress.say('');
      progress.say(`image    ${relative(process.cwd(), report.image)}`);
      progress.say(
        `size     ${mb(report.bytes)}, to write ${mb(report.bytesToWrite)} (with the .bmap)`,
      );
      progress.say(`sha256   ${report.sha256}`);
      if (report.developmentKey) {
        progress.say('SIGNED WITH A DEVELOPMENT KEY: good for trying out, not for a customer.');
      }
      progress.say('next     ./build.sh boot, or write the file to a card of 4 GB or more');
      return 0;
    },
  },
  boot: {
    summary: 'boot the newest image in an emulator and print the address of its page',
    help: 'Usage: ./build.sh boot [--board virt|raspi3b] [--image FILE] [--http PORT]',
    run: async (args, signal) => {
      const { values } = parseArgs({
        args: [...args],
        options: {
          board: { type: 'string', default: 'virt' },
          image: { type: 'string' },
          http: { type: 'string', default: '8080' },
        },
      });
      const { boot, parseBoard } = await import('./emulator/boot.ts');
      await boot({
        board: parseBoard(values.board),
        image: values.image ?? (await newestImage()),
        httpPort: Number(values.http),
        work: join(BUILD, 'emulator'),
        progress,
        signal,
      });
      return 0;
    },
  },
  test: {
    summary: 'run everything CI runs',
    help: 'Usage: ./build.sh test [--long] [--seed N]\n\n  --long    the full series instead of a sample\n  --seed N  repeat a sample',
    run: async (args, signal) => {
      const { values } = parseArgs({
        args: [...args],
        options: { long: { type: 'boolean', default: false }, seed: { type: 'string' } },
      });
      const { runTests } = await import('./host/tests.ts');
      const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
      return runTests({ home: HOME, long: values.long, seed, progress, signal });
    },
  },
  clean: {
    summary: 'remove build/ (images, releases, emulated cards); the cache stays',
    help: 'Usage: ./build.sh clean',
    run: async () => {
      await rm(BUILD, { recursive: true, force: true });
      return 0;
    },
  },
  help: {
    summary: 'say what the commands do',
    help: 'Usage: ./build.sh help [COMMAND]',
    run: async ([name]) => {
      const command = name === undefined ? undefined : commands[name];
      if (name !== undefined && command === undefined) return unknown(name);
      console.log(command?.help ?? overview());
      return 0;
    },
  },
};

function overview(): string {
  const rows = Object.entries(commands).map(
    ([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`,
  );
  return `Usage: ./build.sh [COMMAND] [OPTIONS]\n\n${rows.join('\n')}\n\n./build.sh help COMMAND says more.`;
}

function unknown(name: string): number {
  const names = Object.keys(commands);
  const near = names.find((known) => known.startsWith(name.slice(0, 2)));
  const hint = near === undefined ? names.join(', ') : `did you mean "${near}"?`;
  console.error(`build.sh: there is no command "${name}"\n  → ${hint}`);
  return 2;
}

async function newestImage(): Promise<string> {
  const names = await readdir(BUILD).catch(() => []);
  const image = names
    .filter((name) => name.endsWith('.img'))
    .sort()
    .at(-1);
  if (image !== undefined) return join(BUILD, image);
  throw new OperatorError('no-image', `There is no image in ${basename(BUILD)}/`, {
    hint: 'Build one with ./build.sh, or name one with --image FILE',
  });
}

async function main(): Promise<number> {
  const [first, ...rest] = process.argv.slice(2);
  const isOption = first === undefined || (first.startsWith('-') && first !== '--help');
  const name = isOption ? 'image' : first === '--help' ? 'help' : first;
  const command = commands[name];
  if (command === undefined) return unknown(name);
  const abort = new AbortController();
  const stop = (): void => {
    if (abort.signal.aborted) process.exit(130);
    progress.say('Stopping and cleaning up; press Ctrl-C again to stop at once');
    abort.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    const args = isOption ? process.argv.slice(2) : rest;
    return await command.run(args, abort.signal);
  } catch (error) {
    if (abort.signal.aborted) return 130;
    if (error instanceof OperatorError) {
      console.error(`build.sh: ${error.message}`);
      if (error.hint !== undefined) console.error(`  → ${error.hint}`);
      return 1;
    }
    if (
      error instanceof Error &&
      'code' in error &&
      String(error.code).startsWith('ERR_PARSE_ARGS')
    ) {
      console.error(`build.sh: ${error.message}\n  → ./build.sh help ${name}`);
      return 2;
    }
    console.error('build.sh: a defect in the builder, please report it:', error);
    return 1;
  }
}

process.exitCode = await main();
