// Draws labels as a PDF: one label a page, or sheets of A4 with three by eight (70 × 37 mm, no margins between,
// e.g. Avery 3474). Everything keeps 4 mm from a label's edge: a printer that is a little off cuts nothing.
import { existsSync } from 'node:fs';
import Document from 'pdfkit';
import { encodeQR } from 'qr';
import { OperatorError } from '../core/errors.ts';
import { fitted, serialLines, twoLines } from './label.ts';
import type { Label } from './label.ts';

const MM = 72 / 25.4;
/** Points. */
const WIDTH = 70 * MM;
const HEIGHT = 37 * MM;
const INSET = 4 * MM;
const QR_SIZE = 24 * MM;
const TEXT_LEFT = INSET + QR_SIZE + 3.5 * MM;
const TEXT_WIDTH = WIDTH - INSET - TEXT_LEFT;
const SHEET = { width: 210 * MM, height: 297 * MM, columns: 3, rows: 8 };
const LABELS_PER_SHEET = SHEET.columns * SHEET.rows;

const FONTS = '/usr/share/fonts/truetype/dejavu';
const [PLAIN, BOLD, MONO] = ['DejaVuSans', 'DejaVuSans-Bold', 'DejaVuSansMono'] as const;

type Pdf = InstanceType<typeof Document>;

/**
 * `form` one: a page for each label. `form` sheet: A4, beginning at place `first` (from 1) of the first sheet, for
 * sheets of which some were used.
 */
export async function drawLabels(
  labels: readonly Label[],
  { form, first = 1 }: { form: 'one' | 'sheet'; first?: number },
): Promise<Buffer> {
  const size: [number, number] = form === 'one' ? [WIDTH, HEIGHT] : [SHEET.width, SHEET.height];
  return pdf({ size, title: labels.length === 1 ? labels[0]!.host : 'Clock IoT units' }, (doc) => {
    for (const [index, label] of labels.entries()) {
      const place = form === 'one' ? 0 : (index + first - 1) % LABELS_PER_SHEET;
      if (index === 0 || place === 0) doc.addPage();
      doc.save();
      doc.translate(
        (place % SHEET.columns) * WIDTH,
        // 8 × 37 mm leave a millimetre of A4, half of it above.
        Math.floor(place / SHEET.columns) * HEIGHT + (form === 'one' ? 0 : 0.5 * MM),
      );
      draw(doc, label);
      doc.restore();
    }
  });
}

/** One line of text alone, as high as its box: for printers that do not have its letters. Points. */
export const drawLine = (
  text: string,
  { width, height }: { width: number; height: number },
): Promise<Buffer> =>
  pdf({ size: [width, height], title: '' }, (doc) => {
    doc.addPage();
    const fits = fitting(doc, { font: BOLD, size: height * 0.7, width });
    doc.text(fitted(text, fits), 0, height * 0.1, { lineBreak: false });
  });

async function pdf(
  { size, title }: { size: [number, number]; title: string },
  work: (doc: Pdf) => void,
): Promise<Buffer> {
  if (!existsSync(`${FONTS}/${PLAIN}.ttf`)) {
    throw new OperatorError('fonts-missing', `There is no font in ${FONTS}`, {
      hint: 'Install the Debian package fonts-dejavu-core',
    });
  }
  const info = { Title: title, Creator: 'build.sh label' };
  const doc = new Document({ size, margin: 0, autoFirstPage: false, info });
  for (const font of [PLAIN, BOLD, MONO]) doc.registerFont(font, `${FONTS}/${font}.ttf`);
  const chunks: Buffer[] = [];
  doc.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => {
    doc.on('end', () => resolve());
    doc.on('error', reject);
  });
  work(doc);
  doc.end();
  await ended;
  return Buffer.concat(chunks);
}

interface Type {
  readonly font: typeof PLAIN | typeof BOLD | typeof MONO;
  readonly size: number;
  readonly width: number;
}

/** Sets the font, and says what fits into a line of it. */
function fitting(doc: Pdf, { font, size, width }: Type): (text: string) => boolean {
  doc.font(font).fontSize(size);
  return (text) => doc.widthOfString(text) <= width;
}

/** A label with its top left corner at 0, 0. */
function draw(doc: Pdf, label: Label): void {
  drawQr(doc, label.address);
  let y = INSET;
  const line = (text: string, { font, size }: Omit<Type, 'width'>): void => {
    const shown = fitted(text, fitting(doc, { font, size, width: TEXT_WIDTH }));
    doc.text(shown, TEXT_LEFT, y, { lineBreak: false });
    y += size * 1.25;
  };
  line(label.head, { font: BOLD, size: 5.5 });
  y += 1.5;
  if (label.name !== undefined) {
    const lines = twoLines(label.name, fitting(doc, { font: BOLD, size: 8.5, width: TEXT_WIDTH }));
    for (const text of lines) line(text, { font: BOLD, size: 8.5 });
    y += 1;
  }
  for (const account of label.accounts) line(account, { font: PLAIN, size: 5.5 });

  // From the bottom of the code upwards: the numbers.
  const numbers = serialLines(label.serial);
  const mac = label.mac === undefined ? [] : [`MAC ${label.mac}`];
  y = INSET + QR_SIZE - (numbers.length + mac.length) * 6.5 * 1.25 + 1.5;
  for (const text of [...mac, ...numbers]) line(text, { font: MONO, size: 6.5 });

  const size = 6;
  const fits = fitting(doc, { font: MONO, size, width: WIDTH - 2 * INSET });
  const bottom = HEIGHT - INSET - size * 1.15;
  doc.text(fitted(`${label.host}.local`, fits), INSET, bottom, { lineBreak: false });
}

/** Error correction M (15 %), as for anything that is glued onto a box and rubbed. */
function drawQr(doc: Pdf, text: string): void {
  // The library draws at least one module of its white border; the label has more than the four that are needed.
  const framed = encodeQR(text, 'raw', { ecc: 'medium', border: 1 });
  const modules = framed.slice(1, -1).map((cells) => cells.slice(1, -1));
  const step = QR_SIZE / modules.length;
  for (const [row, cells] of modules.entries()) {
    for (const [column, dark] of cells.entries()) {
      if (dark) doc.rect(INSET + column * step, INSET + row * step, step, step);
    }
  }
  doc.fill('black');
}
