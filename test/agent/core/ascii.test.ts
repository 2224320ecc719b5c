// Names in ASCII: nothing else comes out, and people still know the name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAscii } from '../../../agent/core/ascii.ts';
import { randomFrom, testSeed } from '../random.ts';

test('toAscii() writes names as their owners would', () => {
  const names: readonly [string, string][] = [
    ['Müller-Lüdenscheidt', 'Muller-Ludenscheidt'],
    ['Straße Æsop Łódź', 'Strasse Aesop Lodz'],
    ['Георги Жечев', 'Georgi Zhechev'],
    ['Щерев Ъ', 'Shterev A'],
    ['Παπαδόπουλος', 'Papadopoulos'],
    ['Nguyễn Văn', 'Nguyen Van'],
    ['a\u0000b\r\n\u0002c', 'abc'],
    ['雪 & 李', '? & ?'],
  ];
  for (const [name, ascii] of names) assert.equal(toAscii(name), ascii);
});

test('toAscii() gives printable ASCII whatever comes, and leaves ASCII alone', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  for (let round = 0; round < 5_000; round += 1) {
    const text = String.fromCodePoint(
      ...Array.from({ length: 8 }, () =>
        Math.floor(random() * (random() < 0.8 ? 0x600 : 0x110000)),
      ),
    );
    const ascii = toAscii(text);
    assert.match(ascii, /^[\u0020-\u007e]*$/);
    assert.equal(toAscii(ascii), ascii);
  }
});
