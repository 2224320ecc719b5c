// The operator's loop and what it shows, with cards that are put in and taken out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FoundCard } from '../../../image/card/judge.ts';
import type { CardView } from '../../../image/card/ports.ts';
import type { Content } from '../../../image/card/contents.ts';
import type { Seen } from '../../../image/card/looks.ts';
import { cardScreen } from '../../../image/card/screen.ts';
import { runStation } from '../../../image/card/station.ts';

const card = (device: string): FoundCard => ({
  ...{ device, bytes: 32e9, model: 'Reader', number: undefined },
});
const view = (of: FoundCard, more: Partial<CardView> = {}): CardView => ({
  ...{ card: of, phase: 'done', done: 1, bytesPerSecond: 0, serial: 'a1' },
  ...more,
});

/** A card in this reader, `a#2` the second one that lies there; `(…)` may not be written. */
function seen(name: string, holds: Content | 'looking'): Seen<FoundCard> {
  const [device = '', node = '1'] = name.replaceAll(/[()]/g, '').split('#');
  const found = { ...card(device), node };
  if (!name.startsWith('(')) return { is: 'found', card: found, holds };
  const reason = { code: 'card-mounted', text: `${device} is mounted`, hint: `umount ${device}` };
  return { is: 'refused', card: found, reason };
}

/**
 * Plays `looks`, one each time the station looks (`undefined`: that fails), after a first one at what was in before;
 * ends after the last.
 */
async function play(
  looks: readonly (readonly string[] | undefined)[],
  of: {
    before?: readonly string[];
    holds?: Readonly<Record<string, Content | 'looking'>>;
    flash?: (of: FoundCard) => Promise<CardView>;
    /** Units of the order. */
    wanted?: number;
  } = {},
): Promise<{ flashed: readonly string[]; said: readonly string[] }> {
  const abort = new AbortController();
  const flashed: string[] = [];
  const said: string[] = [];
  const all = [of.before ?? [], ...looks];
  let look = 0;
  await runStation({
    look: () => {
      const now = look < all.length ? all[look] : [];
      look += 1;
      if (look > all.length) abort.abort();
      return Promise.resolve(now?.map((name) => seen(name, of.holds?.[name] ?? 'new')));
    },
    flash: ({ card: found }) => {
      flashed.push(found.device);
      return of.flash?.(found) ?? Promise.resolve(view(found));
    },
    order: () =>
      of.wanted === undefined
        ? undefined
        : { name: 'A-17', wanted: of.wanted, done: flashed.length },
    say: (text) => void said.push(text),
    ...{ signal: abort.signal, lookMs: 1 },
  });
  return { flashed, said };
}

test('each card that is put in is written once, and its place waits for the next', async () => {
  const { flashed } = await play([['a'], ['a', 'b'], ['a', 'b'], ['b'], ['b', 'a'], ['a']]);
  assert.deepEqual(flashed, ['a', 'b', 'a']);
});

test('what was in before is left as it is until it was taken out', async () => {
  const looks = [['stick', '(usb)'], ['stick', 'usb', 'a'], ['a'], ['a', 'usb']];
  const { flashed, said } = await play(looks, { before: ['stick', '(usb)'] });
  assert.deepEqual(flashed, ['a', 'usb']);
  assert.match(said.slice(1).join('\n'), /^stick was in before.*\nusb was in before/);
});

test('a look that fails is none: nothing was taken out, nothing put in', async () => {
  const looks = [undefined, ['stick'], ['stick', 'a'], undefined, ['stick', 'a']];
  assert.deepEqual((await play(looks, { before: ['stick'] })).flashed, ['a']);
});

test('what somebody may still want is left alone, and the operator is told what it is', async () => {
  const looks = [
    ['a', 'b', 'c', 'd'],
    ['a', 'b', 'c', 'd'],
  ];
  const holds = { a: 'ours', c: 'unreadable', d: 'looking' } as const;
  const { flashed, said } = await play(looks, { holds });
  assert.deepEqual(flashed, ['b']);
  assert.deepEqual(said.slice(1), [
    'a is a finished unit: it is left as it is. Take it out, or name it to write it anew',
    'c cannot be read: it is left as it is. Take it out, or name it to write it anew',
  ]);
});

test('a card that took the place of a finished one between two looks is written, that of a bad one is not', async () => {
  const wait = Array.from({ length: 5 }, () => ['a#1', 'b#1']);
  const bad = { phase: 'bad', reason: { code: 'card-failing', text: '', hint: '' } } as const;
  const { flashed } = await play([...wait, ['a#2', 'b#2'], ['a#2', 'b#2']], {
    flash: (found) => Promise.resolve(view(found, found.device === 'b' ? bad : {})),
  });
  assert.deepEqual(flashed, ['a', 'b', 'a']);
});

test('a card that may not be written is named once with the reason, and written when that is gone', async () => {
  const { flashed, said } = await play([['(a)'], ['(a)'], ['(a)', 'b'], ['a', 'b'], ['(a)', 'b']]);
  assert.deepEqual(flashed, ['b', 'a']);
  assert.deepEqual(said.slice(1), ['! a is mounted\n  → umount a']);
});

test('how the order stands is said after each card, and its last card ends the day', async () => {
  const looks = Array.from({ length: 200 }, () => ['a', 'b']);
  const { flashed, said } = await play([['a'], ...looks, ['a', 'b', 'c']], { wanted: 2 });
  assert.deepEqual(flashed, ['a', 'b']);
  assert.deepEqual(said.slice(1), [
    'Order A-17: 1 of 2 have a card.',
    'Order A-17 is finished: all 2 have a card.',
  ]);
});

test('the day ends when no unit of the order waits', async () => {
  const looks = Array.from({ length: 200 }, () => ['a']);
  const reason = { code: 'order-finished', text: 'All have a card', hint: '' };
  const { flashed } = await play([...looks.slice(0, 5), [], ...looks, ['b'], []], {
    flash: (found) => Promise.resolve(view(found, { phase: 'untouched', reason })),
  });
  assert.deepEqual(flashed, ['a']);
});

test('on a terminal every card has a line that moves, and rings when it is finished', () => {
  const written: string[] = [];
  const screen = { isTTY: true, columns: 80, write: (text: string) => written.push(text) };
  const shown = cardScreen(screen, { nowMs: () => 0, env: { NO_COLOR: '1' } });
  const moving = { phase: 'writing', done: 0.5, bytesPerSecond: 41e6, secondsLeft: 9 } as const;
  shown.show(view(card('/dev/sdb'), moving));
  shown.show(view(card('/dev/sdc'), { ...moving, phase: 'reading' }));
  const both = written.at(-1)!;
  assert.match(both, /\/dev\/sdb .*writing.* 50 %.* 41\.0 MB\/s.* 9\.0 s left\n/);
  assert.match(both, /\/dev\/sdc .*reading/);
  for (const line of both.split('\n')) assert.ok(line.length < 100, line);
  shown.show(view(card('/dev/sdb')));
  assert.ok(written.at(-1)!.includes('\u0007✓ /dev/sdb  is unit a1'));
  shown.close();
});

test('without a terminal there is a line for each phase, and a bad card says what to do', () => {
  const written: string[] = [];
  const shown = cardScreen(
    { write: (text: string) => written.push(text) },
    { nowMs: () => 0, env: {} },
  );
  shown.show(view(card('/dev/sdb'), { phase: 'writing' }));
  shown.show(view(card('/dev/sdb'), { phase: 'writing', done: 0.7 }));
  const reason = { code: 'card-failing', text: 'The card fails', hint: 'Throw it away' };
  shown.show(view(card('/dev/sdb'), { phase: 'bad', reason }));
  const stopped = { code: 'stopped', text: 'It was stopped', hint: 'Write it again' };
  shown.show(view(card('/dev/sdd'), { phase: 'bad', reason: stopped }));
  const none = { code: 'order-finished', text: 'No unit waits', hint: 'Look' };
  shown.show(view(card('/dev/sdc'), { phase: 'untouched', reason: none }));
  shown.close();
  assert.equal(
    written.join(''),
    `· /dev/sdb  writing
✗ /dev/sdb  BAD: The card fails  (0.0 s)
  → Throw it away
! /dev/sdd  STOPPED: It was stopped  (0.0 s)
  → Write it again
! /dev/sdc  NOT WRITTEN: No unit waits  (0.0 s)
  → Look
`,
  );
});
