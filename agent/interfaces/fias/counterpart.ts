// A vendor's system (telephones, locks, a minibar) on a FIAS link: shakes hands, lists what it wants, keeps its own
// table of rooms, makes keys, posts charges, and writes down what the PMS side does against the rules.
import type { Counterpart } from '../../core/interface.ts';
import { createChannel } from './channel.ts';
import type { Channel } from './channel.ts';
import { codePage } from './codepage.ts';
import { codePageOf } from './config.ts';
import type { Settings } from './config.ts';
import { VENDOR_LISTENS_MS } from './limits.ts';
import { createVendorLink, stampOf } from './vendor-link.ts';
import type { Put, VendorNeeds, VendorOptions } from './vendor-link.ts';
import { createBook, createEncoders, createQuestions, createTimers } from './vendor-parts.ts';
import { createTable } from './vendor-rooms.ts';
import type { VendorTable } from './vendor-rooms.ts';
import { recordViolations, textViolations } from './vendor-rules.ts';
import { readRecord } from './wire.ts';
import type { Field, FiasRecord } from './wire.ts';

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

export function createVendor(
  settings: Settings,
  { clock, random }: VendorNeeds,
  options: VendorOptions = {},
): VendorSystem {
  const { keyMs = 0, makesKey = () => [['AS', 'OK']] as const } = options;
  const page = codePage(codePageOf(settings));
  const table = createTable();
  const book = createBook();
  const timers = createTimers();
  const questions = createQuestions(book, timers);
  const encoders = createEncoders(book, timers, { keyMs, makesKey });
  let channel: Channel | undefined;

  const put: Put = (id, fields) => {
    // Written by hand: the vendor's side shares the reader, and not the writer that is to be judged.
    const text = [id, ...fields.map((field) => field.join('')), ''].join('|');
    book.write(`> ${text}`);
    void channel?.send(page.encode(text));
  };
  const link = createVendorLink(settings, { put, book, options, clock, random });
  const data = (record: FiasRecord): void => {
    if (!link.isUp()) book.violation(`${record.id} before LA`);
    const asking = channel;
    if (['KR', 'KD', 'KM', 'KZ'].includes(record.id))
      encoders.asked(record, (id, fields) => channel === asking && put(id, fields));
    questions.heard(record);
  };
  const heard = (body: Buffer): void => {
    const text = page.decode(body);
    book.write(`< ${text}`);
    for (const wrong of textViolations(text)) book.violation(wrong);
    const read = readRecord(text);
    if (!read.ok) return book.violation(`unreadable: ${read.why}`);
    const { record } = read;
    book.hear(record);
    table.apply(record);
    const isDescribing = !settings.quirks.lrMissing && settings.mode === 'fias' && link.isUp();
    const context = { described: link.lists, isDescribing, isInResync: table.isInResync };
    for (const wrong of recordViolations(record, context)) book.violation(wrong);
    if (!link.heard(record)) data(record);
  };
  const send = (id: string, fields: readonly Field[]): boolean => {
    if (link.isUp()) put(id, fields);
    return link.isUp();
  };
  const ask = async (id: string, fields: readonly Field[], answer: string) => {
    const number = fields.find(([name]) => name === 'P#')?.[1];
    return questions.ask({ number, answer, send: () => send(id, fields) });
  };
  return {
    ...{ table, send, ask, isUp: link.isUp },
    ...{ violations: book.violations, journal: book.journal, heard: book.heard },
    resync: async () => void (await ask('DR', stampOf(clock), 'DE')),
    leave: () => void send('LE', stampOf(clock)),
    connect: (bytes, end) => {
      channel?.close();
      const mine = createChannel({
        serial: settings.line.kind === 'serial' ? { baud: settings.line.baud } : undefined,
        ...{ clock, heard },
        write: async (sent) => bytes(sent),
        note: (text) => book.write(`- ${text}`),
        lost: () => end(),
      });
      channel = mine;
      encoders.reset();
      questions.drop();
      link.connected();
      // It listens first; when nothing comes, it begins itself.
      timers.later(VENDOR_LISTENS_MS, () => {
        if (channel === mine) link.listened();
      });
      return {
        bytes: (chunk) => mine.bytes(chunk),
        closed: () => {
          mine.close();
          if (channel !== mine) return;
          channel = undefined;
          link.disconnected();
          questions.drop();
        },
      };
    },
    close: () => {
      timers.close();
      channel?.close();
    },
  };
}
