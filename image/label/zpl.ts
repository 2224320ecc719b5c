// Labels for label printers that speak ZPL II (Zebra's Programming Guide): 70 × 37 mm at 203 dots an inch. The
// printer makes the code and the ASCII text; a name in other letters goes as dots, since few printers have its font.
import { drawLine } from './sheet.ts';
import { fitted, serialLines, twoLines } from './label.ts';
import type { Label } from './label.ts';
import { toBitmap } from './raster.ts';

const DPI = 203;
const dots = (millimetres: number): number => Math.round((millimetres / 25.4) * DPI);
const [WIDTH, HEIGHT, INSET] = [dots(70), dots(37), dots(4)];
/** Of a module of the code: 33 of them are 25 mm. */
const MODULE = 6;
const TEXT_LEFT = INSET + 33 * MODULE + dots(3);
const TEXT_WIDTH = WIDTH - INSET - TEXT_LEFT;
/** Font 0 is proportional: a letter is as a rule no wider than this part of its set width. */
const LETTER = 0.55;

export async function toZpl(label: Label): Promise<string> {
  const lines = [
    '^XA',
    '^CI28', // UTF-8.
    `^PW${WIDTH}^LL${HEIGHT}^LH0,0`,
    // Model 2; M, its error correction; A, characters as they come.
    `^FO${INSET},${INSET}^BQN,2,${MODULE}^FDMA,${label.address}^FS`,
    text(fitted(ascii(label.head), widthFits(16)), { y: INSET, height: 16 }),
  ];
  let y = INSET + 24;
  if (label.name !== undefined) {
    const height = 26;
    const isPlain = /^[\x20-\x7e]*$/.test(label.name);
    const shown = isPlain
      ? twoLines(label.name, widthFits(height)).map((one, row) =>
          text(one, { y: y + row * height, height }),
        )
      : [await picture(label.name, y, height)];
    lines.push(...shown);
    y += shown.length * height + 4;
  }
  for (const one of label.accounts.map(ascii)) {
    lines.push(text(fitted(one, widthFits(17)), { y, height: 17 }));
    y += 19;
  }
  const numbers = [
    ...(label.mac === undefined ? [] : [`MAC ${label.mac}`]),
    ...serialLines(label.serial),
  ];
  const top = INSET + 33 * MODULE - numbers.length * 22;
  for (const [row, one] of numbers.entries()) {
    lines.push(text(one, { y: top + row * 22, height: 20 }));
  }
  lines.push(text(`${label.host}.local`, { x: INSET, y: HEIGHT - INSET - 18, height: 18 }), '^XZ');
  return `${lines.join('\n')}\n`;
}

const ascii = (content: string): string => content.replace('·', '-');

/** ^ and ~ begin commands, _ begins a byte in hex (^FH). */
const escaped = (content: string): string =>
  content.replaceAll(/[^\x20-\x7e]|[\^~_]/gu, (letter) =>
    Buffer.from(letter).toString('hex').toUpperCase().replaceAll(/../g, '_$&'),
  );

function text(
  content: string,
  { x = TEXT_LEFT, y, height }: { x?: number; y: number; height: number },
): string {
  return `^FO${x},${y}^A0N,${height},${Math.round(height * 0.9)}^FH^FD${escaped(content)}^FS`;
}

/** Text that fits, without knowing the printer's font. */
const widthFits =
  (height: number) =>
  (content: string): boolean =>
    Array.from(content).length * height * LETTER * 0.9 <= TEXT_WIDTH;

/** ^GF: bytes in hex, rows from the top. */
async function picture(name: string, y: number, height: number): Promise<string> {
  const points = (count: number): number => (count / DPI) * 72;
  const pdf = await drawLine(name, { width: points(TEXT_WIDTH), height: points(height) });
  const { rowBytes, rows, bits } = await toBitmap(pdf, DPI);
  const total = rowBytes * rows;
  const hex = bits.subarray(0, total).toString('hex').toUpperCase();
  return `^FO${TEXT_LEFT},${y}^GFA,${total},${total},${rowBytes},${hex}^FS`;
}
