// Checks a finished root against what the product promises; prints the broken promise's name and
// fails. Usage: node promises.ts ROOTFS_DIR. Knows nothing of how the root was made.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  readlinkSync,
} from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = process.argv[2];
if (root === undefined) throw new Error('Usage: promises.ts ROOTFS_DIR');
const at = (path: string): string => join(root, path);
const text = (path: string): string => readFileSync(at(path), 'utf8');

/** The Pi's own firmware: for its graphics processor, and not on the unit's root. */
const FIRMWARE = 'usr/lib/raspi-firmware';

/** ELF header: e_machine at byte 18; 183 is AArch64 (ELF for the Arm 64-bit Architecture). */
const EM_AARCH64 = 183;

function foreignPrograms(folder: string): string[] {
  const found: string[] = [];
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const info = lstatSync(path);
    if (path === at(FIRMWARE)) continue;
    if (info.isDirectory()) {
      found.push(...foreignPrograms(path));
    } else if (info.isFile() && info.size > 64) {
      const machine = elfMachine(path);
      if (machine !== undefined && machine !== EM_AARCH64) found.push(path);
    }
  }
  return found;
}

function elfMachine(path: string): number | undefined {
  const header = Buffer.alloc(20);
  const file = openSync(path, 'r');
  readSync(file, header, 0, 20, 0);
  closeSync(file);
  return header.readUInt32BE(0) === 0x7f454c46 ? header.readUInt16LE(18) : undefined;
}

/** One name per kernel: Debian has one, Raspberry Pi OS one for the Pi 5 besides. */
const inBoot = (start: string): string[] =>
  readdirSync(at('boot')).filter((name) => name.startsWith(start));

/** Unpacks an initramfs: cpio archives behind one another, plain or zstd (initramfs-tools 0.148). */
function unpackInitramfs(image: string): string {
  const bytes = readFileSync(at(`boot/${image}`));
  const zstd = bytes.indexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]));
  const folder = mkdtempSync(join(tmpdir(), 'clock-initramfs-'));
  const extract = ['--extract', '--make-directories', '--quiet', '--no-absolute-filenames'];
  const options = { cwd: folder, stdio: ['pipe', 'ignore', 'ignore'] as ('pipe' | 'ignore')[] };
  const early = zstd < 0 ? bytes : bytes.subarray(0, zstd);
  if (early.length > 0) execFileSync('cpio', extract, { ...options, input: early });
  if (zstd >= 0) {
    const main = execFileSync('zstd', ['--decompress', '--stdout', '--quiet'], {
      input: bytes.subarray(zstd),
      maxBuffer: 512 * 1024 * 1024,
    });
    execFileSync('cpio', extract, { ...options, input: main });
  }
  return folder;
}

const initramfs = inBoot('initrd.img-').map((image) => {
  const folder = unpackInitramfs(image);
  const names = execFileSync('find', [folder], { encoding: 'utf8' });
  const version = image.slice('initrd.img-'.length);
  return { version, folder, names, isRaspberryPis: /-rpi-/.test(version) };
});
if (initramfs.length === 0) throw new Error('no initramfs');

/** What Raspberry Pi OS would bring along: each breaks an encrypted appliance, or opens it. */
const OF_OTHERS = [
  ...['usr/bin/cloud-init', 'usr/bin/raspi-config', 'usr/bin/rpi-connect', 'usr/bin/sudo'],
  ...['usr/lib/systemd/system/rpi-resize.service', 'usr/lib/systemd/system/userconfig.service'],
  ...['usr/lib/systemd/system/rpi-setup-loop@.service', 'etc/rpi/swap.conf', 'var/swap'],
  ...['usr/sbin/NetworkManager', 'usr/sbin/wpa_supplicant', 'etc/apt/apt.conf.d/51cache'],
];

const promises: Readonly<Record<string, () => boolean>> = {
  'no account has a password': () =>
    text('etc/shadow')
      .split('\n')
      .filter((line) => line !== '')
      .every((line) => /^[!*]/.test(line.split(':')[1] ?? '')),
  'no account tells the day of the build': () =>
    text('etc/shadow')
      .split('\n')
      .filter((line) => line !== '')
      .every((line) => /^(1|)$/.test(line.split(':')[2] ?? '')),
  'no account has a shell': () =>
    text('etc/passwd')
      .split('\n')
      .filter((line) => line !== '')
      .every((line) => /\/(nologin|false|sync)$/.test(line)),
  'no program gains rights from its owner (setuid)': () =>
    none(
      execFileSync('find', [at('usr'), '-type', 'f', '-perm', '/6000'], { encoding: 'utf8' })
        .split('\n')
        .filter((path) => path !== ''),
    ),
  'no host keys, no SSH server': () =>
    !existsSync(at('usr/sbin/sshd')) && !existsSync(at('etc/ssh/ssh_host_ed25519_key')),
  'the clock has a floor': () => existsSync(at('usr/lib/clock-epoch')),
  'machine-id is uninitialized': () => text('etc/machine-id').trim() === 'uninitialized',
  'the agent is enabled': () =>
    existsSync(at('etc/systemd/system/sockets.target.wants')) &&
    readdirSync(at('etc/systemd/system/sockets.target.wants')).includes('clock-agent.socket'),
  'the firewall is enabled': () =>
    readdirSync(at('etc/systemd/system/sysinit.target.wants')).includes('nftables.service'),
  'the kernel holds services to memory, addresses, devices and ports': () => {
    const configs = inBoot('config-').map((name) => text(`boot/${name}`));
    const options = ['MEMCG=y', 'CGROUP_BPF=y', 'CGROUP_PIDS=y', 'SECCOMP_FILTER=y'];
    return (
      configs.length > 0 &&
      configs.every(
        (config) =>
          options.every((option) => config.includes(`\nCONFIG_${option}\n`)) &&
          /\nCONFIG_NFT_SOCKET=[my]\n/.test(config),
      ) &&
      existsSync(at('usr/lib/aarch64-linux-gnu/libbpf.so.1'))
    );
  },
  'no service may do anything before its settings say so': () =>
    ['IPAddressDeny=any', 'SocketBindDeny=any', 'DevicePolicy=closed', 'DynamicUser=yes'].every(
      (line) => text('usr/lib/systemd/system/clock-service@.service').includes(`\n${line}\n`),
    ),
  'serial ports and USB printers have their drivers': () => {
    const modules = readdirSync(at('usr/lib/modules'), { recursive: true, encoding: 'utf8' });
    const wanted = ['ftdi_sio', 'pl2303', 'ch341', 'cp210x', 'cdc-acm', 'usblp'];
    return (
      // Where the runtime beside it looks.
      readdirSync(at('usr/lib/clock/prebuilds/linux-arm64')).length === 1 &&
      wanted.every((name) => modules.some((path) => path.includes(`/${name}.ko`)))
    );
  },
  'no terminal asks for a login': () =>
    readlinkSync(at('etc/systemd/system/getty@.service')) === '/dev/null',
  'no Wi-Fi, no Bluetooth': () =>
    !/\/(cfg80211|brcmfmac|bluetooth)\.ko/.test(
      execFileSync('find', [at('usr/lib/modules')], { encoding: 'utf8' }),
    ),
  'fstab mounts nothing': () =>
    text('etc/fstab')
      .split('\n')
      .every((line) => line === '' || line.startsWith('#')),
  'no user, no swap, no resizing, no set-up from outside': () =>
    none(OF_OTHERS.filter((path) => existsSync(at(path)))) &&
    text('etc/passwd')
      .split('\n')
      .every((line) => !/^[^:]*:[^:]*:[1-5]\d{3}:/.test(line)),
  'the initramfs has the boot script': () =>
    initramfs.every(({ folder }) => existsSync(join(folder, 'scripts/clock'))),
  'the initramfs opens LUKS2': () =>
    initramfs.every(({ version, names }) => {
      const builtIn = text(`usr/lib/modules/${version}/modules.builtin`);
      const sources = ['board', 'card', 'otp'].map((name) => `key-sources/${name}\n`);
      return (
        ['dm-crypt.ko', 'erofs.ko', 'overlay.ko', 'vfat.ko'].every(
          (name) => names.includes(name) || builtIn.includes(`/${name}`),
        ) && ['/cryptsetup', '/sfdisk', ...sources].every((name) => names.includes(name))
      );
    }),
  'the initramfs asks the firmware for the key of the board, where it answers': () =>
    initramfs.every(
      ({ names, isRaspberryPis }) => !isRaspberryPis || names.includes('/rpi-fw-crypto\n'),
    ),
  'the initramfs has an index of its modules': () =>
    initramfs.every(({ names, isRaspberryPis }) => {
      const index = names.split('\n').find((name) => name.endsWith('/modules.dep'));
      const known = isRaspberryPis ? /\.ko/ : /\bsdhci-pci\.ko/;
      return index !== undefined && known.test(readFileSync(index, 'utf8'));
    }),
  'every program in the root is arm64': () => none(foreignPrograms(at('usr'))),
  'every program in the initramfs is arm64': () =>
    none(initramfs.flatMap(({ folder }) => foreignPrograms(folder))),
};

function none(paths: readonly string[]): boolean {
  for (const path of paths.slice(0, 5)) console.error(`  ${path}`);
  return paths.length === 0;
}

const broken = Object.entries(promises).filter(([, holds]) => !holds());
for (const { folder } of initramfs) rmSync(folder, { recursive: true, force: true });
for (const [name] of broken) console.error(`broken promise: ${name}`);
console.log(
  `${Object.keys(promises).length - broken.length} promises kept, ${broken.length} broken`,
);
process.exitCode = broken.length === 0 ? 0 : 1;
