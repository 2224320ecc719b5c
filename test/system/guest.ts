// A way into a unit under test: what only a system test may have. The image has no shell for anyone; here the card
// is prepared before the first start, as somebody with the card in his hand could.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { transform } from 'esbuild';
import { run } from '../../image/core/run.ts';
import { ALIGN_MIB, MIB } from '../../image/unit/layout.ts';
import type { Hotel } from '../bench/hotel/hotel.ts';

const DOOR = `[Unit]
After=nftables.service
[Service]
ExecStartPre=nft insert rule inet clock input tcp dport 7777 accept
ExecStart=/usr/lib/clock/node /usr/lib/try/door.mjs
[Install]
WantedBy=multi-user.target
`;
/** systemd starts this in place of the interface. */
const STUB = `[Service]
ExecStart=
ExecStart=/usr/lib/clock/node --max-old-space-size=48 --max-semi-space-size=1 --no-opt --no-maglev --no-sparkplug /usr/lib/try/probe.mjs service %i
`;
const INSTALL = `mkdir -p /usr/lib/try
cp /mnt/try/*.mjs /usr/lib/try/
cp /mnt/try/door.service /etc/systemd/system/
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -sf /etc/systemd/system/door.service /etc/systemd/system/multi-user.target.wants/
for id in probe eater ports; do
  mkdir -p "/etc/systemd/system/clock-service@$id.service.d"
  cp /mnt/try/stub.conf "/etc/systemd/system/clock-service@$id.service.d/10-stub.conf"
done
`;
/** For Machine.start(): the kernel starts a shell instead of systemd, and that one systemd. */
export const THROUGH_DOOR =
  'init=/bin/sh -- -c "mount -t vfat /dev/mmcblk0p1 /mnt; sh /mnt/try/install.sh; umount /mnt; exec /sbin/init"';

/** Puts door, probe and stubs on the boot partition of a card for the board `virt`. */
export async function openDoor(card: string): Promise<void> {
  const image = `${card}@@${ALIGN_MIB * MIB}`;
  const env = { MTOOLS_SKIP_CHECK: '1' };
  const folder = await mkdtemp(join(tmpdir(), 'clock-guest-'));
  try {
    const files = { 'install.sh': INSTALL, 'door.service': DOOR, 'stub.conf': STUB };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    for (const name of ['door', 'probe']) {
      const text = await readFile(join(import.meta.dirname, `inside/${name}.ts`), 'utf8');
      const { code } = await transform(text, { loader: 'ts', format: 'esm' });
      await writeFile(join(folder, `${name}.mjs`), code);
    }
    await run(['mmd', '-i', image, '::try'], { env });
    const names = [...Object.keys(files), 'door.mjs', 'probe.mjs'];
    await run(['mcopy', '-o', '-i', image, ...names.map((name) => join(folder, name)), '::try/'], {
      env,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** On an emulated board Node takes ten seconds to start, and a busy machine five times as long. */
const START_MS_MAX = 10 * 60_000;

/** A unit with the door, at its address. */
export class Guest {
  readonly #hotel: Hotel;
  readonly address: string;

  constructor(hotel: Hotel, address: string) {
    this.#hotel = hotel;
    this.address = address;
  }

  /** As root in the unit; resolves with what the script printed. */
  async root(script: string): Promise<string> {
    return (await inUnit(this.#hotel, this.address, script)).stdout.trim();
  }

  /** Of a unit of systemd. */
  async property(unit: string, name: string): Promise<string> {
    return this.root(`systemctl show -P ${name} ${unit}`);
  }

  /** Looks until it finds something; a unit that does not answer has nothing. Rejects with its last log lines. */
  async until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const untilMs = performance.now() + START_MS_MAX;
    let problem = '';
    for (;;) {
      const found = await look().catch((error: unknown) => {
        problem = String(error);
        return undefined;
      });
      if (found !== undefined) return found;
      if (performance.now() > untilMs) {
        const log = await this.root('journalctl --no-pager -o cat -n 60').catch(String);
        throw new Error(`${what} did not happen: ${problem}\n${log}`);
      }
      await sleep(1_000);
    }
  }
}

export interface Said {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script as root in the unit. Rejects when the door does not answer. */
export async function inUnit(hotel: Hotel, address: string, script: string): Promise<Said> {
  const url = `http://${address}:7777/`;
  const answer = await hotel.fetch(url, { method: 'POST', body: script, timeoutMs: 300_000 });
  return (await answer.json()) as Said;
}
