// Orders, events, verdicts, outcomes and the house, as they cross from one process to another.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENT_KINDS, parseEvent, parseVerdict } from '../../../../agent/core/events/wire.ts';
import { TEXT_CHARS_MAX } from '../../../../agent/core/fields/limits.ts';
import {
  ORDER_KINDS,
  orderOf,
  parseHouse,
  parseOrder,
  parseOutcome,
} from '../../../../agent/core/orders/wire.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { EVENTS, HOUSE, ORDERS } from './examples.ts';

const wired = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

test('every order, event and the house come out as they went in', () => {
  for (const kind of ORDER_KINDS) {
    assert.deepEqual(parseOrder(wired(ORDERS[kind])), { ok: true, value: ORDERS[kind] });
  }
  for (const kind of EVENT_KINDS) {
    assert.deepEqual(parseEvent(wired(EVENTS[kind])), { ok: true, value: EVENTS[kind] });
  }
  assert.deepEqual(parseHouse(wired(HOUSE)), { ok: true, value: HOUSE });
});

test('an error names the field and never shows what was in it', () => {
  const order = ORDERS['room.checked-in'];
  const cases: readonly (readonly [unknown, string])[] = [
    [{ ...order, guest: { ...order.guest, arrival: '2026-13-45' } }, 'guest.arrival: not a day'],
    [{ ...order, guest: { ...order.guest, lastName: 7 } }, 'guest.lastName: expected string'],
    [{ ...order, secret: 'Ivanova' }, 'secret: expected never'],
    [{ ...order, room: 'Ivanova\u0000' }, 'room: control characters'],
    [{ ...order, kind: 'Ivanova' }, 'kind: no such order'],
    [{ ...order, kind: 'constructor' }, 'kind: no such order'],
    [null, 'kind: no such order'],
    [{ ...ORDERS['room.barring'], level: 9 }, 'level: expected (0 | 1 | 2 | 3)'],
    [
      {
        ...ORDERS['receipt.print'],
        parts: [{ is: 'raster', widthBytes: 2, rows: 1, data: 'AA==' }],
      },
      'parts.0: data is not of this size',
    ],
    [
      { ...ORDERS['receipt.print'], parts: [{ is: 'line', text: 'x', width: 9 }] },
      'parts.0.width: too big',
    ],
    [{ ...ORDERS['key.encode'], from: '2026-02-30T25:00:00' }, 'from: not a local time'],
  ];
  for (const [value, text] of cases) assert.deepEqual(parseOrder(value), { ok: false, text });
  assert.deepEqual(parseEvent({ ...EVENTS['charge.posted'], amount: 12.5 }), {
    ok: false,
    text: 'amount: expected string',
  });
});

test('orderOf() makes an order of a command: its kind is the order, whatever the body says', () => {
  assert.deepEqual(orderOf('resync', undefined), { ok: true, value: { kind: 'resync' } });
  assert.deepEqual(orderOf('resync', { kind: 'key.read' }), {
    ok: true,
    value: { kind: 'resync' },
  });
  assert.deepEqual(orderOf('message.light', { room: '101', isOn: true }).ok, true);
  assert.deepEqual(orderOf('resync', []), { ok: false, text: 'body: not an object' });
  assert.deepEqual(orderOf('resync', 'x'), { ok: false, text: 'body: not an object' });
});

test('words of a device are cut and cleaned: a charge is not lost by them', () => {
  const text = `\u0002Pay\r\nTV ${'x'.repeat(2 * TEXT_CHARS_MAX)}`;
  const parsed = parseEvent({ ...EVENTS['charge.posted'], text });
  assert.ok(parsed.ok && parsed.value.kind === 'charge.posted');
  assert.match(parsed.value.text, /^Pay TV x+$/);
  assert.ok(parsed.value.text.length <= TEXT_CHARS_MAX);
});

test('outcomes and verdicts are taken as they are, and nothing else is', () => {
  for (const good of [
    { ok: true },
    { ok: true, body: { tracks: 2 } },
    { ok: false, why: 'busy' },
  ]) {
    assert.deepEqual(parseOutcome(good), { ok: true, value: good });
  }
  assert.equal(parseOutcome({ ok: true, body: { a: 'x'.repeat(9_000) } }).ok, false);
  assert.equal(parseOutcome({ ok: false, why: 'bored' }).ok, false);
  for (const good of [
    { ok: true, isRepeat: false },
    { ok: false, why: 'nobody', text: 'empty' },
  ]) {
    assert.deepEqual(parseVerdict(good), { ok: true, value: good });
  }
  assert.equal(parseVerdict({ ok: true }).ok, false);
});

test('whatever comes instead of a field, an answer comes back, and never an exception', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const junk = [null, [], {}, -1, 1e99, '', 'x'.repeat(70_000), true, { __proto__: null }, [[[]]]];
  const spoil = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || random() < 0.15) {
      return junk[Math.floor(random() * junk.length)];
    }
    const copy = structuredClone(value) as Record<string, unknown>;
    const names = Object.keys(copy);
    const name = names[Math.floor(random() * names.length)] ?? 'x';
    copy[name] = spoil(copy[name]);
    return copy;
  };
  for (let round = 0; round < 3_000; round += 1) {
    const [order, event] = [Object.values(ORDERS), Object.values(EVENTS)];
    for (const answer of [
      parseOrder(spoil(order[round % order.length])),
      parseEvent(spoil(event[round % event.length])),
      parseHouse(spoil(HOUSE)),
    ]) {
      assert.ok(answer.ok || (answer.text.length < 600 && !answer.text.includes('Ivanova')));
    }
  }
});
