// The conversation with the vendor: brings line, channel and link (state.ts) together, reads and writes records, and
// tells what data comes. Knows nothing of the hotel.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceHost } from '../../core/interface.ts';
import type { Line } from '../../core/line/ports.ts';
import type { LocalTime } from '../../core/vocabulary.ts';
import { keyOf } from './authentication.ts';
import { createChannel } from './channel.ts';
import type { Channel, Delivery } from './channel.ts';
import { codePage } from './codepage.ts';
import { codePageOf } from './config.ts';
import type { Settings } from './config.ts';
import { select } from './filter.ts';
import { HANG_UP_MS_MAX, LEAVE_MS_SERIAL, LEAVE_MS_TCP, RECORD_CHARS_MAX } from './limits.ts';
import { linkDueMs, linkInitial, linkNext } from './state.ts';
import type { LinkEffect, LinkRules, Vendor } from './state.ts';
import { traced } from './trace.ts';
import { readRecord, recordOf, writeRecord } from './wire.ts';
import type { FiasRecord } from './wire.ts';
import { stamp } from './times.ts';

/** `unlisted`: the vendor did not ask for such records. `too-long`: a room or number is longer than its field. */
export type Told = Delivery | 'down' | 'unlisted' | 'too-long';

export interface Session {
  /** While the link is up. */
  vendor(): Vendor | undefined;
  /** Numbers connections: an answer belongs to the one that asked. */
  connection(): number;
  local(): LocalTime;
  /** With the fields that the vendor listed, in the order of the calls. */
  say(record: FiasRecord): Promise<Told>;
  /** LE, and the end. */
  close(): Promise<void>;
}

export interface SessionHears {
  /** Agreed, the first time or anew. */
  up(vendor: Vendor): void;
  data(record: FiasRecord): void;
  /** `isAbrupt`: without LE. Only when it was up. */
  down(why: string, isAbrupt: boolean): void;
}

const rulesOf = (settings: Settings): LinkRules => ({
  mode: settings.mode,
  leaveMs: settings.line.kind === 'serial' ? LEAVE_MS_SERIAL : LEAVE_MS_TCP,
  isLaMissing: settings.quirks.laMissing,
  isLrMissing: settings.quirks.lrMissing,
  authentication:
    settings.authentication === undefined
      ? undefined
      : {
          key: keyOf(settings.authentication.key)!,
          isRequired: settings.authentication.isRequired,
        },
  hotelId: settings.hotelId,
  keySeconds: settings.keys.seconds,
  roomPayments: settings.roomPayments,
  version: 'clock-unit',
});

/** A conversation from now until close(), over as many connections as it takes. */
export function createSession(settings: Settings, host: ServiceHost, hears: SessionHears): Session {
  const { clock } = host;
  const local = (): LocalTime => host.local(clock.wallMs());
  const pen = createPen(settings, host);
  let connection = 0;
  let peer = '';
  /** Set while close() waits for the vendor's LE. */
  let ended: (() => void) | undefined;

  let shutting: Promise<void> | undefined;
  const shut = async (): Promise<void> => (shutting ??= line.close());
  const hangUp = async (why: string): Promise<void> => {
    await Promise.race([pen.settled(), sleep(HANG_UP_MS_MAX)]);
    if (link.state().at === 'refused') {
      // Dropped, it would come back by itself, again and again.
      host.talk({ at: 'down', why });
      await shut();
    } else line.drop(why);
    ended?.();
  };
  const perform = (effect: LinkEffect): void => {
    switch (effect.do) {
      case 'send':
        return void pen.write(effect.record, RECORD_CHARS_MAX);
      case 'up':
        host.talk({ at: 'up', with: withOf(peer, effect.vendor) });
        return hears.up(effect.vendor);
      case 'data':
        return hears.data(effect.record);
      case 'note':
        return host.trace('note', effect.text);
      case 'hang-up':
        return void hangUp(effect.why);
    }
  };
  const link = createDriver(settings, {
    host,
    local,
    perform,
    left: (why, isAbrupt) => hears.down(why, isAbrupt),
  });
  const alive = keepAlive(settings.aliveSeconds, {
    isUp: () => link.state().at === 'up',
    say: () => void pen.write(recordOf('LA', stamp(local())), RECORD_CHARS_MAX),
  });
  const line: Line = host.openLine(settings.line, {
    up: (from) => {
      connection += 1;
      peer = from;
      pen.use({
        write: async (bytes) => line.write(bytes),
        lost: (why) => line.drop(why),
        heard: (record) => {
          alive.heard();
          link.tell({ on: 'record', record });
        },
      });
      host.talk({ at: 'joining', with: from });
      link.tell({ on: 'connected' });
    },
    bytes: (chunk) => pen.bytes(chunk),
    down: (why, wasUp) => {
      pen.use(undefined);
      const now = link.state();
      host.talk({ at: 'down', why: now.at === 'refused' ? now.why : why });
      if (wasUp) link.tell({ on: 'disconnected' });
      ended?.();
    },
    note: (text) => host.trace('note', text),
  });
  const vendor = (): Vendor | undefined => {
    const now = link.state();
    return now.at === 'up' ? now.vendor : undefined;
  };
  return {
    ...{ local, vendor, connection: () => connection },
    say: async (record) => {
      const to = vendor();
      if (to === undefined) return 'down';
      const selected = select(to.described, record);
      return selected === undefined ? 'unlisted' : pen.write(selected, to.recordCharsMax);
    },
    close: async () => {
      alive.stop();
      const { promise, resolve } = Promise.withResolvers<void>();
      ended = resolve;
      if (pen.isOpen()) link.tell({ on: 'stop' });
      else resolve();
      await promise;
      link.stop();
      pen.use(undefined);
      await shut();
    },
  };
}

type Happened =
  | { readonly on: 'connected' }
  | { readonly on: 'disconnected' }
  | { readonly on: 'due' }
  | { readonly on: 'stop' }
  | { readonly on: 'record'; readonly record: FiasRecord };

interface Driving {
  readonly host: ServiceHost;
  readonly local: () => LocalTime;
  readonly perform: (effect: LinkEffect) => void;
  readonly left: SessionHears['down'];
}

/** The link's state, with its timer. */
function createDriver(settings: Settings, { host, local, perform, left }: Driving) {
  const rules = rulesOf(settings);
  const { clock, log } = host;
  let link = linkInitial;
  let timer: NodeJS.Timeout | undefined;
  const tell = (happened: Happened): void => {
    const before = link;
    const step = linkNext(link, { ...happened, nowMs: clock.nowMs(), local: local() }, rules);
    link = step.state;
    clearTimeout(timer);
    const dueMs = linkDueMs(link);
    if (dueMs !== undefined && Number.isFinite(dueMs))
      timer = setTimeout(() => tell({ on: 'due' }), Math.max(1, dueMs - clock.nowMs()));
    if (link.at === 'refused' && before.at !== 'refused')
      log.error(`FIAS: ${link.why}. Check the key at both ends, then start the service again.`);
    for (const effect of step.effects) perform(effect);
    if (before.at === 'up' && link.at !== 'up')
      left(link.at === 'leaving' ? 'LE' : 'cut', link.at !== 'leaving');
  };
  return { tell, state: () => link, stop: () => clearTimeout(timer) };
}

interface PenOf {
  readonly write: (bytes: Buffer) => Promise<void>;
  readonly lost: (why: string) => void;
  readonly heard: (record: FiasRecord) => void;
}

/** Reads and writes records on the connection that there is, in the site's letters. */
function createPen(settings: Settings, host: ServiceHost) {
  const page = codePage(codePageOf(settings));
  const serial = settings.line.kind === 'serial' ? { baud: settings.line.baud } : undefined;
  let channel: Channel | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    isOpen: () => channel !== undefined,
    bytes: (chunk: Buffer): void => channel?.bytes(chunk),
    /** When what was written has gone out, or never will. */
    settled: async () => last,
    use: (of: PenOf | undefined): void => {
      channel?.close();
      channel =
        of === undefined
          ? undefined
          : createChannel({
              ...{ serial, clock: host.clock, write: of.write, lost: of.lost },
              note: (text) => host.trace('note', text),
              heard: (body) => {
                const read = readRecord(page.decode(body));
                if (!read.ok)
                  return host.trace('note', `A record of ${body.length} bytes: ${read.why}`);
                host.trace('in', traced(read.record));
                of.heard(read.record);
              },
            });
    },
    write: async (record: FiasRecord, charsMax: number): Promise<Told> => {
      if (channel === undefined) return 'down';
      const text = writeRecord(record, charsMax);
      if (text === undefined) {
        host.trace('note', `${record.id} was not sent: a field is too long to be the same`);
        return 'too-long';
      }
      host.trace('out', traced(record));
      const sent = channel.send(page.encode(text));
      last = sent;
      return sent;
    },
  };
}

/** After silence LA tells the vendor that we are there; what it makes of it is its own. */
function keepAlive(seconds: number, of: { isUp(): boolean; say(): void }) {
  let wasHeard = false;
  const look = (): void => {
    if (of.isUp() && !wasHeard) of.say();
    wasHeard = false;
  };
  const timer = seconds === 0 ? undefined : setInterval(look, seconds * 1_000);
  return {
    heard: (): void => {
      wasHeard = true;
    },
    stop: () => clearInterval(timer),
  };
}

const withOf = (peer: string, vendor: Vendor): string => {
  const named = [vendor.family, vendor.version].filter((part) => part !== '').join(' ');
  return named === '' ? peer : `${peer} (${named})`;
};
