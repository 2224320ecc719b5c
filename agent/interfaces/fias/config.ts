// FIAS's settings as Clock's form and the factory record name them. Pure.
import * as v from 'valibot';
import { distinct, parseSettings } from '../../core/fields/config.ts';
import type { Parsed } from '../../core/interface.ts';
import { Serial, TcpClient, TcpServer } from '../../core/line/config.ts';
import { keyOf } from './authentication.ts';
import { CODE_PAGES } from './codepage.ts';
import { ENCODERS_MAX, LANGUAGES_MAX } from './limits.ts';

/** Oracle's timeouts are 30 s and more; an encoder that waits for a guest's card, a minute. */
const Seconds = v.pipe(v.number(), v.integer(), v.minValue(5), v.maxValue(600));
const short = (charsMax: number) =>
  v.pipe(
    v.string(),
    v.maxLength(charsMax, 'too long'),
    v.regex(/^[^|\p{Cc}]*$/u, 'control characters or "|"'),
  );
const named = (charsMax: number) => v.pipe(short(charsMax), v.minLength(1, 'empty'));

const Encoder = v.strictObject({
  name: named(80),
  /** KC: as the lock system calls it. */
  identifier: named(8),
});

/** What is sold under one SO. */
const Outlet = v.strictObject({
  so: named(5),
  name: v.optional(short(80), ''),
  group: v.optional(v.picklist(['f&b', 'extra', 'other']), 'other'),
  /** Calls or sales, where one interface posts both. */
  kind: v.optional(v.picklist(['call', 'charge']), 'charge'),
});

const Authentication = v.strictObject({
  key: v.pipe(
    v.string(),
    v.check((text) => keyOf(text) !== undefined, 'not "FidCrypt0S|" and a key of 16 bytes'),
  ),
  /** false: a vendor without CG is let in, as Oracle does. */
  isRequired: v.optional(v.boolean(), true),
});

/** Where vendors differ from the document, all off. */
const Quirks = v.strictObject({
  /** It never sends LA: its LRs are enough. */
  laMissing: v.optional(v.boolean(), false),
  /** It sends no LR: every field that we know goes out. */
  lrMissing: v.optional(v.boolean(), false),
  /** DT of a key in six digits (Hotek), not as 12:00. */
  longKeyTimes: v.optional(v.boolean(), false),
  /** PT D is a charge (seen at a vendor; not Oracle's). */
  directCharges: v.optional(v.boolean(), false),
});

/** FIAS statuses that a check-in brings, to vendors that list them; absent: the vendor's own default. */
const CheckIn = v.strictObject({
  classOfService: v.optional(v.picklist(['0', '1', '2', '3'])),
  television: v.optional(v.picklist(['TU', 'TM', 'TX', 'TN'])),
  minibar: v.optional(v.picklist(['MU', 'MN', 'ML'])),
  video: v.optional(v.picklist(['VA', 'VB', 'VN'])),
});

const Keys = v.strictObject({
  seconds: v.optional(Seconds, 60),
  /** WS when the order names no desk. */
  desk: v.optional(named(16), '1'),
  /** Common door codes by their place in KO. */
  options: v.optional(v.pipe(v.array(short(80)), v.maxLength(20)), []),
  /** An on-line lock system: keys follow a room move and a new departure (KM), on the first encoder. */
  areOnline: v.optional(v.boolean(), false),
});

const Fields = v.strictObject({
  line: v.variant('kind', [TcpServer, TcpClient, Serial]),
  mode: v.optional(v.picklist(['fias', 'hotek']), 'fias'),
  codePage: v.optional(v.picklist(CODE_PAGES), 'windows-1252'),
  encoders: v.optional(
    v.pipe(
      v.array(Encoder),
      v.maxLength(ENCODERS_MAX, 'too many'),
      distinct('identifier', 'two encoders have the same identifier'),
    ),
    [],
  ),
  keys: v.optional(Keys, {}),
  /** ISO 639-1 -> GL, beside those built in. */
  languages: v.optional(
    v.pipe(
      v.record(v.pipe(v.string(), v.regex(/^[a-z]{2}$/, 'not a language')), named(10)),
      v.check((map) => Object.keys(map).length <= LANGUAGES_MAX, 'too many'),
    ),
    {},
  ),
  /** `auto`: guests when the vendor lists G#. */
  basis: v.optional(v.picklist(['auto', 'rooms', 'guests']), 'auto'),
  hotelId: v.optional(short(20), ''),
  roomPayments: v.optional(short(100), ''),
  authentication: v.optional(Authentication),
  checkIn: v.optional(CheckIn, {}),
  /** What FIAS' "clean" (RS 3, 4) is in a house that inspects. */
  cleanIs: v.optional(v.picklist(['clean', 'inspect']), 'clean'),
  /** RS to the vendor: only on a link of its own. */
  sendsRoomStatus: v.optional(v.boolean(), false),
  /** PT C: `auto`: a call of CA and PB, a charge of the others. */
  priced: v.optional(v.picklist(['auto', 'call', 'charge']), 'auto'),
  outlets: v.optional(v.pipe(v.array(Outlet), v.maxLength(100, 'too many')), []),
  /** All rooms again after a connection broke off while stays were under way. */
  resyncAfterLoss: v.optional(v.boolean(), true),
  /** Of silence, until we say LA; 0: never. */
  aliveSeconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(3_600)), 300),
  quirks: v.optional(Quirks, {}),
});
const Settings = v.pipe(
  Fields,
  v.forward(
    v.partialCheck(
      [['line']],
      ({ line }) => line.kind !== 'serial' || line.flow === 'none',
      'FIAS has no flow control: set flow to none',
    ),
    ['line'],
  ),
);
export type Settings = v.InferOutput<typeof Settings>;

/** All problems at once, each with its field. */
export const parse = (settings: unknown): Parsed<Settings> => parseSettings(Settings, settings);

/** Seven data bits carry no characters above 7F. */
export const codePageOf = (settings: Settings): Settings['codePage'] =>
  settings.line.kind === 'serial' && settings.line.dataBits === 7 ? 'ascii' : settings.codePage;
