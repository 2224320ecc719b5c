// Figures: how they are judged, shown and kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatted, isGood, median, merged, percentile, renderText, withTable } from './figure.ts';
import type { Figure } from './figure.ts';

const small: Figure = { what: 'initramfs', unit: 'bytes', measured: 10e6, most: 15e6 };
const slow: Figure = { what: 'page', unit: 'ms', measured: 2_500, most: 2_000, remark: 'median' };
const plain: Figure = { what: 'image', unit: 'bytes', measured: 343e6 };

test('a figure is good up to its target, and neither without one', () => {
  assert.deepEqual([small, slow, plain].map(isGood), [true, false, undefined]);
  assert.equal(
    isGood({ ...small, measured: Number.NaN }),
    false,
    'what was not measured is not good',
  );
});

test('a rate is good from its target on', () => {
  const fast: Figure = { what: 'events', unit: 'rate', measured: 2_100.4, least: 2_000 };
  assert.equal(isGood(fast), true);
  assert.equal(isGood({ ...fast, measured: 1_999 }), false);
  assert.equal(isGood({ ...fast, measured: Number.NaN }), false);
  assert.match(renderText([fast]), /2100\/s\s+≥ 2000\/s\s+✓/);
});

test('renderText() shows measured, target and verdict in columns', () => {
  assert.equal(
    renderText([small, slow, plain]),
    [
      'what       measured  target        how',
      'initramfs   10.0 MB  ≤ 15.0 MB  ✓',
      'page          2.5 s  ≤ 2.0 s    ✗  median',
      'image      343.0 MB',
    ].join('\n'),
  );
});

test('formatted() speaks as people do', () => {
  assert.equal(formatted(46_000, 'bytes'), '46 KB');
  assert.equal(formatted(8.24, 'ms'), '8.2 ms');
  assert.equal(formatted(300, 'ms'), '300 ms');
  assert.equal(formatted(600_000, 'ms'), '10.0 min');
  assert.equal(formatted(1.25, 'times'), '1.3 ×');
  assert.equal(formatted(0, 'percent'), '0.0 %');
});

test('a new measurement replaces the old one and keeps its place', () => {
  const kept = merged([], [small, slow], '2026-01-01');
  const again = merged(kept, [{ ...small, measured: 11e6 }, plain], '2026-01-02');
  assert.deepEqual(
    again.map(({ what, measured, day }) => [what, measured, day]),
    [
      ['initramfs', 11e6, '2026-01-02'],
      ['page', 2_500, '2026-01-01'],
      ['image', 343e6, '2026-01-02'],
    ],
  );
});

test('withTable() writes between the markers and nowhere else', () => {
  const begin = '<!-- figures: npm run bench -- --write -->';
  const readme = `# T\n\n${begin}\nold\n<!-- /figures -->\n\nrest\n`;
  const written = withTable(readme, merged([], [small], '2026-01-01'));
  assert.match(written!, /^# T\n\n<!-- figures[^\n]+\n\n\| what +\| measured/);
  assert.match(written!, /\| initramfs \| 10\.0 MB +\| ≤ 15\.0 MB \| ✓ +\|/);
  assert.match(written!, /\n<!-- \/figures -->\n\nrest\n$/);
  assert.doesNotMatch(written!, /old/);
  assert.equal(
    withTable(written!, merged([], [small], '2026-01-01')),
    written,
    'again is the same',
  );
  assert.equal(withTable('# none', []), undefined);
});

test('withTable() keeps what was measured elsewhere, in its place and with its day', () => {
  const empty = '<!-- figures: npm run bench -- --write -->\n<!-- /figures -->\n';
  const first = withTable(empty, merged([], [small, slow, plain], '2026-01-01'))!;
  const again = withTable(first, merged([], [{ ...slow, measured: 1_000 }], '2026-02-02'))!;
  const all = [small, slow, plain].map((figure) => ({ ...figure, day: '2026-01-01' }));
  all[1] = { ...slow, measured: 1_000, day: '2026-02-02' };
  assert.equal(again, withTable(empty, all));
});

test('median() is not moved by one busy moment', () => {
  assert.equal(median([1, 900, 2]), 2);
  assert.equal(median([1, 3]), 2);
});

test('percentile() is a value that was measured, and the share of others is at most that', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile([7], 0.99), 7);
  assert.throws(() => percentile([], 0.5), /no value/);
});
