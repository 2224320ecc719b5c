// The settings of receipt printers: where each is and what its maker made different. Pure.
import * as v from 'valibot';
import { distinct, parseSettings } from '../../core/fields/config.ts';
import type { Parsed } from '../../core/interface.ts';
import { Host, Port, UsbPrinter } from '../../core/line/config.ts';
import { PRINTERS_MAX } from './limits.ts';
import { PAGES } from './pages.ts';

const Whole = (min: number, max: number) =>
  v.pipe(
    v.number(),
    v.integer('not a whole number'),
    v.minValue(min, `less than ${min}`),
    v.maxValue(max, `more than ${max}`),
  );
const Name = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(1, 'empty'),
  v.maxLength(60, 'too long'),
  v.regex(/^\P{Cc}*$/u, 'control characters'),
);
const Tcp = v.strictObject({
  kind: v.literal('tcp'),
  host: Host,
  port: v.optional(Port, 9_100),
});
const CodePage = v.strictObject({
  page: v.picklist(PAGES),
  /** The maker's number of it: n of ESC t n. */
  number: Whole(0, 255),
});
/** Epson's numbers; of the pages most printers have the first. */
const DEFAULT_PAGES = [{ page: 'cp437', number: 0 }] as const;

const Printer = v.strictObject({
  name: Name,
  at: v.variant('kind', [Tcp, UsbPrinter]),
  /** Characters of a line in normal size. */
  columns: v.optional(Whole(16, 96), 48),
  codePages: v.optional(
    v.pipe(v.array(CodePage), v.minLength(1, 'name at least one'), v.maxLength(8)),
    () => [...DEFAULT_PAGES],
  ),
  /** What no code page has: written in ASCII letters or refused; a question mark for what has no such letters. */
  missing: v.optional(v.picklist(['transliterate', 'question-mark', 'refuse']), 'transliterate'),
  cut: v.optional(v.picklist(['full', 'partial', 'none']), 'partial'),
  /** Dots fed before the cut, beside what the printer feeds by itself. */
  cutFeedDots: v.optional(Whole(0, 255), 0),
  drawer: v.optional(
    v.strictObject({
      pin: v.optional(v.picklist([0, 1]), 0),
      onMs: v.optional(Whole(2, 510), 50),
      offMs: v.optional(Whole(2, 510), 500),
    }),
    {},
  ),
  /** Whether it answers DLE EOT: paper, cover, errors. */
  status: v.optional(v.boolean(), true),
  /** Whether it answers GS ( H: everything before is printed. */
  proof: v.optional(v.boolean(), false),
});

const Settings = v.strictObject({
  printers: v.pipe(
    v.array(Printer),
    v.minLength(1, 'name at least one'),
    v.maxLength(PRINTERS_MAX, `more than ${PRINTERS_MAX}`),
    distinct('name', 'two have the same name'),
  ),
  /** Between looks at printers that print nothing; 0: they are not looked at. */
  watchSeconds: v.optional(Whole(0, 3_600), 120),
  /** A line of a receipt that says no more than one of these makes it a copy. */
  copyWords: v.optional(v.pipe(v.array(Name), v.minLength(1), v.maxLength(20)), () => [
    ...['COPY', 'DUPLICATE', 'REPRINT', 'KOPIE', 'DUPLIKAT', 'COPIE', 'DUPLICATA', 'COPIA'],
    ...['КОПИЕ', 'ДУБЛИКАТ', 'КОПИЯ'],
  ]),
});
export type EscposSettings = v.InferOutput<typeof Settings>;
export type Printer = EscposSettings['printers'][number];

export const parseEscposSettings = (settings: unknown): Parsed<EscposSettings> =>
  parseSettings(Settings, settings);
