// The settings of a call record service: where the records come from, how they are laid out, which of them count
// and what they cost. Pure.
import * as v from 'valibot';
import { parseSettings } from '../../core/fields/config.ts';
import type { Parsed } from '../../core/interface.ts';
import { Serial, TcpClient, TcpServer } from '../../core/line/config.ts';
import { spanFormatProblem, timeFormatProblem } from './format.ts';
import {
  CONDITIONS_MAX,
  EXTENSIONS_MAX,
  PREFIXES_MAX,
  RECORD_BYTES_MAX,
  ZONES_MAX,
} from './limits.ts';

/** Printable, as it stands in a record: ISO 8859-1. */
const Printable = v.pipe(
  v.string(),
  v.maxLength(80, 'too long'),
  v.regex(/^[\x20-\x7e\xa0-\xff]*$/, 'not a text of the record'),
);
const NotEmpty = v.pipe(Printable, v.minLength(1, 'empty'));
const Whole = (min: number, max: number) =>
  v.pipe(
    v.number(),
    v.integer('not a whole number'),
    v.minValue(min, `less than ${min}`),
    v.maxValue(max, `more than ${max}`),
  );
const Column = Whole(1, RECORD_BYTES_MAX);
const RANGE = { from: Column, to: Column };
const BACKWARDS = 'the last column is before the first';
const Range = v.pipe(
  v.strictObject(RANGE),
  v.check(({ from, to }) => from <= to, BACKWARDS),
);
const formatted = (problemOf: (format: string) => string | undefined) =>
  v.pipe(
    v.string(),
    v.maxLength(60, 'too long'),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const message = problemOf(dataset.value);
      if (message !== undefined) addIssue({ message });
    }),
  );

const At = v.pipe(
  v.strictObject({
    ...RANGE,
    format: formatted(timeFormatProblem),
    /** Whether the record has the time when the call began, or when it ended. */
    marks: v.optional(v.picklist(['begin', 'end']), 'begin'),
  }),
  v.check(({ from, to }) => from <= to, BACKWARDS),
);
const Duration = v.pipe(
  v.strictObject({ ...RANGE, format: formatted(spanFormatProblem) }),
  v.check(({ from, to }) => from <= to, BACKWARDS),
);
const Price = v.pipe(
  v.strictObject({
    ...RANGE,
    /** Places after the point where the record has none: "00347" with 2 is 3.47. */
    decimals: v.optional(Whole(0, 4), 0),
  }),
  v.check(({ from, to }) => from <= to, BACKWARDS),
);
const Codes = v.optional(v.pipe(v.array(Printable), v.maxLength(20)), []);
const Direction = v.pipe(
  v.strictObject({
    ...RANGE,
    /** What stands there, without blanks around it. */
    outgoing: Codes,
    incoming: Codes,
    internal: Codes,
    /** What else stands there. */
    otherwise: v.optional(v.picklist(['outgoing', 'incoming', 'internal', 'ignore']), 'ignore'),
  }),
  v.check(({ from, to }) => from <= to, BACKWARDS),
);

/** All must be so for a record to count. */
const Condition = v.variant('is', [
  v.strictObject({ is: v.literal('prefix'), text: NotEmpty, not: v.optional(v.boolean(), false) }),
  v.strictObject({
    is: v.literal('contains'),
    text: NotEmpty,
    not: v.optional(v.boolean(), false),
  }),
  v.pipe(
    v.strictObject({
      ...{ is: v.literal('columns'), ...RANGE, text: Printable },
      not: v.optional(v.boolean(), false),
    }),
    v.check(({ from, to }) => from <= to, BACKWARDS),
  ),
]);

const ColumnLayout = v.strictObject({
  kind: v.literal('columns'),
  /** `any`: CR, LF, form feed and NUL each end a line. */
  lineEnd: v.optional(v.picklist(['any', 'cr', 'lf']), 'any'),
  /** Not read after each connection. */
  headerLines: v.optional(Whole(0, 200), 0),
  filter: v.optional(v.pipe(v.array(Condition), v.maxLength(CONDITIONS_MAX)), []),
  fields: v.strictObject({
    at: At,
    extension: Range,
    duration: v.optional(Duration),
    dialled: v.optional(Range),
    line: v.optional(Range),
    price: v.optional(Price),
    impulses: v.optional(Range),
    direction: v.optional(Direction),
  }),
  /** The same line again within one connection: `once` it is the same call, `count` another one. */
  twins: v.optional(v.picklist(['once', 'count']), 'once'),
});
const HobicLayout = v.strictObject({
  kind: v.literal('hobic'),
  framing: v.optional(v.picklist(['hb', 'hx']), 'hb'),
  dateOrder: v.optional(v.picklist(['MM/DD', 'DD/MM']), 'MM/DD'),
  /** HX: whether the byte after the frame is the XOR of it; else it is left alone. */
  check: v.optional(v.boolean(), true),
  /** HX: ACK once a record is stored, NAK when its check is wrong. */
  answer: v.optional(v.boolean(), true),
});
const Layout = v.variant('kind', [ColumnLayout, HobicLayout]);

const Credential = v.pipe(
  v.string(),
  v.minLength(1, 'empty'),
  v.maxLength(64, 'too long'),
  v.regex(/^[\x20-\x7e]*$/, 'not plain characters'),
);
const Login = v.strictObject({
  user: v.optional(Credential),
  password: Credential,
  /** What the PBX says last before it waits; upper and lower case are one. */
  userPrompt: v.optional(NotEmpty, 'login:'),
  passwordPrompt: v.optional(NotEmpty, 'password:'),
  lineEnd: v.optional(v.picklist(['crlf', 'cr', 'lf']), 'crlf'),
});

/** Named so that its problem can say why. */
const File = v.pipe(
  v.looseObject({ kind: v.literal('file') }),
  v.check(
    () => false,
    'not supported: the file lies on another computer, and the unit opens no network shares. ' +
      'Let the PBX or its program send the records over TCP or a serial port',
  ),
);
const Line = v.variant('kind', [TcpClient, TcpServer, Serial, File]);

const Digits = v.pipe(v.string(), v.regex(/^[0-9*#+]{0,20}$/, 'not digits'));
const Extensions = v.strictObject({
  /** In front of the number in the record, and not in Clock. */
  strip: v.optional(Digits, ''),
  list: v.optional(
    v.pipe(
      v.array(v.strictObject({ extension: NotEmpty, room: NotEmpty })),
      v.maxLength(EXTENSIONS_MAX),
    ),
    [],
  ),
  /** Which are not on the list: as they are, or not at all. */
  others: v.optional(v.picklist(['as-they-are', 'ignore']), 'as-they-are'),
});

const Money = v.pipe(v.string(), v.regex(/^\d{1,5}(\.\d{1,4})?$/, 'not an amount, as in 0.25'));
const Tariff = v.strictObject({
  decimals: v.optional(Whole(0, 4), 2),
  zones: v.pipe(
    v.array(
      v.strictObject({
        name: NotEmpty,
        prefixes: v.pipe(
          v.array(Digits),
          v.minLength(1, 'name at least one'),
          v.maxLength(PREFIXES_MAX),
        ),
        connection: v.optional(Money, '0'),
        unitSeconds: v.optional(Whole(1, 3_600), 60),
        unitPrice: Money,
        freeSeconds: v.optional(Whole(0, 3_600), 0),
      }),
    ),
    v.minLength(1, 'name at least one'),
    v.maxLength(ZONES_MAX),
  ),
});

const Settings = v.pipe(
  v.strictObject({
    line: Line,
    login: v.optional(Login),
    layout: Layout,
    take: v.optional(
      v.strictObject({
        incoming: v.optional(v.boolean(), false),
        internal: v.optional(v.boolean(), false),
        unanswered: v.optional(v.boolean(), false),
        /** A number of so many digits or fewer is a room's; 0: not judged by its length. */
        internalDigitsMax: v.optional(Whole(0, 10), 0),
      }),
      {},
    ),
    extensions: v.optional(Extensions, {}),
    /** In front of the number dialled to get an outside line. */
    accessCode: v.optional(Digits, ''),
    price: v.optional(
      v.strictObject({
        from: v.optional(v.picklist(['pbx-else-tariff', 'tariff', 'none']), 'pbx-else-tariff'),
        /** The PBX writes 0.00 where it knows no price. */
        zeroIsNone: v.optional(v.boolean(), false),
      }),
      {},
    ),
    tariff: v.optional(Tariff),
  }),
  v.forward(
    v.check(
      ({ line, login }) => login === undefined || line.kind === 'tcp-client',
      'only where the unit connects',
    ),
    ['login'],
  ),
  v.forward(
    v.check(({ price, tariff }) => price.from !== 'tariff' || tariff !== undefined, 'missing'),
    ['tariff'],
  ),
);
/** A file never gets this far. */
export type CallSettings = Omit<v.InferOutput<typeof Settings>, 'line'> & {
  readonly line: Exclude<v.InferOutput<typeof Line>, { readonly kind: 'file' }>;
};
export type Layout = v.InferOutput<typeof Layout>;
export type ColumnLayout = v.InferOutput<typeof ColumnLayout>;
export type HobicLayout = v.InferOutput<typeof HobicLayout>;
export type Condition = v.InferOutput<typeof Condition>;
export type Login = v.InferOutput<typeof Login>;

export const parseCallSettings = (settings: unknown): Parsed<CallSettings> =>
  parseSettings(Settings, settings) as Parsed<CallSettings>;
