// A vendor's system (telephones, locks, a minibar) on a FIAS link: shakes hands, lists what it wants, keeps its own
// table of rooms, makes keys, posts charges, and writes down what the PMS side does against the rules.
import type { Clock } from '../../core/clock.ts';
import type { Counterpart } from '../../core/interface.ts';
import { keyOf, proofOf } from './authentication.ts';
import { createChannel } from './channel.ts';
import type { Channel } from './channel.ts';
import { codePage } from './codepage.ts';
import { codePageOf } from './config.ts';
import type { Settings } from './config.ts';
import { EVERYTHING } from './filter.ts';
import type { Described } from './filter.ts';
import { JOURNAL_LINES_MAX, VENDOR_ANSWER_MS_MAX, VENDOR_LISTENS_MS } from './limits.ts';
import { createTable } from './vendor-rooms.ts';
import type { VendorTable } from './vendor-rooms.ts';
import { recordViolations, textViolations } from './vendor-rules.ts';
import { filled, readRecord } from './wire.ts';
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

export interface VendorSystem extends Counterpart {
  readonly table: VendorTable;
  /** What the other side did against the rules. */
  readonly violations: readonly string[];
  /** Records as they came and went, the last ones. */
  readonly journal: readonly string[];
  readonly heard: readonly FiasRecord[];
  isUp(): boolean;
  /** Sends a record; false: the link is not up. */
  send(id: string, fields: readonly Field[]): boolean;
  /** The same, and waits for the answer with its P# (or, without one, for the next record of that id). */
  ask(id: string, fields: readonly Field[], answer: string): Promise<FiasRecord>;
  /** DR, until DE. */
  resync(): Promise<void>;
  leave(): void;
}

interface Waiting {
  readonly id: string;
  readonly number: string | undefined;
  readonly settle: (record: FiasRecord) => void;
}

export interface VendorNeeds {
  readonly clock: Clock;
  readonly random: () => number;
}

export function createVendor(
  settings: Settings,
  { clock, random }: VendorNeeds,
  options: VendorOptions = {},
): VendorSystem {
  const { family = 'PB', isEager = false, keyMs = 0, asks } = options;
  const lists: Described =
    options.lists === undefined
      ? EVERYTHING
      : new Map(Object.entries(options.lists).map(([id, list]) => [id, list.match(/../g) ?? []]));
  const makesKey = options.makesKey ?? (() => [['AS', 'OK']] as const);
  const isHotek = settings.mode === 'hotek';
  const page = codePage(codePageOf(settings));
  const table = createTable();
  const violations: string[] = [];
  const journal: string[] = [];
  const records: FiasRecord[] = [];
  const waiting: Waiting[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let channel: Channel | undefined;
  let at: 'off' | 'greeting' | 'described' | 'up' = 'off';
  let hadConfiguration = false;
  const keysInHand = new Set<string>();

  const write = (line: string): void => {
    journal.push(line);
    if (journal.length > JOURNAL_LINES_MAX) journal.shift();
  };
  const violation = (text: string): void => {
    violations.push(text);
    write(`! ${text}`);
  };
  const later = (delayMs: number, run: () => void): NodeJS.Timeout => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, delayMs);
    timers.add(timer);
    return timer;
  };
  const put = (id: string, fields: readonly Field[]): void => {
    // Written by hand: the vendor's side shares the reader, and not the writer that is to be judged.
    const text = [id, ...fields.map((field) => field.join('')), ''].join('|');
    write(`> ${text}`);
    void channel?.send(page.encode(text));
  };
  const now = (): readonly [Field, Field] => {
    const local = new Date(clock.wallMs()).toISOString();
    return [
      ['DA', local.slice(2, 10).replaceAll('-', '')],
      ['TI', local.slice(11, 19).replaceAll(':', '')],
    ];
  };
  const describe = (ls: FiasRecord | undefined): void => {
    const asked = asks ?? (settings.authentication === undefined ? undefined : 1);
    const proof =
      settings.authentication === undefined || ls === undefined
        ? []
        : ([['CG', proofFor(ls, settings.authentication.key, random)]] as const);
    const rt = asked === undefined ? [] : ([['RT', `${asked}`]] as const);
    put('LD', [...now(), ['V#', '1.0'], ['IF', family], ...rt, ...proof]);
    if (!settings.quirks.lrMissing)
      for (const [id, list] of lists)
        put('LR', [
          ['RI', id],
          ['FL', list.join('')],
        ]);
    if (!settings.quirks.laMissing) put('LA', now());
    at = 'described';
    hadConfiguration = false;
  };
  const link = (record: FiasRecord): void => {
    switch (record.id) {
      case 'LS':
        if (isHotek) return violation('LS to a vendor that does not expect it');
        // One that has said all already answers with LA alone.
        return isEager && at === 'described' ? put('LA', []) : describe(record);
      case 'LA':
        if (at === 'described' && asks !== undefined && !hadConfiguration)
          violation('LA without LC, which LD asked for');
        if (at === 'greeting' && !isHotek) violation('LA before LD');
        if (at !== 'off') at = 'up';
        return;
      case 'LC':
        hadConfiguration = true;
        return;
      case 'LE':
        if (at !== 'off') put('LE', now());
        at = 'off';
        return;
    }
  };
  const makeKey = (request: FiasRecord): void => {
    const encoder = filled(request, 'KC') ?? '';
    if (keysInHand.has(encoder)) violation(`${request.id} while encoder ${encoder} is at work`);
    const made = makesKey(request);
    if (made === undefined) return;
    keysInHand.add(encoder);
    const connection = channel;
    later(keyMs, () => {
      keysInHand.delete(encoder);
      if (channel !== connection) return;
      const echo = (['WS', 'KC', 'G#'] as const).flatMap((id) => {
        const value = filled(request, id);
        return value === undefined ? [] : ([[id, value]] as const);
      });
      put(request.id === 'KZ' ? 'KZ' : 'KA', [...echo, ...made]);
    });
  };
  const data = (record: FiasRecord): void => {
    if (at !== 'up') violation(`${record.id} before LA`);
    if (['KR', 'KD', 'KM', 'KZ'].includes(record.id)) makeKey(record);
    if (record.id === 'PA' || record.id === 'PL' || waiting.some(({ id }) => id === record.id)) {
      const index = waiting.findIndex(
        ({ id, number }) =>
          (id === record.id || (id === 'PA' && record.id === 'PL')) &&
          (number === undefined || number === filled(record, 'P#')),
      );
      if (index === -1) violation(`${record.id} that nobody asked for`);
      else waiting.splice(index, 1)[0]!.settle(record);
    }
  };
  const heard = (body: Buffer): void => {
    const text = page.decode(body);
    write(`< ${text}`);
    for (const wrong of textViolations(text)) violation(wrong);
    const read = readRecord(text);
    if (!read.ok) return violation(`unreadable: ${read.why}`);
    const { record } = read;
    records.push(record);
    if (records.length > JOURNAL_LINES_MAX) records.shift();
    table.apply(record);
    const isDescribing = !settings.quirks.lrMissing && !isHotek && at === 'up';
    const context = { described: lists, isDescribing, isInResync: table.isInResync };
    for (const wrong of recordViolations(record, context)) violation(wrong);
    if (['LS', 'LA', 'LC', 'LE'].includes(record.id)) link(record);
    else data(record);
  };
  const send = (id: string, fields: readonly Field[]): boolean => {
    if (at !== 'up') return false;
    put(id, fields);
    return true;
  };
  const ask = async (id: string, fields: readonly Field[], answer: string): Promise<FiasRecord> => {
    const number = fields.find(([name]) => name === 'P#')?.[1];
    const { promise, resolve, reject } = Promise.withResolvers<FiasRecord>();
    const one = { id: answer, number, settle: resolve };
    waiting.push(one);
    const timer = later(VENDOR_ANSWER_MS_MAX, () => {
      if (waiting.includes(one)) waiting.splice(waiting.indexOf(one), 1);
      reject(new Error(`No ${answer} came`));
    });
    if (!send(id, fields)) reject(new Error('The link is not up'));
    return promise.finally(() => {
      clearTimeout(timer);
      timers.delete(timer);
    });
  };
  return {
    ...{ table, violations, journal, heard: records, send, ask },
    isUp: () => at === 'up',
    resync: async () => void (await ask('DR', now(), 'DE')),
    leave: () => void send('LE', now()),
    connect: (bytes, end) => {
      channel?.close();
      const mine = createChannel({
        serial: settings.line.kind === 'serial' ? { baud: settings.line.baud } : undefined,
        ...{ clock, heard },
        write: async (sent) => bytes(sent),
        note: (text) => write(`- ${text}`),
        lost: () => end(),
      });
      channel = mine;
      at = 'greeting';
      keysInHand.clear();
      if (isHotek || isEager) put('LS', now());
      if (isEager) describe(undefined);
      // It listens first; when nothing comes, it begins itself.
      later(VENDOR_LISTENS_MS, () => {
        if (channel === mine && at === 'greeting') put('LS', now());
      });
      return {
        bytes: (chunk) => mine.bytes(chunk),
        closed: () => {
          mine.close();
          if (channel !== mine) return;
          channel = undefined;
          at = 'off';
        },
      };
    },
    close: () => {
      for (const timer of timers) clearTimeout(timer);
      channel?.close();
    },
  };
}

/** From the DA and TI of the LS that it answers. */
function proofFor(ls: FiasRecord, key: string, random: () => number): string {
  const iv = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)));
  const digits = `${filled(ls, 'DA') ?? ''}${filled(ls, 'TI') ?? ''}`;
  return proofOf(digits, keyOf(key)!, iv);
}
