// The vendor's end of the link: LS, LD, LR, LA and LE as a strict vendor says and expects them.
import type { Clock } from '../../core/clock.ts';
import { keyOf, proofOf } from './authentication.ts';
import type { Settings } from './config.ts';
import { EVERYTHING } from './filter.ts';
import type { Described } from './filter.ts';
import type { Book } from './vendor-parts.ts';
import { filled } from './wire.ts';
import type { Field, FiasRecord } from './wire.ts';

export interface VendorOptions {
  /** IF: "PB". */
  readonly family?: string;
  /** Record id -> field ids run together, as in LR. */
  readonly lists?: Readonly<Record<string, string>>;
  /** RT in LD. */
  readonly asks?: number;
  /** LS, LD and LRs at once on connect, as some vendors do. */
  readonly isEager?: boolean;
  /** AS (and more) of a key; undefined: no answer ever. */
  readonly makesKey?: (request: FiasRecord) => readonly Field[] | undefined;
  /** Until a card is made. */
  readonly keyMs?: number;
}

export interface VendorNeeds {
  readonly clock: Clock;
  readonly random: () => number;
}

export type Put = (id: string, fields: readonly Field[]) => void;

export interface VendorLink {
  readonly lists: Described;
  readonly isUp: () => boolean;
  connected(): void;
  /** Three seconds have passed since. */
  listened(): void;
  disconnected(): void;
  /** False: not a record of the link. */
  heard(record: FiasRecord): boolean;
}

type At = 'off' | 'greeting' | 'described' | 'up';

export function createVendorLink(
  settings: Settings,
  needs: VendorNeeds & {
    readonly put: Put;
    readonly book: Book;
    readonly options: VendorOptions;
  },
): VendorLink {
  const { put, book, options, clock } = needs;
  const { isEager = false, asks } = options;
  const lists = listsOf(options);
  const isHotek = settings.mode === 'hotek';
  let at: At = 'off';
  let hadConfiguration = false;

  const describe = (ls: FiasRecord | undefined): void => {
    put('LD', ldFields(ls, settings, needs));
    if (!settings.quirks.lrMissing)
      for (const [id, list] of lists)
        put('LR', [
          ['RI', id],
          ['FL', list.join('')],
        ]);
    if (!settings.quirks.laMissing) put('LA', stampOf(clock));
    at = 'described';
    hadConfiguration = false;
  };
  const agreed = (): void => {
    if (at === 'described' && asks !== undefined && !hadConfiguration)
      book.violation('LA without LC, which LD asked for');
    if (at === 'greeting' && !isHotek) book.violation('LA before LD');
    if (at !== 'off') at = 'up';
  };
  const greeted = (ls: FiasRecord): void => {
    if (isHotek) return book.violation('LS to a vendor that does not expect it');
    // One that has said all already answers with LA alone.
    return isEager && at === 'described' ? put('LA', []) : describe(ls);
  };
  return {
    ...{ lists, isUp: () => at === 'up' },
    connected: () => {
      at = 'greeting';
      if (isHotek || isEager) put('LS', stampOf(clock));
      if (isEager) describe(undefined);
    },
    listened: () => {
      if (at === 'greeting') put('LS', stampOf(clock));
    },
    disconnected: () => {
      at = 'off';
    },
    heard: (record) => {
      if (record.id === 'LS') greeted(record);
      else if (record.id === 'LA') agreed();
      else if (record.id === 'LC') hadConfiguration = true;
      else if (record.id === 'LE') {
        if (at !== 'off') put('LE', stampOf(clock));
        at = 'off';
      } else return false;
      return true;
    },
  };
}

const listsOf = ({ lists }: VendorOptions): Described =>
  lists === undefined
    ? EVERYTHING
    : new Map(Object.entries(lists).map(([id, list]) => [id, list.match(/../g) ?? []]));

/** DA and TI of the vendor's own clock. */
export function stampOf(clock: Clock): readonly [Field, Field] {
  const local = new Date(clock.wallMs()).toISOString();
  return [
    ['DA', local.slice(2, 10).replaceAll('-', '')],
    ['TI', local.slice(11, 19).replaceAll(':', '')],
  ];
}

function ldFields(
  ls: FiasRecord | undefined,
  { authentication }: Settings,
  { clock, random, options }: VendorNeeds & { readonly options: VendorOptions },
): readonly Field[] {
  const asked = options.asks ?? (authentication === undefined ? undefined : 1);
  const fields: Field[] = [...stampOf(clock), ['V#', '1.0'], ['IF', options.family ?? 'PB']];
  if (asked !== undefined) fields.push(['RT', `${asked}`]);
  if (authentication !== undefined && ls !== undefined)
    fields.push(['CG', proofFor(ls, authentication.key, random)]);
  return fields;
}

/** From the DA and TI of the LS that it answers. */
function proofFor(ls: FiasRecord, key: string, random: () => number): string {
  const iv = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)));
  const digits = `${filled(ls, 'DA') ?? ''}${filled(ls, 'TI') ?? ''}`;
  return proofOf(digits, keyOf(key)!, iv);
}
