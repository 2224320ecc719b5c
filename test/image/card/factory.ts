// What the flasher's tests share: a tiny release with its template, and one card flashed in this process.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CardDevice, CardView, WriteHooks } from '../../../image/card/ports.ts';
import { flashCard } from '../../../image/card/flash.ts';
import type { FlashNeeds } from '../../../image/card/flash.ts';
import { recordSizes } from '../../../image/card/record.ts';
import { writeJob } from '../../../image/card/writer.ts';
import type { CardIdentity, FlashLedger } from '../../../image/ledger/ports.ts';
import type { CardOrder } from '../../../image/unit/content.ts';
import { makeKeys } from '../../../image/unit/keys.ts';
import { makeTemplate } from '../../../image/unit/template.ts';
import type { Template } from '../../../image/unit/template.ts';
import { fakeRelease, newSigningKey } from '../unit/fake.ts';

/** The claim of these tests' fleet: no pair, which only readClaim() would mind. */
export const FLEET = { 'claim.crt': 'a certificate\n', 'claim.key': 'its key\n' } as const;
export const CARD_BYTES = 2_000_683_008; // As cards are: no power of two, a multiple of 4 KiB.
/** Nothing here takes longer on a busy machine. */
const STALL_MS = 20_000;

export interface Works {
  readonly folder: string;
  readonly release: string;
  readonly key: ReturnType<typeof newSigningKey>;
  readonly template: Template;
}

export async function makeWorks(): Promise<Works> {
  const folder = await mkdtemp(join(tmpdir(), 'clock-card-'));
  const release = join(folder, 'release');
  const key = newSigningKey();
  await fakeRelease(release, key);
  const template = await makeTemplate({
    ...{ release, folder: join(folder, 'template'), epochSeconds: 1_767_225_600 },
    record: recordSizes(FLEET),
  });
  return { folder, release, key, template };
}

export type FullOrder = CardOrder & { readonly cardBytes: number };

export interface Flashed {
  readonly view: CardView;
  readonly views: readonly CardView[];
  /** What was to be written; undefined when it did not come to that. */
  readonly order: FullOrder | undefined;
}

/** Flashes one card in this process. */
export async function flashDouble(
  device: CardDevice,
  of: {
    readonly works: Works;
    readonly ledger: FlashLedger;
    readonly name?: string;
    readonly signal?: AbortSignal;
    readonly stallMs?: number;
    readonly needs?: Partial<FlashNeeds>;
    readonly hooks?: Partial<WriteHooks>;
  },
): Promise<Flashed> {
  const card: CardIdentity = { device: of.name ?? 'card', bytes: device.bytes, model: 'a double' };
  const views: CardView[] = [];
  let order: FullOrder | undefined;
  const view = await flashCard(card, {
    ...{ ledger: of.ledger, template: of.works.template, fleet: FLEET, makeKeys },
    ...{ release: '0.0.0-test', by: { operator: 'ada', station: 'bench' }, signal: of.signal },
    escrow: (text) => Promise.resolve(`sealed ${text}`),
    lookAgain: (shown) => Promise.resolve(shown),
    show: (shown) => void views.push(shown),
    nowMs: () => performance.now(),
    write: (_card, asked, hooks) => {
      order = asked;
      const job = { path: card.device, node: undefined, order: asked };
      const all = { stallMs: of.stallMs ?? STALL_MS, ...hooks, ...of.hooks };
      return writeJob(job, all, () => Promise.resolve(device));
    },
    ...of.needs,
  });
  return { view, views, order };
}
