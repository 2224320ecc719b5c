// What calls cost and which of them count, by tables.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJudge } from '../../../../agent/interfaces/calls/judge.ts';
import { fromMoney, priceOf, toMoney, zoneOf } from '../../../../agent/interfaces/calls/tariff.ts';
import type { CallRecord } from '../../../../agent/interfaces/calls/wire.ts';
import { parsed } from './settings.ts';

const zone = (of: Record<string, unknown>) => ({
  name: 'a',
  prefixes: [''],
  unitPrice: '0.25',
  ...of,
});
const TARIFF = {
  zones: [
    zone({ name: 'home', prefixes: ['0'], unitPrice: '0.105', unitSeconds: 60 }),
    zone({ name: 'mobile', prefixes: ['087', '088'], unitPrice: '0.3333', unitSeconds: 30 }),
    zone({
      name: 'abroad',
      prefixes: ['00'],
      connection: '0.5',
      unitPrice: '1.00',
      freeSeconds: 5,
    }),
    zone({ name: 'free', prefixes: ['0800', '112'], unitPrice: '0' }),
  ],
};

test('the longest prefix wins', () => {
  const { tariff } = parsed({ tariff: TARIFF });
  for (const [number, name] of [
    ['029876543', 'home'],
    ['0881234', 'mobile'],
    ['0049123', 'abroad'],
    ['0800123', 'free'],
    ['112', 'free'],
    ['5551234', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(zoneOf(tariff!, number)?.name, name, number);
  }
});

test('a begun unit is paid, free seconds are not, and nothing is lost in fractions', () => {
  const { tariff } = parsed({ tariff: TARIFF });
  const [home, mobile, abroad, free] = tariff!.zones;
  for (const [of, seconds, price] of [
    [home, 0, '0.00'],
    [home, 1, '0.11'], // 0.105, half a cent up
    [home, 60, '0.11'],
    [home, 61, '0.21'],
    [home, 600, '1.05'],
    [mobile, 30, '0.33'],
    [mobile, 31, '0.67'],
    [mobile, 90, '1.00'], // 0.9999
    [abroad, 5, '0.00'],
    [abroad, 6, '1.50'],
    [abroad, 65, '1.50'],
    [abroad, 66, '2.50'],
    [free, 3_600, '0.00'],
  ] as const) {
    assert.equal(priceOf(of!, seconds, 2), price, `${of!.name} ${seconds}`);
  }
  assert.equal(priceOf(abroad!, 66, 0), '3');
  assert.equal(priceOf(home!, 1, 4), '0.1050');
  // 0.1 three times is 0.3, and the largest of all is exact.
  assert.equal(toMoney(fromMoney('0.1') * 3n, 4), '0.3000');
  const dear = { ...home!, connection: '99999.9999', unitPrice: '99999.9999', unitSeconds: 1 };
  assert.equal(priceOf(dear, 604_800, 4), '60480099939.5199');
});

const CALL: CallRecord = {
  ...{ at: '2026-03-01T10:54:00', extension: '7110', seconds: 61, dialled: '9029876543' },
  direction: 'outgoing',
};

test('which calls count', () => {
  const judged = (settings: Record<string, unknown>, call: Partial<CallRecord>): unknown => {
    const result = createJudge(parsed(settings))({ ...CALL, ...call }, 'k');
    return result.is === 'counts' ? result.event.extension : result.why;
  };
  assert.equal(judged({}, {}), '7110');
  assert.equal(judged({}, { direction: 'incoming' }), 'incoming');
  assert.equal(judged({ take: { incoming: true } }, { direction: 'incoming' }), '7110');
  assert.equal(judged({}, { direction: 'internal' }), 'internal');
  assert.equal(judged({ take: { internalDigitsMax: 4 } }, { dialled: '7111' }), 'internal');
  assert.equal(
    judged({ take: { internalDigitsMax: 4, internal: true } }, { dialled: '7111' }),
    '7110',
  );
  assert.equal(judged({}, { seconds: 0 }), 'unanswered');
  assert.equal(judged({ take: { unanswered: true } }, { seconds: 0 }), '7110');
  assert.equal(judged({}, { direction: 'ignore' }), 'ignored');
  const list = [{ extension: '7110', room: '110' }];
  assert.equal(judged({ extensions: { list } }, {}), '110');
  assert.equal(judged({ extensions: { list, others: 'ignore' } }, { extension: '7' }), 'ignored');
  assert.equal(judged({ extensions: { strip: '7' } }, {}), '110');
  assert.equal(judged({ extensions: { strip: '7' } }, { extension: '7' }), '7');
});

test('whose price it is', () => {
  const priced = (settings: Record<string, unknown>, call: Partial<CallRecord>): unknown => {
    const result = createJudge(parsed({ accessCode: '9', ...settings }))({ ...CALL, ...call }, 'k');
    assert.ok(result.is === 'counts');
    return result.isPriceMissing ? 'missing' : result.event.price;
  };
  const tariff = TARIFF;
  assert.equal(priced({}, { price: '3.47' }), '3.47');
  assert.equal(priced({}, {}), undefined);
  assert.equal(priced({ tariff }, { price: '3.47' }), '3.47');
  assert.equal(priced({ tariff }, {}), '0.21');
  assert.equal(priced({ tariff }, { price: '0.00' }), '0.00');
  assert.equal(priced({ tariff, price: { zeroIsNone: true } }, { price: '0.00' }), '0.21');
  assert.equal(priced({ tariff, price: { from: 'tariff' } }, { price: '3.47' }), '0.21');
  assert.equal(priced({ tariff, price: { from: 'none' } }, { price: '3.47' }), 'missing');
  assert.equal(priced({ tariff }, { dialled: '5551234' }), 'missing');
  // An incoming call is nobody's to pay, an unanswered one neither.
  const take = { incoming: true, unanswered: true };
  assert.equal(priced({ tariff, take }, { direction: 'incoming' }), undefined);
  assert.equal(priced({ tariff, take }, { seconds: 0 }), undefined);
});
