// `./build.sh image`: builds the image.
import { relative, resolve } from 'node:path';
import type { BuildReport } from '../../release/build.ts';
import type { EngineChoice } from '../../release/engine.ts';
import { command, usageError } from '../command.ts';
import { BUILD, writable } from './places.ts';

/** QEMU's SD cards have a power of two in size; a first boot needs 1.4 GB. */
const CARD_SIZES = ['2G', '4G', '8G', '16G', '32G', '64G'];

export const image = command('image', {
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
      choices: ['embedded', 'pi-gen'],
      help: 'what runs the stages; pi-gen wants root and time',
      default: 'embedded',
    },
    pigen: { value: 'DIR', help: 'a checkout of pi-gen (branch arm64), not the pinned one' },
    base: {
      value: 'NAME',
      choices: ['debian', 'raspios'],
      help: 'the system below the stages; raspios needs pi-gen',
      default: 'debian',
    },
  },
  operands: [],
  examples: [
    './build.sh',
    './build.sh image --size 2G',
    'sudo ./build.sh image --engine pi-gen --base raspios',
  ],
  logged: true,
  run: async ({ values }, { progress, print, signal }) => {
    const engine = engineOf(values);
    const out = values.out === 'build' ? BUILD : resolve(values.out);
    await writable(out);
    const { buildImage } = await import('../../release/build.ts');
    const report = await buildImage(
      {
        ...{ force: values.force, twins: !values['no-twins'], out, engine },
        claim: values.claim === undefined ? undefined : resolve(values.claim),
      },
      { progress, signal },
    );
    print(imageSummary(report));
    if (values.size !== undefined) print(await cardOfSize(report.image, values.size));
    return 0;
  },
});

/** What of engine, base and pi-gen's folder goes together. Throws a usage error. */
export function engineOf(values: {
  readonly engine: string;
  readonly base: string;
  readonly pigen: string | undefined;
}): EngineChoice {
  const base = values.base === 'raspios' ? 'raspios' : 'debian';
  if (values.engine === 'pi-gen') {
    const folder = values.pigen === undefined ? undefined : resolve(values.pigen);
    return { engine: 'pi-gen', base, folder };
  }
  const only = base === 'raspios' ? '--base raspios' : '--pigen';
  if (base === 'debian' && values.pigen === undefined) return { engine: 'embedded' };
  throw usageError(`${only} goes with pi-gen alone`, 'Add --engine pi-gen');
}

/** What a build has made, and what to do with it. */
export function imageSummary(report: BuildReport): string {
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
    `next     ./build.sh boot, or cards of 4 GB or more, each for a unit of its own in the ledger:`,
    `         sudo ./build.sh flash /dev/CARD`,
    `         or this very image, for one card alone: sudo bmaptool copy ${file} /dev/CARD`,
  ].join('\n');
}

/** A sparse copy that QEMU takes as an SD card; `boot --image` takes it too, and keeps it. */
async function cardOfSize(file: string, size: string): Promise<string> {
  const { makeCard } = await import('../../emulator/machine.ts');
  const card = file.replace(/\.img$/, `.${size}.card`);
  await makeCard(file, card, Number.parseInt(size, 10) * 2 ** 30);
  return `card     ${relative(process.cwd(), card)} (${size}, sparse), for QEMU's "-drive if=sd"`;
}
