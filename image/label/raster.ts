// A drawn PDF as pictures, painted by poppler (pdftoppm): what a printer would show, in dots.
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../core/run.ts';

/** One PNG for each page. */
export const toPng = (pdf: Buffer, dpi: number): Promise<Buffer[]> =>
  painted(pdf, ['-png', '-gray', '-r', String(dpi)]);

/** Black and white dots, a row of whole bytes each, most significant bit first; 1 is black. */
export interface Bitmap {
  readonly rowBytes: number;
  readonly rows: number;
  readonly bits: Buffer;
}

export async function toBitmap(pdf: Buffer, dpi: number): Promise<Bitmap> {
  const [pbm] = await painted(pdf, ['-mono', '-r', String(dpi)]);
  // PBM, pbm(5): "P4", width, height, then the rows.
  const head = /^P4\s+(\d+)\s+(\d+)\s/.exec(pbm!.toString('latin1', 0, 64))!;
  return {
    rowBytes: Math.ceil(Number(head[1]) / 8),
    rows: Number(head[2]),
    bits: pbm!.subarray(head[0].length),
  };
}

async function painted(pdf: Buffer, options: readonly string[]): Promise<Buffer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'clock-label-'));
  try {
    await writeFile(join(folder, 'labels.pdf'), pdf);
    await run(['pdftoppm', ...options, 'labels.pdf', 'page'], {
      cwd: folder,
      hint: 'Install the Debian package poppler-utils',
    });
    // Numbered with as many digits as are needed: in order.
    const names = (await readdir(folder)).filter((name) => name.startsWith('page')).sort();
    return await Promise.all(names.map((name) => readFile(join(folder, name))));
  } finally {
    await rm(folder, { recursive: true });
  }
}
