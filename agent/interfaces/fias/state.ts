// The FIAS link as the PMS side keeps it: LS, LD, LR, LC, LA, LE in their order, what the vendor described, and when
// data may pass. Pure: run.ts turns effects into records and calls.
import type { LocalTime } from '../../core/vocabulary.ts';
import { provenOf } from './authentication.ts';
import { described, EVERYTHING, KEYS_ONLY } from './filter.ts';
import type { Described } from './filter.ts';
import {
  JOIN_MS_MAX,
  LS_PAUSE_MS,
  LS_REMEMBERED_MAX,
  NO_LA_MS,
  RECORD_CHARS_MAX,
} from './limits.ts';
import { stamp, wholeOf } from './times.ts';
import { filled, recordOf } from './wire.ts';
import type { FiasRecord } from './wire.ts';

export interface LinkRules {
  /** `hotek`: the vendor says LS, is answered LA, and describes nothing. */
  readonly mode: 'fias' | 'hotek';
  readonly leaveMs: number;
  /** The vendor never sends LA: its LRs and a pause are enough. */
  readonly isLaMissing: boolean;
  /** The vendor describes nothing. */
  readonly isLrMissing: boolean;
  readonly authentication: { readonly key: Buffer; readonly isRequired: boolean } | undefined;
  readonly hotelId: string;
  readonly keySeconds: number;
  /** Payment methods for RP; empty: none are named. */
  readonly roomPayments: string;
  readonly version: string;
}

/** What the vendor said of itself. */
export interface Vendor {
  /** IF: "PB". Empty: it did not say. */
  readonly family: string;
  readonly version: string;
  /** RT: what it wants to know in LC. */
  readonly asks: number | undefined;
  /** RL: records not longer than this. */
  readonly recordCharsMax: number;
  readonly described: Described;
}

/** An agreement that is being made. */
interface Join {
  readonly ld: Omit<Vendor, 'described'> | undefined;
  readonly described: Described;
}

interface Sent {
  /** DA and TI of our last LS', the newest last. */
  readonly lsDigits: readonly string[];
  readonly lsMs: number;
}

export type Link =
  | { readonly at: 'off' }
  | ({ readonly at: 'joining'; readonly join: Join; readonly dueMs: number } & Sent)
  | ({
      readonly at: 'up';
      readonly vendor: Vendor;
      /** It describes itself anew; until its LA the old description holds. */
      readonly join: Join | undefined;
      readonly dueMs: number | undefined;
    } & Sent)
  | { readonly at: 'leaving'; readonly dueMs: number }
  /** It failed to prove itself: a person must look, and start the service again. */
  | { readonly at: 'refused'; readonly why: string };

/** Each happens at a time of both clocks. */
export type LinkEvent = { readonly nowMs: number; readonly local: LocalTime } & (
  | { readonly on: 'connected' }
  | { readonly on: 'disconnected' }
  | { readonly on: 'record'; readonly record: FiasRecord }
  | { readonly on: 'due' }
  | { readonly on: 'stop' }
);

export type LinkEffect =
  | { readonly do: 'send'; readonly record: FiasRecord }
  | { readonly do: 'up'; readonly vendor: Vendor }
  /** A record with data, and the link is up. */
  | { readonly do: 'data'; readonly record: FiasRecord }
  /** After what was sent has gone out. */
  | { readonly do: 'hang-up'; readonly why: string }
  | { readonly do: 'note'; readonly text: string };

export interface LinkStep {
  readonly state: Link;
  readonly effects: readonly LinkEffect[];
}

const NOTHING: Join = { ld: undefined, described: new Map() };
const LINK_RECORDS: ReadonlySet<string> = new Set(['LS', 'LD', 'LR', 'LA', 'LE', 'LC']);
const UNSAID = { family: '', version: '', asks: undefined, recordCharsMax: RECORD_CHARS_MAX };

export const linkInitial: Link = { at: 'off' };

export const linkDueMs = (link: Link): number | undefined =>
  link.at === 'off' || link.at === 'refused' ? undefined : link.dueMs;

export function linkNext(link: Link, event: LinkEvent, rules: LinkRules): LinkStep {
  if (link.at === 'refused') {
    const isHere = event.on === 'connected' || event.on === 'stop';
    return step(link, isHere ? [{ do: 'hang-up', why: link.why }] : []);
  }
  switch (event.on) {
    case 'connected':
      return connected(event, rules);
    case 'disconnected':
      return step({ at: 'off' });
    case 'stop':
      return stop(link, event, rules);
    case 'due':
      return due(link, event, rules);
    case 'record':
      if (event.record.id === 'LE') return left(link, event);
      if (link.at === 'joining') return joining(link, { ...event, rules });
      if (link.at === 'up') return up(link, { ...event, rules });
      return step(link);
  }
}

type Joining = Extract<Link, { at: 'joining' }>;
type Up = Extract<Link, { at: 'up' }>;
interface Now {
  readonly nowMs: number;
  readonly local: LocalTime;
}
type Heard = Now & { readonly record: FiasRecord; readonly rules: LinkRules };

const step = (state: Link, effects: readonly LinkEffect[] = []): LinkStep => ({ state, effects });
const send = (id: string, local: LocalTime): LinkEffect => ({
  do: 'send',
  record: recordOf(id, stamp(local)),
});
const note = (text: string): LinkEffect => ({ do: 'note', text });

function connected(now: Now, rules: LinkRules): LinkStep {
  const fresh: Joining = {
    ...{ at: 'joining', join: NOTHING, lsDigits: [], lsMs: Number.NEGATIVE_INFINITY },
    dueMs: now.nowMs + JOIN_MS_MAX,
  };
  return rules.mode === 'hotek' ? step(fresh) : sayLs(fresh, now);
}

function sayLs(link: Joining, now: Now): LinkStep {
  const digits = stamp(now.local)
    .map(([, value]) => value)
    .join('');
  const lsDigits = [...link.lsDigits, digits].slice(-LS_REMEMBERED_MAX);
  const dueMs = now.nowMs + JOIN_MS_MAX;
  return step({ ...link, lsDigits, lsMs: now.nowMs, dueMs }, [send('LS', now.local)]);
}

/** LS again, now or in a moment. */
function oweLs(link: Joining, now: Now): LinkStep {
  const fromMs = link.lsMs + LS_PAUSE_MS;
  return now.nowMs >= fromMs ? sayLs(link, now) : step({ ...link, dueMs: fromMs });
}

function joining(link: Joining, heard: Heard): LinkStep {
  const { record, rules } = heard;
  if (rules.mode === 'hotek' && (record.id === 'LS' || record.id === 'LA'))
    return agreed(link, { ld: link.join.ld, described: KEYS_ONLY }, heard);
  switch (record.id) {
    case 'LS':
      return oweLs({ ...link, join: NOTHING }, heard);
    case 'LD':
    case 'LR':
      return describing(link, heard);
    case 'LC':
      return step(link);
    case 'LA':
      return isWhole(link.join, rules)
        ? agreed(link, link.join, heard)
        : withNote(oweLs(link, heard), 'LA came before LD and LR: said LS again');
    default:
      // Data before LA is nobody's; of a vendor that never says LA it is the sign that it has begun.
      if (mayBegin(link.join, rules)) return withData(agreed(link, link.join, heard), record);
      return withNote(
        // A vendor that begins with anything but LD did not hear our LS.
        link.join.ld === undefined && rules.mode === 'fias' ? oweLs(link, heard) : step(link),
        `${record.id} came before LA: ignored`,
      );
  }
}

const withNote = (done: LinkStep, text: string): LinkStep =>
  step(done.state, [...done.effects, note(text)]);
const withData = (done: LinkStep, record: FiasRecord): LinkStep =>
  step(done.state, [...done.effects, { do: 'data', record }]);

const isWhole = (join: Join, rules: LinkRules): boolean =>
  rules.isLrMissing || (join.ld !== undefined && join.described.size > 0);
const mayBegin = (join: Join, rules: LinkRules): boolean =>
  (rules.isLaMissing || rules.mode === 'hotek') && isWhole(join, rules);

/** LD or LR, before the link is up and while it is. */
function describing(link: Joining | Up, heard: Heard): LinkStep {
  const { record, rules, nowMs } = heard;
  const before: Join = link.join ?? {
    ld: undefined,
    described: record.id === 'LD' ? new Map() : vendorOf(link),
  };
  const dueMs = rules.isLaMissing ? nowMs + NO_LA_MS : nowMs + JOIN_MS_MAX;
  if (record.id === 'LR') {
    const more = described(before.described, record);
    if (more === undefined) return step(link, [note('An LR that describes nothing')]);
    const ld = before.ld ?? (link.at === 'up' ? link.vendor : undefined);
    return step({ ...link, dueMs, join: { ld, described: more } });
  }
  const wrong = unproven(record, { link, rules });
  if (wrong !== undefined) return refuse(wrong, heard);
  const ld = {
    family: filled(record, 'IF') ?? '',
    version: filled(record, 'V#') ?? '',
    asks: wholeOf(filled(record, 'RT') ?? ''),
    recordCharsMax: charsMaxOf(record),
  };
  // A second LD begins anew.
  return step({
    ...link,
    dueMs,
    join: { ld, described: before.ld === undefined ? before.described : new Map() },
  });
}

const vendorOf = (link: Joining | Up): Described =>
  link.at === 'up' ? link.vendor.described : new Map();

function charsMaxOf(ld: FiasRecord): number {
  const asked = wholeOf(filled(ld, 'RL') ?? '');
  // Less than a check-in's fields is a mistake.
  return asked === undefined || asked < 100 ? RECORD_CHARS_MAX : Math.min(asked, RECORD_CHARS_MAX);
}

function unproven(
  ld: FiasRecord,
  { link, rules }: { readonly link: Sent; readonly rules: LinkRules },
): string | undefined {
  const { authentication } = rules;
  if (authentication === undefined) return undefined;
  const proof = filled(ld, 'CG');
  if (proof === undefined)
    return authentication.isRequired ? 'the vendor does not prove itself (no CG)' : undefined;
  if (filled(ld, 'RT') === undefined) return 'the vendor proves itself without RT';
  const proven = provenOf(proof, authentication.key);
  return proven !== undefined && link.lsDigits.includes(proven)
    ? undefined
    : 'the vendor has another key (CG is wrong)';
}

function refuse(why: string, now: Now): LinkStep {
  return step({ at: 'refused', why }, [send('LE', now.local), { do: 'hang-up', why }]);
}

function agreed(link: Joining | Up, join: Join, heard: Now & { rules: LinkRules }): LinkStep {
  const { local, rules } = heard;
  const { lsDigits, lsMs } = link;
  const list = join.described.size > 0 ? join.described : EVERYTHING;
  const vendor: Vendor = { ...UNSAID, ...join.ld, described: list };
  const state: Up = { at: 'up', vendor, join: undefined, dueMs: undefined, lsDigits, lsMs };
  const lc = vendor.asks === undefined ? [] : [configuration(vendor.asks, { local, rules })];
  return step(state, [...lc, send('LA', local), { do: 'up', vendor }]);
}

/** LC: what RT asks for, by its bits. */
function configuration(
  asks: number,
  { local, rules }: { readonly local: LocalTime; readonly rules: LinkRules },
): LinkEffect {
  const bit = (mask: number, value: string): string | undefined =>
    (asks & mask) === 0 || value === '' ? undefined : value;
  return {
    do: 'send',
    record: recordOf('LC', [
      ...stamp(local),
      ['PH', rules.hotelId],
      ['RP', bit(1, rules.roomPayments)],
      ['A1', bit(4, rules.version)],
      ['A2', bit(16, rules.version)],
      ['A3', bit(32, rules.version)],
      // A payment terminal's, which we have none of, and a key's.
      ['A0', bit(128, `60;${rules.keySeconds}`)],
    ]),
  };
}

function up(link: Up, heard: Heard): LinkStep {
  const { record } = heard;
  switch (record.id) {
    case 'LS':
      return step(link, [send('LA', heard.local)]);
    case 'LD':
    case 'LR':
      return describing(link, heard);
    case 'LA':
      return link.join !== undefined && isWhole(link.join, heard.rules)
        ? agreed(link, link.join, heard)
        : step(link);
    default:
      return LINK_RECORDS.has(record.id) ? step(link) : step(link, [{ do: 'data', record }]);
  }
}

function left(link: Link, now: Now): LinkStep {
  switch (link.at) {
    case 'leaving':
      return step(link, [{ do: 'hang-up', why: 'both sides said LE' }]);
    case 'joining':
    case 'up':
      // The vendor keeps its charges and comes back; so do we.
      return step({ at: 'leaving', dueMs: Number.POSITIVE_INFINITY }, [
        send('LE', now.local),
        { do: 'hang-up', why: 'the vendor ended the link (LE)' },
      ]);
    case 'off':
    case 'refused':
      return step(link);
  }
}

function stop(link: Link, now: Now, rules: LinkRules): LinkStep {
  if (link.at !== 'joining' && link.at !== 'up')
    return step(link, [{ do: 'hang-up', why: 'stopped' }]);
  return step({ at: 'leaving', dueMs: now.nowMs + rules.leaveMs }, [send('LE', now.local)]);
}

function due(link: Link, now: Now, rules: LinkRules): LinkStep {
  const dueMs = linkDueMs(link);
  if (dueMs === undefined || now.nowMs < dueMs) return step(link);
  const heard = { ...now, rules };
  switch (link.at) {
    case 'joining':
      return mayBegin(link.join, rules) && (link.join.ld !== undefined || rules.mode === 'hotek')
        ? agreed(link, link.join, heard)
        : rules.mode === 'hotek'
          ? step({ ...link, dueMs: now.nowMs + JOIN_MS_MAX })
          : sayLs(link, now);
    case 'up':
      return link.join !== undefined && mayBegin(link.join, rules)
        ? agreed(link, link.join, heard)
        : // It began to describe itself anew and did not end: the old description holds.
          step({ ...link, join: undefined, dueMs: undefined });
    case 'leaving':
      return step({ at: 'leaving', dueMs: Number.POSITIVE_INFINITY }, [
        { do: 'hang-up', why: 'the vendor did not answer LE' },
      ]);
    case 'off':
    case 'refused':
      return step(link);
  }
}
