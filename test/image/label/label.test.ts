// Labels, read by programs that others wrote: zbar reads the codes, poppler the text and where it stands.
import assert from 'node:assert/strict';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../../image/core/run.ts';
import { fitted, labelOf, printable, serialLines, twoLines } from '../../../image/label/label.ts';
import { printLabels } from '../../../image/label/print.ts';
import type { UnitEntry } from '../../../image/ledger/ports.ts';

const MM = 72 / 25.4;
/** A unit whose label is as full as it gets. */
function unit(index: number, name: string): UnitEntry {
  const account = { host: 'a-very-long-name-of-a-region.clock-software.com', subscriptionId: 7 };
  return {
    ...{
      serial: `${index}`.padStart(32, '0f9d7f8f7f02a002'),
      order: `ORDER-${'9'.repeat(58)}`,
      name,
    },
    accounts: [
      { ...account, kind: 'pms', accountId: 2 ** 48 },
      { ...account, kind: 'pos', accountId: 4712 },
    ],
    ...{ services: [], state: 'new', cards: 0, labelled: false, mac: 'dc:a6:32:01:02:03' },
  };
}
const NAMES = [
  'Hotel Schöne Aussicht',
  'Хотел „Централ“ София и минерални бани',
  'W'.repeat(80),
  'Grand-Hôtel Zum Großen Kurfürsten an der Schönen Aussicht',
  'Ξενοδοχείο Αθήνα',
];
const units = Array.from({ length: 30 }, (_one, index) =>
  unit(index, NAMES[index % NAMES.length]!),
);
const address = ({ serial }: UnitEntry): string => `http://clockrpi-${serial}.local/`;

/** What a program says of a file. */
async function ask(program: readonly string[], bytes: Buffer, name: string): Promise<string> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-label-'));
  await writeFile(join(folder.path, name), bytes);
  const { stdout } = await run(program, { cwd: folder.path });
  return stdout;
}
const codes = async (png: Buffer): Promise<string[]> => {
  const said = await ask(['zbarimg', '--quiet', '--raw', 'x.png'], png, 'x.png');
  return said.trim().split('\n');
};

interface Word {
  readonly page: number;
  readonly text: string;
  /** xMin, yMin, xMax, yMax in points. */
  readonly box: readonly number[];
}

async function wordsOf(pdf: Buffer): Promise<readonly Word[]> {
  const html = await ask(['pdftotext', '-bbox', 'x.pdf', '-'], pdf, 'x.pdf');
  return html
    .split('<page ')
    .slice(1)
    .flatMap((page, index) =>
      [
        ...page.matchAll(
          /<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.*?)<\/word>/g,
        ),
      ].map(([, ...found]) => ({
        page: index,
        box: found.slice(0, 4).map(Number),
        text: found[4]!,
      })),
    );
}

test('a label is read by a telephone and by people: code, name, account, serial, host name, MAC', async () => {
  for (const [index, name] of ['Hotel Schöne Aussicht', 'Хотел Централ'].entries()) {
    const one = { ...unit(index, name), order: 'A-17' };
    const how = { form: 'one', first: 1 } as const;
    const [png] = await printLabels([one], { format: 'png', ...how });
    assert.deepEqual(await codes(png!), [address(one)]);
    const [pdf] = await printLabels([one], { format: 'pdf', ...how });
    const text = await ask(['pdftotext', '-raw', 'x.pdf', '-'], pdf!, 'x.pdf');
    const flat = text.replaceAll(/\s+/g, ' ');
    for (const part of [name, 'A-17', 'PMS', one.mac!, ...serialLines(one.serial)]) {
      assert.ok(flat.includes(part), `${part} is missing: ${flat}`);
    }
    assert.ok(flat.includes(`clockrpi-${one.serial}.local`));
  }
});

test('a sheet has three by eight labels, every code of it is read, and no letter is near an edge or another line', async () => {
  const how = { form: 'sheet', first: 23 } as const;
  const [pdf] = await printLabels(units, { format: 'pdf', ...how });
  const words = await wordsOf(pdf!);
  // 30 labels from the place before the last: 2 on the first sheet, 24, 4.
  const heads = words.filter(({ text }) => text === 'CLOCK');
  assert.deepEqual(
    [0, 1, 2].map((page) => heads.filter((word) => word.page === page).length),
    [2, 24, 4],
  );
  for (const { text, box } of words) {
    const [left, top, right, bottom] = box as [number, number, number, number];
    const [column, row] = [Math.floor(left / (70 * MM)), Math.floor((top - 0.5 * MM) / (37 * MM))];
    const [x, y] = [left - column * 70 * MM, top - 0.5 * MM - row * 37 * MM];
    const where = `${text} at ${x.toFixed(1)}, ${y.toFixed(1)}`;
    assert.ok(x >= 4 * MM - 0.5 && x + right - left <= 66 * MM + 0.5, where);
    // A box is as high as the font, letters keep within it.
    assert.ok(y >= 4 * MM - 2 && y + bottom - top <= 33 * MM + 2, where);
  }
  for (const [index, one] of words.entries()) {
    for (const other of words.slice(index + 1)) {
      if (one.page !== other.page) continue;
      const [a, b] = [one.box, other.box] as [number[], number[]];
      const wide = Math.min(a[2]!, b[2]!) - Math.max(a[0]!, b[0]!);
      const high = Math.min(a[3]!, b[3]!) - Math.max(a[1]!, b[1]!);
      assert.ok(wide <= 0 || high <= 2.5, `${one.text} runs into ${other.text} by ${high}`);
    }
  }
  const [, page] = await printLabels(units.slice(0, 4), {
    format: 'png',
    form: 'sheet',
    first: 23,
  });
  assert.deepEqual((await codes(page!)).sort(), units.slice(2, 4).map(address).sort());
});

test('a label printer gets the same address, and no letter that is a command to it', async () => {
  const odd = { ...unit(1, '^XA~JA_41 Hotel'), accounts: [] };
  const cyrillic = unit(2, 'Хотел Централ');
  const how = { format: 'zpl', form: 'one', first: 1 } as const;
  const [zpl] = await printLabels([odd, cyrillic], how);
  const text = zpl!.toString();
  assert.equal(text.match(/\^XA/g)?.length, 2);
  assert.equal(text.match(/\^XZ/g)?.length, 2);
  assert.ok(text.includes(`^BQN,2,6^FDMA,${address(odd)}^FS`));
  assert.ok(text.includes(`^BQN,2,6^FDMA,${address(cyrillic)}^FS`));
  assert.ok(text.includes('^FH^FD_5EXA_7EJA_5F41 Hotel^FS'));
  assert.ok(!text.includes('~'));
  const [, total, , rowBytes, hex] = /\^GFA,(\d+),(\d+),(\d+),([0-9A-F]+)\^FS/.exec(text)!;
  assert.equal(hex!.length, Number(total) * 2);
  assert.equal(Number(total) % Number(rowBytes), 0);
  const dots = hex!.match(/[^0]/g)?.length ?? 0;
  assert.ok(dots > 100 && dots < Number(total), `${dots} of ${hex!.length} digits are not white`);
  for (const [, x, y] of text.matchAll(/\^FO(\d+),(\d+)/g))
    assert.ok(Number(x) < 559 && Number(y) < 296);
});

test('a serial that is none gets no label: it would go to the printer as it is', () => {
  const odd = { ...unit(1, 'x'), serial: '3f9a^XZ~JA' };
  assert.throws(() => labelOf(odd), { code: 'ledger-changed', hint: /unit verify/ });
  assert.equal(labelOf({ ...unit(1, 'x'), order: 'A\nB\u202E' }).head, 'CLOCK IoT UNIT · A B?');
});

test('what does not fit ends in an ellipsis; letters that the font does not have are question marks', () => {
  const fits = (text: string): boolean => text.length <= 10;
  assert.equal(fitted('short', fits), 'short');
  assert.equal(fitted('much too long', fits), 'much too…');
  assert.deepEqual(twoLines('Hotel Schöne Aussicht', fits), ['Hotel', 'Schöne Au…']);
  assert.deepEqual(twoLines('Donaudampfschiff', fits), ['Donaudamp…']);
  assert.equal(printable('北京 Hotel 🏨  Ä\n«Ж»'), '?? Hotel ? Ä «Ж»');
  assert.equal(labelOf({ ...unit(1, 'x'), accounts: [] }).accounts.length, 0);
});
