// Postings read as charges, sales and calls: amounts, keys, types, and what is refused with which code.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEvent } from '../../../../agent/core/events/wire.ts';
import type { HotelEvent } from '../../../../agent/core/vocabulary.ts';
import { checkOutOf, found, isInquiry } from '../../../../agent/interfaces/fias/inquiries.ts';
import { posting, postingAnswer } from '../../../../agent/interfaces/fias/postings.ts';
import { reported } from '../../../../agent/interfaces/fias/reports.ts';
import { localTimeOf, moneyOf, secondsOf } from '../../../../agent/interfaces/fias/times.ts';
import { readRecord, writeRecord } from '../../../../agent/interfaces/fias/wire.ts';
import type { FiasRecord } from '../../../../agent/interfaces/fias/wire.ts';
import { SMALL_HOUSE } from '../../../bench/systems/stand-in.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { settingsOf } from './settings.ts';

const LOCAL = '2026-04-01T13:00:00';
const record = (text: string): FiasRecord => {
  const read = readRecord(text);
  assert.ok(read.ok, text);
  return read.record;
};
const read = (text: string, family = 'MB', changes: Readonly<Record<string, unknown>> = {}) =>
  posting(record(text), { family, decimals: 2, settings: settingsOf(changes), local: LOCAL });
const event = (...given: Parameters<typeof read>): HotelEvent => {
  const result = read(...given);
  assert.ok(result.ok, given[0]);
  const parsed = parseEvent(result.event);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return result.event;
};
const code = (...given: Parameters<typeof read>): string => {
  const result = read(...given);
  return result.ok ? 'OK' : result.code;
};

const CALL = 'PS|RN101|PTC|TA1050|DD0049891234|PCI|DA260401|TI123545|P#1729|';

test('a priced posting is a call of a PBX and a charge of the others, unless settings decide', () => {
  assert.deepEqual(event(CALL, 'PB'), {
    ...{ kind: 'call.recorded', key: '1729|260401|123545|101|1050|C|', extension: '101' },
    ...{ at: '2026-04-01T12:35:45', dialled: '0049891234', price: '10.50' },
  });
  assert.equal(event(CALL, 'CA').kind, 'call.recorded');
  assert.equal(event(CALL, '').kind, 'call.recorded');
  assert.deepEqual(event(CALL, 'VI'), {
    ...{ kind: 'charge.posted', key: '1729|260401|123545|101|1050|C|', room: '101' },
    ...{ at: '2026-04-01T12:35:45', amount: '10.50', text: '…34', group: 'extra' },
  });
  assert.equal(event(CALL, 'PB', { priced: 'charge' }).kind, 'charge.posted');
  assert.equal(event(CALL, 'MB', { priced: 'call' }).kind, 'call.recorded');
  const outlets = [
    { so: '1', name: 'Bar', group: 'f&b' },
    { so: '2', kind: 'call' },
  ];
  const bar = event(`${CALL}SO1|C#77|`, 'PB', { outlets });
  assert.ok(bar.kind === 'charge.posted');
  assert.deepEqual([bar.text, bar.group], ['Bar …34 #77', 'f&b']);
  assert.equal(event(`${CALL}SO2|`, 'MB', { outlets }).kind, 'call.recorded');
});

test('minibar articles pair by their place, and M# is 1 where it is missing', () => {
  const items = (fields: string) => {
    const found = read(`PS|RN101|PTM|${fields}|P#1730|`);
    return found.ok && found.event.kind === 'minibar.posted'
      ? found.event.items.map(({ article, quantity }) => `${article}x${quantity}`).join(' ')
      : !found.ok && found.code;
  };
  assert.equal(items('MA1450|M#2|DA260401|TI124254'), '1450x2');
  assert.equal(items('MA1|M#2|MA3|MA4|M#05|MA6'), '1x2 3x1 4x5 6x1');
  assert.equal(items('M#3|MA1450'), '1450x3');
  for (const wrong of ['M#2', 'MA1|M#0', 'MA1|M#-1', 'MA1|M#x', '', 'M#1|M#2|MA1'])
    assert.equal(items(wrong), 'UR', wrong);
});

test('a call that the hotel prices has impulses, or length and number', () => {
  const call = event('PS|RN101|PTT|MP00012|DU001005|DD0049891|T#4|DA260401|TI123545|P#1|', 'PB');
  assert.ok(call.kind === 'call.recorded');
  assert.deepEqual([call.impulses, call.seconds, call.line, call.price], [12, 605, '4', undefined]);
  assert.equal(code('PS|RN101|PTT|DD0049|P#1|'), 'UR');
});

test('what cannot be posted says why in FIAS’ own codes', () => {
  assert.equal(code('PS|PTC|TA100|P#1|'), 'NG');
  assert.equal(code('PS|RN101|PTC|P#1|'), 'UR');
  assert.equal(code('PS|RN101|PTC|TAmuch|P#1|'), 'UR');
  assert.equal(code('PS|RN101|PTD|TA100|P#1|'), 'UR');
  assert.equal(code('PS|RN101|PTD|TA100|P#1|', 'WW', { quirks: { directCharges: true } }), 'OK');
  assert.equal(code('PR|WS2|TA100|PMCASH|P#1|'), 'UR');
  assert.equal(code('PR|WS2|RN900|G#0|TA100|P#1|'), 'IA');
  const sum = 'PR|WS2|SO1|RN101|G#5001|GNGuest|TA1000|S1800|D1-200|T1400|C#77|P#1732|';
  assert.equal(code(sum), 'OK');
  assert.equal(code(sum.replace('TA1000', 'TA1001')), 'DM');
  assert.equal(code(`${sum.replace('TA1000', 'TA1101')}TP50|SC50|+01|`), 'OK');
});

test('the key of a posting is the same for the same record, and another for another', () => {
  const keyOf = (text: string): string => {
    const found = event(text);
    return 'key' in found ? found.key : '';
  };
  const base = keyOf(CALL);
  assert.equal(keyOf(CALL), base);
  // What names a posting is what counts, not the order of fields or what was added.
  assert.equal(keyOf('PS|P#1729|TI123545|DA260401|TA1050|PTC|RN101|WS7|'), base);
  for (const [from, to] of [
    ['P#1729', 'P#1730'],
    ['TI123545', 'TI123546'],
    ['DA260401', 'DA260402'],
    ['RN101', 'RN102'],
    ['TA1050', 'TA1051'],
  ] as const)
    assert.notEqual(keyOf(CALL.replace(from, to)), base, to);
  const noNumber = CALL.replace('P#1729|', '');
  assert.equal(keyOf(noNumber), keyOf(noNumber));
  // Neither number nor time: each is one of its own.
  const bare = record('PS|RN101|PTC|TA100|');
  const keyAt = (local: string) => {
    const result = posting(bare, { family: '', decimals: 2, settings: settingsOf(), local });
    return result.ok && 'key' in result.event ? result.event.key : '';
  };
  assert.notEqual(keyAt('2026-04-01T13:00:00'), keyAt('2026-04-01T13:00:01'));
  assert.notEqual(keyOf(`${noNumber}MAx|`), keyOf(noNumber));
  assert.ok(keyOf(`${noNumber}${'CTlong|'.repeat(50)}`).length <= 200);
});

test('amounts follow the currency, and nothing is rounded', () => {
  const cases: readonly (readonly [string, number, string | undefined])[] = [
    ...([
      ['1050', 2, '10.50'],
      ['5', 2, '0.05'],
      ['-1050', 2, '-10.50'],
      ['000', 2, '0.00'],
    ] as const),
    // Two places are sent of a currency that has none, all three of one that has three.
    ...([
      ['105000', 0, '1050'],
      ['105001', 0, undefined],
      ['1050', 3, '1.050'],
    ] as const),
    ...([
      ['10.50', 2, '10.50'],
      ['10,5', 2, '10.50'],
      ['10.505', 2, undefined],
    ] as const),
    ...([
      ['1050.00', 0, '1050'],
      ['1e3', 2, undefined],
      ['', 2, undefined],
    ] as const),
    ...([
      ['99999999999999', 2, undefined],
      ['-0', 2, '0.00'],
      [' 0100 ', 2, '1.00'],
    ] as const),
  ];
  for (const [text, decimals, money] of cases)
    assert.equal(moneyOf(text, decimals), money, `${text} of ${decimals}`);
  assert.equal(secondsOf('000130'), 90);
  assert.equal(secondsOf('1000130'), 360_090);
  assert.equal(localTimeOf(record('PS|DA260230|TI101010|')), undefined);
  assert.equal(localTimeOf(record('PS|DA260228|TI1010|')), '2026-02-28T10:10:00');
});

test('PA echoes what names the posting; of a PR also the guest', () => {
  const answer = (text: string) => writeRecord(postingAnswer(record(text), 'OK'));
  assert.equal(answer(CALL), 'PA|RN101|ASOK|P#1729|DA260401|TI123545|');
  assert.equal(
    answer('PR|WS2|SO1|RN101|G#5001|GNGuest|TA1000|C#77|P#1732|'),
    'PA|RN101|ASOK|P#1732|WS2|C#77|SO1|G#5001|GNGuest|',
  );
});

test('an inquiry finds by room, else by the beginning of a name, and says when it does not know', () => {
  const ask = (text: string, house = SMALL_HOUSE) => writeRecord(found(record(text), house));
  const inquiry = 'PR|WS2|SO1|PI101|PMROOM|P#1731|';
  assert.ok(isInquiry(record(inquiry)));
  assert.ok(!isInquiry(record('PR|WS2|RN101|G#7001|TA1|P#1|')));
  assert.match(ask(inquiry)!, /^PL\|WS2\|SO1\|PMROOM\|P#1731\|RN101\|G#7001\|GNMüller\|/);
  assert.match(ask(inquiry.replace('101', 'MÜL'))!, /^PL\|.*G#7001/);
  assert.match(ask(inquiry.replace('101', 'uller'))!, /^PA\|ASNG\|P#1731/);
  const guests = Array.from({ length: 200 }, (_value, index) => ({
    ...{ booking: index + 1, lastName: 'Long '.repeat(30), arrival: '2026-04-01' },
    departure: '2026-04-05',
  }));
  const full = { ...SMALL_HOUSE, rooms: [{ room: '101', housekeeping: null, guests }] };
  const many = ask(inquiry, full)!;
  assert.ok(many.length <= 2_000 && many.split('|G#').length > 5);
  assert.match(ask(inquiry, { ...SMALL_HOUSE, asOfMs: undefined })!, /^PA\|ASRY\|/);
});

test('reports become events, and what says nothing is noted', () => {
  const told = (text: string, cleanIs: 'clean' | 'inspect' = 'clean') => {
    const { events, notes } = reported(record(text), { cleanIs })!;
    for (const one of events) assert.ok(parseEvent(one).ok, text);
    return events.length === 0 ? notes.length : events[0];
  };
  const clean = { kind: 'room.status', room: '101', housekeeping: 'clean' };
  assert.deepEqual(told('RE|RN101|RS3|'), clean);
  assert.deepEqual(told('RE|RN101|RS04|', 'inspect'), { ...clean, housekeeping: 'inspect' });
  assert.deepEqual(told('RE|RN101|RS5|ID7|', 'inspect'), { ...clean, maid: '7' });
  assert.deepEqual(told('RE|RN101|RS8|'), {
    kind: 'room.privacy',
    room: '101',
    wish: 'undisturbed',
  });
  assert.deepEqual(told('RE|RN101|RS10|'), { kind: 'room.privacy', room: '101', wish: 'none' });
  assert.deepEqual(told('RE|RN101|VM0003|'), { kind: 'message.light', room: '101', isOn: false });
  const wakeup = { room: '101', at: '2026-04-02T06:30:15' };
  assert.deepEqual(told('WA|RN101|DA260402|TI063015|ASBY|'), {
    ...{ kind: 'wakeup.result', ...wakeup, result: 'busy' },
  });
  assert.deepEqual(told('WA|RN101|DA260402|TI063015|ASDE|'), { kind: 'wakeup.clear', ...wakeup });
  assert.deepEqual(told('WC|RN101|DA|TI|'), { kind: 'wakeup.clear', room: '101' });
  assert.deepEqual(told('XL|RN101|G#7001|$J|MTcall|'), {
    ...{ kind: 'message.text', room: '101', booking: 7_001, text: 'call' },
  });
  assert.deepEqual(told('LO|G#7001|CTpool|'), { kind: 'locator', booking: 7_001, place: 'pool' });
  for (const nothing of ['RE|RN101|', 'RE|RS1|', 'RE|RN101|RS77|', 'RE|RN101|PP1|CTx|', 'LO|G#0|'])
    assert.equal(told(nothing), 1, nothing);
  for (const nothing of ['WR|RN101|DA|TI|', 'WC|RN101|DA260402|', 'XL|RN101|G#1|MTx|', 'LF|'])
    assert.equal(told(nothing), 1, nothing);
  assert.equal(checkOutOf(record('XC|RN101|G#7001|BA1050|'), 2)?.kind, 'checkout.requested');
  assert.equal(checkOutOf(record('XC|RN101|BA1050|'), 2), undefined);
});

const seed = testSeed();
test(`no record makes an event that the agent would refuse (seed ${seed})`, () => {
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const ids = ['RN', 'PT', 'TA', 'MA', 'M#', 'DU', 'DD', 'MP', 'DA', 'TI', 'P#', 'SO', 'G#', 'RS'];
  const values = [
    '101',
    'C',
    'M',
    'T',
    '1050',
    '-5',
    '0',
    '260401',
    '123545',
    '',
    '99999999999999',
  ];
  const settings = settingsOf();
  const runs = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 20_000;
  for (let run = 0; run < runs; run += 1) {
    const fields = Array.from({ length: random() * 12 }, () =>
      [pick(ids), random() < 0.9 ? pick(values) : 'x'.repeat(random() * 300)].join(''),
    );
    const text = [pick(['PS', 'PR', 'RE', 'WR', 'XL', 'LO']), ...fields, ''].join('|');
    const one = record(text);
    const family = pick(['PB', 'MB', '']);
    const posted = posting(one, { family, decimals: 2, settings, local: LOCAL });
    const events = posted.ok ? [posted.event] : (reported(one, settings)?.events ?? []);
    for (const event of events) {
      const parsed = parseEvent(event);
      assert.ok(parsed.ok, `${text}: ${JSON.stringify(parsed)}`);
    }
  }
});
