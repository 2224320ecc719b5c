// What is told of packages: bounded, a line for each version, and right where the book has missed something.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asking, noted, rowOf } from '../../../agent/packages/book.ts';
import { ASKED_MS_MAX, PAST_MAX } from '../../../agent/packages/limits.ts';
import { parseBook, renderBook } from '../../../agent/packages/wire.ts';
import type { Book, Work } from '../../../agent/packages/wire.ts';
import { make } from './made.ts';

const EMPTY: Book = { past: [], asked: undefined };
const confirmed = (n: number): Work => ({ at: 'confirmed', version: `${n}.0.0`, counter: n });
const row = (book: Book, work: Work, wallMs = 0) =>
  rowOf('lamp', { book, work, runs: undefined }, wallMs);

test('noted() keeps the newest versions, a line for each, and when it came to that', () => {
  let book = EMPTY;
  for (let n = 1; n <= 3 * PAST_MAX; n += 1) {
    book = noted(book, { at: 'failed', version: `${n}.0.0`, counter: n, why: 'x' }, n);
    book = noted(book, confirmed(n), n);
    // Said once more, after a power cut: the time stays.
    book = noted(book, confirmed(n), n + 1_000);
  }
  assert.equal(book.past.length, PAST_MAX);
  assert.deepEqual(book.past[0], { ...confirmed(15), why: undefined, wallMs: 15 });
  assert.deepEqual(parseBook(renderBook(book)).past, JSON.parse(JSON.stringify(book.past)));
});

test('parseBook() takes a damaged record for an empty book', () => {
  for (const text of [
    undefined,
    '',
    '{',
    '{"v":2,"past":[]}',
    '{"v":1,"past":[{"version":"../"}]}',
  ]) {
    assert.deepEqual(parseBook(text), EMPTY);
  }
});

test('asking() keeps the newest question; a yes to it or to a newer one answers it; a month ends it', async () => {
  const [one, two] = [await make('1.0.0'), await make('2.0.0')];
  let book = asking(asking(EMPTY, two.manifest, 5), one.manifest, 6);
  assert.equal(book.asked?.version, '2.0.0');
  assert.equal(noted(book, confirmed(1), 7).asked?.version, '2.0.0');
  assert.equal(row(book, { at: 'none' }, 5 + ASKED_MS_MAX - 1)?.asked?.wallMs, 5);
  assert.equal(row(book, { at: 'none' }, 5 + ASKED_MS_MAX), undefined);
  book = noted(book, confirmed(2), 8);
  assert.equal(book.asked, undefined);
});

test('rowOf() tells what the card says also where an agent without a book did it', () => {
  const missed = { version: '7.0.0', at: 'returned', why: 'down', wallMs: undefined } as const;
  const work: Work = { at: 'returned', version: '7.0.0', counter: 7, why: 'down' };
  assert.deepEqual(row(EMPTY, work)?.past, [missed]);
  assert.deepEqual(
    row(noted(EMPTY, confirmed(6), 1), work)?.past.map(({ version }) => version),
    ['7.0.0', '6.0.0'],
  );
  assert.equal(row(EMPTY, { at: 'none' }), undefined);
});
