// Which kernels a root holds, and what of them goes onto the boot partition under which names. Pure.
import { OperatorError } from '../core/errors.ts';

export interface Kernel {
  /** As in `vmlinuz-VERSION` and `usr/lib/modules/VERSION`. */
  readonly version: string;
  /** Names on the boot partition: config.txt (unit/layout.ts) names them too. */
  readonly kernel: string;
  readonly initramfs: string;
  /** Device trees of the boards that this kernel is for. */
  readonly trees: RegExp;
}

/** Flavours by the end of the version: Debian's one, Raspberry Pi's for the Pi 3 and 4, and for the Pi 5. */
const FLAVOURS: readonly (readonly [RegExp, Omit<Kernel, 'version'>])[] = [
  [
    /-arm64$/,
    {
      ...{ kernel: 'vmlinuz', initramfs: 'initrd.img' },
      trees: /^bcm(2837-rpi-(3-|cm3|zero-2)|2711-rpi-(4-|400|cm4)).*\.dtb$/,
    },
  ],
  [
    /-rpi-v8$/,
    {
      ...{ kernel: 'vmlinuz', initramfs: 'initrd.img' },
      trees: /^bcm(2710-rpi-(3-|cm3|zero-2)|2711-rpi-(4-|400|cm4)).*\.dtb$/,
    },
  ],
  [
    /-rpi-2712$/,
    {
      ...{ kernel: 'vmlinuz-2712', initramfs: 'initrd-2712.img' },
      trees: /^bcm2712(d0)?-rpi-(5-|500|cm5).*\.dtb$/,
    },
  ],
];

/** The kernels in `boot/`, each with its initramfs. Throws when one is missing, unknown, or there twice. */
export function kernelsOf(boot: readonly string[]): Kernel[] {
  const kernels = boot
    .filter((name) => name.startsWith('vmlinuz-'))
    .map((name) => kernelOf(name.slice('vmlinuz-'.length)))
    .sort((a, b) => (a.kernel < b.kernel ? -1 : 1));
  const lacks = kernels.find(({ version }) => !boot.includes(`initrd.img-${version}`));
  if (kernels.length === 0 || lacks !== undefined) {
    throw new OperatorError('no-kernel', 'The root holds no kernel or no initramfs', {
      hint: 'Look for errors of stage-clock/90-initramfs in the build log',
    });
  }
  const twice = kernels.find(({ kernel }, index) => kernels[index + 1]?.kernel === kernel);
  if (twice === undefined) return kernels;
  throw new OperatorError('two-kernels', `The root holds two kernels for one: ${twice.version}`, {
    hint: 'Build again with --force: the mirror has a new kernel',
  });
}

function kernelOf(version: string): Kernel {
  const flavour = FLAVOURS.find(([end]) => end.test(version))?.[1];
  if (flavour !== undefined) return { version, ...flavour };
  throw new OperatorError('kernel-unknown', `No board is known for the kernel ${version}`, {
    hint: 'Add its flavour to image/release/kernels.ts',
  });
}
