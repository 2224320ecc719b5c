// Units' labels as files: a PDF, pictures of its pages, or what a label printer takes.
import type { UnitEntry } from '../ledger/ports.ts';
import { labelOf } from './label.ts';
import { toPng } from './raster.ts';
import { drawLabels } from './sheet.ts';
import { toZpl } from './zpl.ts';

export type LabelFormat = 'pdf' | 'png' | 'zpl';

/** Twice the dots of a label printer: small letters stay sharp. A sheet of so many would be a picture of 35 million. */
const PNG_DPI = { one: 600, sheet: 300 } as const;

/** One PDF, one text of ZPL, or a PNG for each page. */
export async function printLabels(
  units: readonly UnitEntry[],
  { format, ...how }: { format: LabelFormat; form: 'one' | 'sheet'; first: number },
): Promise<readonly Buffer[]> {
  const labels = units.map(labelOf);
  switch (format) {
    case 'pdf':
      return [await drawLabels(labels, how)];
    case 'png':
      return toPng(await drawLabels(labels, how), PNG_DPI[how.form]);
    case 'zpl': {
      const texts: string[] = [];
      for (const label of labels) texts.push(await toZpl(label));
      return [Buffer.from(texts.join(''))];
    }
  }
}
