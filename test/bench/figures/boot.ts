// Figures of the emulated boards: from power-on to the page, first boot and second, and to the cloud. Emulation is five
// to ten times slower than a board: the proportions count.
import { randomBytes } from 'node:crypto';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../../../image/core/progress.ts';
import { BOARDS } from '../../../image/emulator/boards.ts';
import { waitForPage } from '../../../image/emulator/boot.ts';
import { BOARD_SERIAL, Machine, makeCard } from '../../../image/emulator/machine.ts';
import { openCloud } from '../cloud/cloud.ts';
import { openHotel } from '../hotel/hotel.ts';
import { makeUnitCard } from '../unit-card.ts';
import { builtImage } from './image.ts';
import type { Figure } from './figure.ts';

const PAGE_MS_MAX = 15 * 60_000;
/** Of the console, shown when no page comes: its log goes with the card. */
const LAST_LINES = 40;

export async function bootFigures(
  out: string,
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<Figure[]> {
  const { image } = await builtImage(out);
  const figures: Figure[] = [];
  for (const board of BOARDS) {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-bench-'));
    const card = join(folder.path, 'card');
    await makeCard(image, card);
    for (const start of ['first start', 'second start']) {
      const httpPort = 30_000 + Math.floor(Math.random() * 2_000);
      const measured = await progress.step(`${board}, ${start}`, async (step) => {
        const began = performance.now();
        const machine = await Machine.start({
          ...{ board, card, boardSerial: BOARD_SERIAL, work: folder.path, httpPort, signal },
          onConsole: (line) => step.note(line.slice(0, 60)),
        });
        try {
          const url = `http://127.0.0.1:${httpPort}/`;
          await waitForPage(url, { timeoutMs: PAGE_MS_MAX, signal });
          return performance.now() - began;
        } catch (error) {
          progress.say(machine.console.slice(-LAST_LINES).join('\n'));
          throw error;
        } finally {
          await machine.kill();
        }
      });
      figures.push({ what: `${board}: power to page, ${start}`, unit: 'ms', measured });
    }
  }
  figures.push(await connectedFigure(image, { progress, signal }));
  return figures;
}

/** A new card in the simulated hotel: DHCP, time, provisioning by claim, connection. Needs root. */
async function connectedFigure(
  image: string,
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<Figure> {
  const serial = randomBytes(16).toString('hex');
  const measured = await progress.step('virt, power to connected', async () => {
    await using cloud = await openCloud();
    await using hotel = await openHotel({ cloud, signal });
    const { certPem, keyPem } = cloud.makeClaim();
    const claim = { serial: `${serial}\n`, 'claim.crt': certPem, 'claim.key': keyPem };
    const card = await makeUnitCard(hotel, image, claim);
    const work = join(hotel.folder, 'board');
    const began = performance.now();
    const machine = await Machine.start({
      ...{ board: 'virt', card, boardSerial: BOARD_SERIAL, work, plug: hotel.plug, signal },
    });
    try {
      await cloud.connected(`clockrpi-${serial}`, { withinMs: PAGE_MS_MAX });
      return performance.now() - began;
    } finally {
      await machine.kill();
    }
  });
  return { what: 'virt: power to connected, first start', unit: 'ms', measured };
}
