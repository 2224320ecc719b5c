// The settings of one Epson RT printer: its address and Clock's map table (article 9000205954). Pure.
import * as v from 'valibot';
import { parseSettings } from '../../core/fields/config.ts';
import type { Parsed } from '../../core/interface.ts';

const Name = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64));
const entriesMax = <T>(map: Readonly<Record<string, T>>): boolean => Object.keys(map).length <= 50;
const Department = /^[1-9]\d?$/;

/** "http://192.168.1.50/cgi-bin/fpmate.cgi": no user, no query, no fragment. */
const Url = v.pipe(
  v.string(),
  v.trim(),
  v.maxLength(200),
  v.regex(
    /^https?:\/\/[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[1-9]\d{0,4})?\/[A-Za-z0-9._/-]{1,100}$/,
    'not an address like http://192.168.1.50/cgi-bin/fpmate.cgi',
  ),
  v.check((url) => URL.canParse(url), 'not an address'),
);

/** The help page's table. */
const PAYMENT_TYPES = {
  bank: 1,
  card: 2,
  cash: 0,
  check: 1,
  cross_account_transfer: 3,
  debit: 2,
  default: 0,
  'on-line': 2,
  other: 1,
  transfer: 0,
  vaucher: 1,
} as const;
const TAX_GROUPS = { '1': '0.22', '2': '0.1', '11': '0.0', default: '1' } as const;

const Settings = v.strictObject({
  url: Url,
  /** The printer's own certificate, or its authority's: with https. */
  trustPem: v.optional(v.pipe(v.string(), v.maxLength(16_384, 'too long'))),
  deviceId: v.optional(
    v.pipe(v.string(), v.regex(/^\w{1,32}$/, 'letters and digits')),
    'local_printer',
  ),
  timeoutSeconds: v.optional(v.pipe(v.number(), v.minValue(2), v.maxValue(60)), 10),
  operator: v.optional(v.pipe(v.string(), v.regex(/^\d{1,2}$/, 'a number')), '1'),
  /** Clock's type -> 0 cash, 1 cheque, 2 card or credit, 3 ticket. */
  paymentTypes: v.optional(
    v.pipe(
      v.record(Name, v.picklist([0, 1, 2, 3], '0, 1, 2 or 3')),
      v.check(entriesMax, 'at most 50'),
    ),
    PAYMENT_TYPES,
  ),
  /** The printer's department -> the tax rate it has; `default` -> the department of every other rate. */
  taxGroups: v.optional(
    v.pipe(
      v.record(Name, v.pipe(v.string(), v.regex(/^\d{1,2}(\.\d{1,4})?$/, 'a rate like 0.22'))),
      v.check(entriesMax, 'at most 50'),
      v.check(
        (map) => Object.keys(map).every((key) => key === 'default' || Department.test(key)),
        'departments are numbers from 1 to 99',
      ),
      v.check((map) => Department.test(map['default'] ?? '1'), '"default" names a department'),
    ),
    TAX_GROUPS,
  ),
  /** How a lottery code goes to the printer: older ones know the direct command alone. */
  lottery: v.optional(v.picklist(['element', 'direct', 'none']), 'element'),
  /** What a Z order prints: the fiscal closure, or the X report with it. */
  zReport: v.optional(v.picklist(['z', 'xz']), 'z'),
});
export type Settings = v.InferOutput<typeof Settings>;

export const parse = (settings: unknown): Parsed<Settings> => parseSettings(Settings, settings);
