// The settings of one fiscal printer: where it is, which dialect it speaks, and how Clock's payment types and tax
// groups are called there. Pure.
import * as v from 'valibot';
import { parseSettings } from '../../core/fields/config.ts';
import { BAUDS, Serial, TcpClient } from '../../core/line/config.ts';
import type { Parsed } from '../../core/interface.ts';

/** In this order: what today's devices are set to comes first. */
export const AUTO_BAUDS = [115_200, 38_400, 9_600, 19_200, 57_600] as const;
export const DIALECTS = ['datecs-fp', 'datecs-ecr', 'datecs-x', 'daisy'] as const;
export type Dialect = (typeof DIALECTS)[number];

const Line = v.variant('kind', [
  v.strictObject({ ...TcpClient.entries, port: v.optional(TcpClient.entries.port, 4_999) }),
  v.strictObject({
    ...Serial.entries,
    baud: v.optional(v.picklist(['auto', ...BAUDS], 'not a baud rate, nor "auto"'), 'auto'),
  }),
]);

const Digits = v.pipe(v.string(), v.regex(/^\d{1,8}$/, 'digits only'));
const Name = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64));
/** Classic printers name a payment by a letter, "X" by a digit. */
const PAYMENT = { classic: /^[PNCDB]$/, x: /^[0-5]$/ } as const;

const Settings = v.pipe(
  v.strictObject({
    line: Line,
    dialect: v.picklist(DIALECTS, `one of ${DIALECTS.join(', ')}`),
    operator: v.optional(v.strictObject({ number: Digits, password: Digits }), {
      number: '1',
      password: '1',
    }),
    till: v.optional(Digits, '1'),
    /** Clock's type, or "default" for every other one -> the printer's. */
    paymentTypes: v.pipe(
      v.record(Name, v.string()),
      v.check((map) => Object.keys(map).length > 0, 'name at least one payment type'),
      v.check((map) => Object.keys(map).length <= 50, 'at most 50'),
    ),
    /** The tax rate in percent, "20" -> the printer's group, 1 (А) to 8 (З). */
    taxGroups: v.pipe(
      v.record(Name, v.pipe(v.number('1 to 8'), v.integer(), v.minValue(1), v.maxValue(8))),
      v.check((map) => Object.keys(map).length > 0, 'name at least one tax group'),
      v.check((map) => Object.keys(map).length <= 50, 'at most 50'),
    ),
    /** Characters of a line of text on the paper. */
    textWidth: v.optional(v.pipe(v.number(), v.integer(), v.minValue(16), v.maxValue(46)), 28),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { dialect, paymentTypes } = dataset.value;
    const form = dialect === 'datecs-x' ? PAYMENT.x : PAYMENT.classic;
    for (const [type, code] of Object.entries(paymentTypes)) {
      if (form.test(code)) continue;
      const message = dialect === 'datecs-x' ? 'a digit from 0 to 5' : 'one of P, N, C, D, B';
      addIssue({
        message,
        path: [
          {
            type: 'object',
            origin: 'value',
            input: dataset.value,
            key: 'paymentTypes',
            value: paymentTypes,
          },
          { type: 'object', origin: 'value', input: paymentTypes, key: type, value: code },
        ],
      });
    }
  }),
);
export type Settings = v.InferOutput<typeof Settings>;

export const parse = (settings: unknown): Parsed<Settings> => parseSettings(Settings, settings);
