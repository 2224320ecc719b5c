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

export function createSession(settings: Settings, host: ServiceHost, hears: SessionHears): Session {
  const rules = rulesOf(settings);
  const page = codePage(codePageOf(settings));
  const { clock } = host;
  const local = (): LocalTime => host.local(clock.wallMs());
  const ended = Promise.withResolvers<void>();
  let link = linkInitial;
  let channel: Channel | undefined;
  let connection = 0;
  let peer = '';
  let isClosing = false;
  let wasHeard = false;
  let dueTimer: NodeJS.Timeout | undefined;
  let lastWrite: Promise<unknown> = Promise.resolve();

  const write = async (record: FiasRecord, charsMax: number): Promise<Told> => {
    if (channel === undefined) return 'down';
    const text = writeRecord(record, charsMax);
    if (text === undefined) {
      host.trace('note', `${record.id} was not sent: a field is too long to be the same`);
      return 'too-long';
    }
    host.trace('out', traced(record));
    const sent = channel.send(page.encode(text));
    lastWrite = sent;
    return sent;
  };
  const hangUp = async (why: string): Promise<void> => {
    await Promise.race([lastWrite, sleep(HANG_UP_MS_MAX)]);
    line.drop(why);
    ended.resolve();
  };
  const perform = (effect: LinkEffect): void => {
    switch (effect.do) {
      case 'send':
        return void write(effect.record, RECORD_CHARS_MAX);
      case 'up':
        host.talk({ at: 'up', with: withOf(peer, effect.vendor) });
        return hears.up(effect.vendor);
      case 'data':
        return hears.data(effect.record);
      case 'note':
        return host.trace('note', effect.text);
      case 'hang-up':
        if (link.at === 'refused')
          host.log.error(`FIAS: ${effect.why}. Check the key, then start the service again.`);
        return void hangUp(effect.why);
    }
  };
  const dispatch = (happened: Happened): void => {
    const before = link;
    const step = linkNext(link, { ...happened, nowMs: clock.nowMs(), local: local() }, rules);
    link = step.state;
    clearTimeout(dueTimer);
    const dueMs = linkDueMs(link);
    if (dueMs !== undefined && Number.isFinite(dueMs))
      dueTimer = setTimeout(() => dispatch({ on: 'due' }), Math.max(1, dueMs - clock.nowMs()));
    for (const effect of step.effects) perform(effect);
    if (before.at === 'up' && link.at !== 'up')
      hears.down(link.at === 'leaving' ? 'LE' : 'cut', link.at !== 'leaving');
  };
  const heard = (body: Buffer): void => {
    wasHeard = true;
    const read = readRecord(page.decode(body));
    if (!read.ok) return host.trace('note', `A record of ${body.length} bytes: ${read.why}`);
    host.trace('in', traced(read.record));
    dispatch({ on: 'record', record: read.record });
  };
  const line: Line = host.openLine(settings.line, {
    up: (from) => {
      channel?.close();
      connection += 1;
      peer = from;
      channel = createChannel({
        serial: settings.line.kind === 'serial' ? { baud: settings.line.baud } : undefined,
        ...{ clock, heard },
        write: async (bytes) => line.write(bytes),
        note: (text) => host.trace('note', text),
        lost: (why) => line.drop(why),
      });
      host.talk({ at: 'joining', with: from });
      dispatch({ on: 'connected' });
    },
    bytes: (chunk) => channel?.bytes(chunk),
    down: (why, wasUp) => {
      channel?.close();
      channel = undefined;
      host.talk({ at: 'down', why: link.at === 'refused' ? link.why : why });
      if (wasUp) dispatch({ on: 'disconnected' });
      if (isClosing) ended.resolve();
    },
    note: (text) => host.trace('note', text),
  });
  const alive =
    settings.aliveSeconds === 0
      ? undefined
      : setInterval(() => {
          if (link.at === 'up' && !wasHeard)
            void write(recordOf('LA', stamp(local())), RECORD_CHARS_MAX);
          wasHeard = false;
        }, settings.aliveSeconds * 1_000);

  return {
    ...{ local, connection: () => connection },
    vendor: () => (link.at === 'up' ? link.vendor : undefined),
    say: async (record) => {
      if (link.at !== 'up') return 'down';
      const { vendor } = link;
      const selected = select(vendor.described, record);
      return selected === undefined ? 'unlisted' : write(selected, vendor.recordCharsMax);
    },
    close: async () => {
      isClosing = true;
      clearInterval(alive);
      if (channel === undefined) ended.resolve();
      else dispatch({ on: 'stop' });
      await ended.promise;
      clearTimeout(dueTimer);
      channel?.close();
      await line.close();
    },
  };
}

type Happened =
  | { readonly on: 'connected' }
  | { readonly on: 'disconnected' }
  | { readonly on: 'due' }
  | { readonly on: 'stop' }
  | { readonly on: 'record'; readonly record: FiasRecord };

const withOf = (peer: string, vendor: Vendor): string => {
  const named = [vendor.family, vendor.version].filter((part) => part !== '').join(' ');
  return named === '' ? peer : `${peer} (${named})`;
};
