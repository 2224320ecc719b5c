// The commands of build.sh: what each is called, takes and starts. The parts that do the work are
// loaded when they are needed, so that help comes at once and needs none of them.
import { access, constants, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '../core/errors.ts';
import type { BuildReport } from '../release/build.ts';
import { command, commandHelp, nearest, usageError } from './command.ts';
import type { Command, Option } from './command.ts';

const HOME = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const BUILD = join(HOME, 'build');
/** Where runs leave their logs. */
export const LOGS = join(BUILD, 'log');
/** QEMU's SD cards have a power of two in size; a first boot needs 1.4 GB. */
const CARD_SIZES = ['2G', '4G', '8G', '16G', '32G', '64G'];
/** Seeds are short enough to be read to somebody. */
const SEED_MAX = 1_000_000;

const image = command('image', {
  summary: 'build the image (the default)',
  about: `Builds the encrypted SD-card image, with its .bmap and .sha256 beside it. What did not change
is taken from earlier builds. Write the image to a card with any writer.`,
  options: {
    force: { help: 'build everything again' },
    'no-twins': { help: 'emulate every arm64 program: slower, and the same image bit for bit' },
    size: {
      value: 'SIZE',
      accepts: (size) =>
        CARD_SIZES.includes(size) ? undefined : `Give one of: ${CARD_SIZES.join(', ')}`,
      help: 'also a card file of this size for QEMU, e.g. 2G',
    },
    claim: { value: 'DIR', help: "the fleet's claim (claim.crt, claim.key), for every card" },
    out: { value: 'DIR', help: 'where the image goes', default: 'build' },
    engine: {
      value: 'NAME',
      choices: ['embedded'],
      help: 'what runs the stages',
      default: 'embedded',
    },
    base: {
      value: 'NAME',
      choices: ['debian'],
      help: 'the system below the stages',
      default: 'debian',
    },
  },
  operands: [],
  examples: ['./build.sh', './build.sh image --force', './build.sh image --size 2G'],
  logged: true,
  run: async ({ values }, { progress, print, signal }) => {
    const out = values.out === 'build' ? BUILD : resolve(values.out);
    await writable(out);
    const { buildImage } = await import('../release/build.ts');
    const report = await buildImage(
      {
        ...{ force: values.force, twins: !values['no-twins'], out },
        claim: values.claim === undefined ? undefined : resolve(values.claim),
      },
      { progress, signal },
    );
    print(imageSummary(report));
    if (values.size !== undefined) print(await cardOfSize(report.image, values.size));
    return 0;
  },
});

const boot = command('boot', {
  summary: 'boot an image on an emulated board and print the address of its page',
  about: `Boots the newest image, or FILE, from a copy of its own: a card that is kept in build/emulator.
The page answers on this machine only. Ctrl-C pulls the plug.`,
  options: {
    board: {
      value: 'BOARD',
      choices: ['virt', 'raspi3b'],
      help: 'virt is quicker, raspi3b closer to a Pi',
      default: 'virt',
    },
    image: { value: 'FILE', help: 'the image to boot' },
    http: {
      value: 'PORT',
      accepts: wholeNumber(1, 65_535),
      help: "this machine's port for the page",
      default: '8080',
    },
  },
  operands: [],
  examples: ['./build.sh boot', './build.sh boot --board raspi3b --http 8081'],
  logged: true,
  run: async ({ values }, { progress, signal }) => {
    const file = values.image === undefined ? await newestImage() : await existing(values.image);
    const { boot: start, parseBoard } = await import('../emulator/boot.ts');
    await start({
      board: parseBoard(values.board),
      image: file,
      httpPort: Number(values.http),
      work: join(BUILD, 'emulator'),
      progress,
      signal,
    });
    return 0;
  },
});

const inspect = command('inspect', {
  summary: 'say what an image or a card is and whether it is whole',
  about: `Looks at an image, a card file or a card (/dev/sdb) and changes nothing: partition table, boot
files, encryption, release, signature; also against the .sha256 and .bmap beside it. Ends with 0
when it is whole, 1 when it is damaged or not ours.`,
  options: {
    json: { help: 'the answer for machines (image/README.md says what is in it)' },
    key: { value: 'FILE', help: 'opens the system partition of a card that is sealed' },
    signer: { value: 'FILE', help: 'the only public key (PEM) that may have signed it' },
  },
  operands: ['FILE'],
  examples: [
    './build.sh inspect build/clock-iot-unit-0.1.0-1a2b3c4d.img',
    'sudo ./build.sh inspect /dev/sdb',
    './build.sh inspect unit.img --json --signer factory.pem',
  ],
  logged: false,
  run: async ({ values, operands: [file] }, { progress, print, signal }) => {
    for (const name of [file, values.key, values.signer]) {
      if (name === undefined) continue;
      const missing = await existing(name).then(
        () => undefined,
        (error: OperatorError) => usageError(error.message, error.hint ?? ''),
      );
      if (missing !== undefined) throw missing;
    }
    const { inspectFile } = await import('../unit/inspect/start.ts');
    const { report, text } = await inspectFile({ file: file!, ...values, progress, signal });
    print(values.json ? JSON.stringify(report) : text);
    return report.verdict === 'whole' ? 0 : 1;
  },
});

const bundle = command('bundle', {
  summary: 'sign an agent that replaces the one on units',
  about: `Bundles the agent alone and signs it, for units that are out there: the bundle, its manifest and
the document of an AWS IoT job "replace-agent". Units take it if it is newer than theirs and signed
with the key of their release (CLOCK_SIGNING_KEY, else this machine's development key).`,
  options: {
    bucket: {
      value: 'URL',
      help: 'where the bundle will lie, for AWS to sign a link',
      default: 'https://s3.amazonaws.com/BUCKET',
    },
    out: { value: 'DIR', help: 'where the files go', default: 'build/bundle' },
  },
  operands: [],
  examples: ['./build.sh bundle', 'CLOCK_SIGNING_KEY=factory.pem ./build.sh bundle'],
  logged: false,
  run: async ({ values }, { print }) => {
    const { makeReplacement } = await import('../release/replace.ts');
    const outDir = resolve(HOME, values.out);
    const made = await makeReplacement({ home: HOME, outDir, bucket: values.bucket });
    for (const file of [made.file, made.manifest, made.job]) print(relative(process.cwd(), file));
    if (made.development)
      print('Signed with the development key: only units of images made here take it.');
    return 0;
  },
});

const packageInterface = command('package-interface', {
  summary: 'sign an interface that units install beside those they have',
  about: `Makes one file of the interface in DIR (run.ts, interface.json), checks that it imports nothing
but agent/core and itself, signs it (CLOCK_SIGNING_KEY, else this machine's development key) and
says in plain words what it may. The job's document approves exactly that.`,
  options: {
    key: { value: 'FILE', help: 'the private key to sign with, PEM' },
    bucket: {
      value: 'URL',
      help: 'where the package will lie, for AWS to sign a link',
      default: 'https://s3.amazonaws.com/BUCKET',
    },
    out: { value: 'DIR', help: 'where the files go', default: 'build/packages' },
  },
  operands: ['DIR'],
  examples: ['./build.sh package-interface agent/interfaces/bytes'],
  logged: false,
  run: async ({ values, operands: [folder] }, { print }) => {
    const { inWords, makePackage } = await import('../release/package.ts');
    const { developmentKeyFile, signingKey } = await import('../release/sign.ts');
    const key = await signingKey(developmentKeyFile(), values.key);
    const outDir = resolve(HOME, values.out);
    const place = { home: HOME, folder: resolve(folder!), outDir, bucket: values.bucket };
    const made = await makePackage({ ...place, key });
    print(inWords(made));
    for (const file of Object.values(made.files)) print(relative(process.cwd(), file));
    if (key.development)
      print('Signed with the development key: only units of images made here take it.');
    return 0;
  },
});

const test = command('test', {
  summary: 'run everything CI runs',
  about: `Format, lint, types, dead code and tests; then builds the image, unless nothing changed, and
tests it on the emulated board. Goes on when something failed; the last line counts.`,
  options: {
    long: { help: 'the full series of kills, cuts and fuzzing instead of a sample' },
    seed: {
      value: 'N',
      accepts: wholeNumber(0, SEED_MAX),
      help: 'repeat the sample of an earlier run, which printed its seed',
    },
    only: { value: 'PATTERN', help: 'only test files whose path contains PATTERN' },
  },
  operands: [],
  examples: ['./build.sh test', './build.sh test --only image/core', './build.sh test --long'],
  logged: true,
  run: async ({ values }, { progress, signal }) => {
    const seed = Number(values.seed ?? Math.floor(Math.random() * SEED_MAX));
    const { runTests } = await import('./tests.ts');
    return runTests({ home: HOME, long: values.long, seed, only: values.only, progress, signal });
  },
});

const check = command('check', {
  summary: 'say what this machine lacks',
  about: `Looks at this machine and changes nothing: packages, the handler for arm64 programs, rights,
space. Ends with 1 when something is missing.`,
  options: {},
  operands: [],
  examples: ['./build.sh check'],
  logged: false,
  run: async (_, { print }) => {
    const { judge, readMachine, renderFindings } = await import('./machine.ts');
    const findings = judge(await readMachine(HOME));
    print(renderFindings(findings));
    return findings.some(({ state }) => state === 'failed') ? 1 : 0;
  },
});

const clean = command('clean', {
  summary: 'remove what was built',
  about: `Removes build/: images, releases, emulated cards, logs. What all builds share stays in
~/.cache/clock-iot-unit, also the development signing key.`,
  options: {},
  operands: [],
  examples: ['./build.sh clean'],
  logged: false,
  run: async (_, { print }) => {
    await rm(BUILD, { recursive: true, force: true });
    print(`${relative(process.cwd(), BUILD)} is gone; ./build.sh builds it again.`);
    return 0;
  },
});

const help = command('help', {
  summary: 'say what the commands do',
  about: 'Without COMMAND lists the commands.',
  options: {},
  operands: ['[COMMAND]'],
  examples: ['./build.sh help', './build.sh help boot'],
  logged: false,
  run: async ({ operands: [name] }, { print }) => {
    print(name === undefined ? overview() : commandHelp(name, named(name)));
    return 0;
  },
});

/** In the order in which the overview lists them. */
const commands: Readonly<Record<string, Command>> = {
  ...{ image, boot, inspect, bundle, 'package-interface': packageInterface },
  ...{ test, check, clean, help },
};

/** The names of all commands. */
export const commandNames: readonly string[] = Object.keys(commands);

/** The command of this name. Throws a usage error that names the nearest one. */
export function named(name: string): Command {
  const found = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (found !== undefined) return found;
  const near = nearest(name, commandNames);
  throw usageError(
    `There is no command "${name}"`,
    near === undefined
      ? `Use one of: ${commandNames.join(', ')}`
      : `Did you mean "./build.sh ${near}"?`,
  );
}

/** Which command a command line starts, and the words that are left for it. */
export function route(words: readonly string[]): { name: string; words: readonly string[] } {
  const [first = 'image', ...rest] = words;
  const asks = (word: string): boolean => word === '--help' || word === '-h';
  if (asks(first)) return { name: 'help', words: rest };
  const name = first.startsWith('-') ? 'image' : first;
  if (rest.some(asks)) return { name: 'help', words: [name] };
  return { name, words: first.startsWith('-') ? words : rest };
}

function overview(): string {
  const width = Math.max(...commandNames.map((name) => name.length));
  const rows = Object.entries(commands).map(
    ([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`,
  );
  return [
    'Usage: ./build.sh [COMMAND] [OPTIONS]',
    '',
    ...rows,
    '',
    '"./build.sh help COMMAND" says more.',
  ].join('\n');
}

function imageSummary(report: BuildReport): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  const file = relative(process.cwd(), report.image);
  return [
    '',
    `image    ${file}`,
    `version  ${report.version}`,
    `size     ${megabytes(report.bytes)}, of which ${megabytes(report.bytesToWrite)} to write (.bmap)`,
    `sha256   ${report.sha256}`,
    ...(report.developmentKey
      ? ['SIGNED WITH A DEVELOPMENT KEY: good for trying out, not for a customer.']
      : []),
    `next     ./build.sh boot, or write it to a card of 4 GB or more:`,
    `         sudo bmaptool copy ${file} /dev/CARD`,
  ].join('\n');
}

/** A sparse copy that QEMU takes as an SD card; `boot --image` takes it too, and keeps it. */
async function cardOfSize(file: string, size: string): Promise<string> {
  const { makeCard } = await import('../emulator/machine.ts');
  const card = file.replace(/\.img$/, `.${size}.card`);
  await makeCard(file, card, Number.parseInt(size, 10) * 2 ** 30);
  return `card     ${relative(process.cwd(), card)} (${size}, sparse), for QEMU's "-drive if=sd"`;
}

async function newestImage(): Promise<string> {
  const names = (await readdir(BUILD).catch(() => [])).filter((name) => name.endsWith('.img'));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(BUILD, name))).mtimeMs })),
  );
  const [newest] = dated.sort((a, b) => b.at - a.at);
  if (newest !== undefined) return join(BUILD, newest.name);
  throw new OperatorError('no-image', 'There is no image in build/', {
    hint: 'Build one with ./build.sh, or name one with --image FILE',
  });
}

async function existing(name: string): Promise<string> {
  const file = resolve(name);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) {
    throw new OperatorError('file-missing', `There is no file ${name}`, {
      hint: `Look at the name; it was looked for in ${dirname(file)}`,
    });
  }
  if (!found.isDirectory()) return file;
  throw new OperatorError('file-is-folder', `${name} is a folder, not an image`, {
    hint: 'Name the .img file in it',
  });
}

/** Makes the folder if need be; throws when nothing can be written into it. */
async function writable(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new OperatorError('folder-not-writable', `Nothing can be written into ${folder}`, {
      hint: `Choose another folder with --out DIR (${(cause as Error).message})`,
      cause,
    });
  }
}

/** Not mkdir's `recursive`: below /proc it tries for ever (measured, Node 24.21). */
async function makeFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error(`${folder} is a file`);
  await makeFolder(dirname(folder));
  await mkdir(folder);
}

/** What a whole number must be, for an option's `accepts`. */
function wholeNumber(min: number, max: number): NonNullable<Option['accepts']> {
  return (text) =>
    /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max
      ? undefined
      : `Give a whole number from ${min} to ${max}`;
}
