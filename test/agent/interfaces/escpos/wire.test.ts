// Receipts as bytes and as paper: the commands, code pages, what cannot be printed, status.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReceiptPart } from '../../../../agent/core/vocabulary.ts';
import type { Printer } from '../../../../agent/interfaces/escpos/config.ts';
import { byteOn, characterOn, PAGES as ALL } from '../../../../agent/interfaces/escpos/pages.ts';
import { createPaper } from '../../../../agent/interfaces/escpos/paper.ts';
import type { Paper } from '../../../../agent/interfaces/escpos/paper.ts';
import { escpos } from '../../../../agent/interfaces/escpos/run.ts';
import { wrapped } from '../../../../agent/interfaces/escpos/text.ts';
import {
  askProof,
  askStatus,
  compose,
  isCopy,
  isStatus,
  problemsOf,
} from '../../../../agent/interfaces/escpos/wire.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { below, pick } from '../../core/frames/streams.ts';
import { line, printerOf } from './settings.ts';

const paperFor = ({ columns, codePages }: Printer): Paper =>
  createPaper({
    ...{ columns, answer: () => {} },
    pages: new Map(codePages.map(({ page, number }) => [number, page])),
  });
function printed(parts: readonly ReceiptPart[], printer = printerOf()): readonly string[] {
  const composed = compose(parts, printer);
  assert.ok(composed.ok, JSON.stringify(composed));
  const paper = paperFor(printer);
  for (const byte of composed.bytes) paper.step(byte);
  return paper.lines.map(({ text, style }) => (style === '' ? text : `${text} <${style}>`));
}
function problemWith(part: ReceiptPart, printer = printerOf()): string {
  const composed = compose([part], printer);
  assert.ok(!composed.ok);
  return composed.problem;
}
const hex = (parts: readonly ReceiptPart[], settings = {}): string => {
  const composed = compose(parts, printerOf(settings));
  assert.ok(composed.ok);
  return composed.bytes.toString('hex').replace(/^1b401b7400/, '');
};

test('every part is the bytes of its command', () => {
  assert.equal(hex([line('Hi')]), '48690a');
  const styled = { align: 'center', isBold: true, isUnderlined: true, width: 2, height: 3 };
  assert.equal(
    hex([line('A', styled), line('B')]),
    '1b61011b45011b2d011d2112410a1b61001b45001b2d001d2100420a',
  );
  assert.equal(hex([{ is: 'feed', lines: 3 }]), '1b6403');
  assert.equal(hex([{ is: 'cut' }], { cut: 'full', cutFeedDots: 9 }), '1d564109');
  assert.equal(hex([{ is: 'cut' }]), '1d564200');
  assert.equal(hex([{ is: 'cut' }], { cut: 'none' }), '1b6404');
  assert.equal(hex([{ is: 'drawer' }]), '1b700019fa');
  assert.equal(
    hex([{ is: 'qr', data: 'ab' }]),
    '1b61011d286b0400314132001d286b03003143061d286b03003145311d286b050031503061621d286b0300315130',
  );
  assert.equal(
    hex([{ is: 'barcode', data: 'A{1' }]),
    '1b61011d68501d77021d48021d6b49067b42417b7b31',
  );
  const raster = { is: 'raster', widthBytes: 2, rows: 1, data: '/wA=' } as const;
  assert.equal(hex([raster]), '1b61011d76300002000100ff00');
});

test('paper shows what the receipt says', () => {
  const parts: readonly ReceiptPart[] = [
    line('Café ½ Ресторант', { align: 'center', isBold: true, width: 2, height: 2 }),
    line('2 x Шопска      12,00 €'),
    { is: 'feed', lines: 1 },
    { is: 'qr', data: 'https://x.example/?a=1' },
    { is: 'barcode', data: 'INV-0042' },
    { is: 'raster', widthBytes: 1, rows: 100, data: Buffer.alloc(100, 0x1b).toString('base64') },
    { is: 'cut' },
    { is: 'drawer' },
    line('left', { align: 'right' }),
  ];
  assert.deepEqual(printed(parts), [
    'Café ½ Ресторант <center bold 2x2>',
    '2 x Шопска      12,00 €',
    '',
    '[qr https://x.example/?a=1] <center>',
    '[code128 {BINV-0042] <center>',
    '[raster 1x64] <center>',
    '[raster 1x36] <center>',
    '[cut partial] <center>',
    '[drawer 0 50/500] <center>',
    'left <right>',
  ]);
});

test('what no page has is written in ASCII, and said; what has no letters is refused', () => {
  const greek = line('Ουζο №5');
  const latin = printerOf({ codePages: [{ page: 'cp850', number: 2 }] });
  const composed = compose([greek], latin);
  assert.ok(composed.ok);
  assert.deepEqual([composed.transliterated, composed.lost], [5, 0]);
  assert.deepEqual(printed([greek], latin), ['Oyzo No5']);
  assert.match(problemWith(line('a 日本'), latin), /^no code page of the printer has 日本$/);
  const marks = printerOf({ missing: 'question-mark' });
  assert.deepEqual(printed([line('a 日本')], marks), ['a ??']);
  const lost = compose([line('a 日本')], marks);
  assert.ok(lost.ok && lost.lost === 2);
  assert.match(problemWith(greek, printerOf({ missing: 'refuse' })), /has Ουζο$/);
});

test('text is never a command', () => {
  assert.deepEqual(printed([line('a\u001b@\u0010\u0004\u0001b\tc')]), ['a @   b c']);
  assert.deepEqual(printed([line('one\r\ntwo\nthree')]), ['one', 'two', 'three']);
});

test('a picture is never a command', () => {
  const bytes = Buffer.from('100401 101401 100500 100600'.replaceAll(' ', ''), 'hex');
  const raster = { is: 'raster', widthBytes: 3, rows: 4, data: bytes.toString('base64') } as const;
  assert.equal(hex([raster]), '1b61011d76300003000400104401105401104500100600');
});

test('long lines are broken between words', () => {
  assert.deepEqual(wrapped('aa bb cc', 5), ['aa bb', 'cc']);
  assert.deepEqual(wrapped('aaaaaaa b', 5), ['aaaaa', 'aa b']);
  assert.deepEqual(wrapped('  aaaaaaa', 5), ['  aaa', 'aaaa']);
  assert.deepEqual(wrapped('12345', 5), ['12345']);
  assert.deepEqual(wrapped('', 5), ['']);
  assert.deepEqual(printed([line('aaa bbb ccc', { width: 4 })], printerOf({ columns: 16 })), [
    ...['aaa <4x1>', 'bbb <4x1>', 'ccc <4x1>'],
  ]);
});

test('parts that cannot be printed are named', () => {
  const second = compose([line('a'), { is: 'qr', data: '' }], printerOf());
  assert.ok(!second.ok && second.part === 2);
  assert.match(problemWith({ is: 'barcode', data: 'é' }), /ASCII/);
  assert.match(
    problemWith({ is: 'raster', widthBytes: 2, rows: 2, data: 'AAA=' }),
    /as many bytes/,
  );
  assert.match(problemWith({ is: 'raster', widthBytes: 999, rows: 2, data: '' }), /too large/);
  assert.match(problemWith(line('a', { width: 9 })), /1 to 8/);
  const long = compose(
    Array.from({ length: 1_000 }, () => line('x'.repeat(2_000))),
    printerOf(),
  );
  assert.ok(!long.ok && /too long/.test(long.problem));
});

test('code pages are those that the runtime knows', () => {
  const labels = {
    cp866: 'ibm866',
    cp1250: 'windows-1250',
    cp1251: 'windows-1251',
    cp1252: 'windows-1252',
  };
  for (const [page, label] of Object.entries(labels) as [keyof typeof labels, string][]) {
    const decoder = new TextDecoder(label);
    for (let byte = 0x80; byte < 0x100; byte += 1) {
      const shown = characterOn(page, byte);
      // Of bytes that stand for nothing browsers make control characters.
      if (shown !== '\ufffd')
        assert.equal(shown, decoder.decode(Buffer.of(byte)), `${page} ${byte}`);
    }
  }
  for (const page of ALL) {
    for (let byte = 0x20; byte < 0x100; byte += 1) {
      const shown = characterOn(page, byte);
      if (byte !== 0x7f && shown !== '\ufffd')
        assert.equal(byteOn(page, shown), byte, `${page} ${byte}`);
    }
  }
  assert.equal(byteOn('cp858', '€'), 0xd5);
  assert.equal(byteOn('cp437', '€'), undefined);
  assert.equal(byteOn('cp852', 'ř'), 0xfd);
});

test('status bytes as words', () => {
  const told = (one: number, two = 0x12, three = 0x12, four = 0x12): string =>
    problemsOf({ 1: one, 2: two, 3: three, 4: four }).join();
  assert.equal(told(0x16), '');
  assert.equal(told(0x1a), 'offline');
  assert.equal(told(0x1a, 0x32, 0x12, 0x72), 'paper-out');
  assert.equal(told(0x1a, 0x16), 'cover-open');
  assert.equal(told(0x1a, 0x52, 0x1a), 'cutter');
  assert.equal(told(0x1a, 0x52, 0x32), 'error');
  assert.equal(told(0x1a, 0x52, 0x52), 'stopped');
  assert.equal(told(0x12, 0x12, 0x12, 0x1e), 'paper-low');
  assert.ok(
    isStatus(0x12) && isStatus(0x7e) && !isStatus(0x10) && !isStatus(0x0f) && !isStatus(0x93),
  );
  assert.equal(askStatus(4).toString('hex'), '100404');
  assert.equal(askProof('0042').toString('hex'), '1d28480600303030303432');
});

test('a copy says so in a line of its own', () => {
  const is = (text: string): boolean => isCopy([line('x'), line(text)], ['COPY', 'КОПИЕ']);
  assert.deepEqual(['*** copy ***', 'Копие', '- C O P Y -'].map(is), [true, true, true]);
  assert.deepEqual(['copy shop', 'a copy', ''].map(is), [false, false, false]);
});

test('settings: all that is wrong', () => {
  const at = { kind: 'tcp', host: 'x' };
  const printers = [
    { name: 'a', at, columns: 5 },
    { name: 'b', at: { kind: 'usb-printer', device: '/dev/sda' }, codePages: [] },
  ];
  const result = escpos.parse({ printers });
  assert.ok(!result.ok);
  assert.deepEqual(
    result.problems.map(({ field }) => field),
    [...['printers.0.columns', 'printers.1.at.device', 'printers.1.codePages']],
  );
  const twice = escpos.parse({
    printers: [
      { name: 'a', at },
      { name: 'a', at },
    ],
  });
  assert.ok(!twice.ok && twice.problems[0]?.problem === 'two have the same name');
  const many = Array.from({ length: 11 }, (...[, i]) => ({ name: `${i}`, at }));
  assert.ok(!escpos.parse({ printers: many }).ok);
});

test('any receipt is paper or a problem, any bytes are paper', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 5_000;
  const printer = printerOf({ missing: 'question-mark' });
  const paper = paperFor(printer);
  const signs = [
    'a',
    'Я',
    '€',
    '日',
    '\u001b',
    '\u001d',
    '\u0010',
    '\u0004',
    '(',
    'k',
    '\u0301',
    '🍕',
    ' ',
  ];
  const some = (): string =>
    Array.from({ length: below(random, 30) }, () => pick(random, signs)).join('');
  for (let round = 0; round < rounds; round += 1) {
    const part = pick(random, [
      line(some(), { width: 1 + below(random, 8) }),
      { is: 'qr', data: some() },
      { is: 'barcode', data: some() },
    ] as const);
    const composed = compose([part], printer);
    if (composed.ok) {
      const fresh = paperFor(printer);
      for (const byte of composed.bytes) fresh.step(byte);
      const told = `seed ${seed}, round ${round}: ${JSON.stringify(part)}`;
      assert.ok(
        fresh.lines.every(({ text }) => !text.startsWith('[unknown')),
        told,
      );
      if (part.is === 'line') assert.ok(fresh.lines.length >= 1, told);
    }
    paper.step(below(random, 256));
  }
});
