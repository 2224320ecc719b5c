// iLink's JSON: requests as documented, answers and call records of any kind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallOptions } from '../../../../agent/interfaces/ilink/config.ts';
import {
  barring,
  bodyOf,
  lamp,
  occupied,
  privacy,
  readAnswer,
  readCall,
  vacant,
  wakeup,
} from '../../../../agent/interfaces/ilink/wire.ts';
import type { Request } from '../../../../agent/interfaces/ilink/wire.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { below } from '../../core/frames/streams.ts';
import { CDR } from './settings.ts';

const GUEST = {
  ...{ booking: 1, lastName: 'Smith', firstName: 'John', title: 'Mr', language: 'en' },
  ...{ arrival: '2026-04-01', departure: '2026-04-02', group: 'BAE', isVip: true },
};

test('requests are those of the documents', () => {
  const said = (request: Request): unknown => [
    request.path,
    JSON.parse(bodyOf(request).toString()),
  ];
  const extn = '4100';
  assert.deepEqual(said(occupied(extn, GUEST)), [
    'setguest',
    {
      setguest: {
        ...{ extn, status: 'occupied', title: 'Mr', firstname: 'John', lastname: 'Smith' },
        ...{ language: 'english', group: 'BAE', vip: '1' },
      },
    },
  ]);
  assert.deepEqual(said(vacant(extn)), [
    'setguest',
    {
      setguest: {
        ...{ extn, status: 'vacant', title: '', firstname: extn, lastname: 'vacant' },
        ...{ language: '', group: '', vip: '' },
      },
    },
  ]);
  assert.deepEqual(said(barring(extn, 2)), ['setcos', { classofservice: { extn, cos: '2' } }]);
  assert.deepEqual(said(lamp(extn, true)), ['setmw', { messagewaiting: { extn, mw: 'on' } }]);
  assert.deepEqual(said(privacy(extn, false)), ['setdnd', { dnd: { extn, dnd: 'off' } }]);
  const wakeuptime = '24-08-2017 08:00:00';
  assert.deepEqual(said(wakeup(extn, 'set', '2017-08-24T08:00:00')), [
    'setwakeup',
    { wakeup: { extn, action: 'set', wakeuptime } },
  ]);
});

test('answers: success, failed with a reason, anything else is none', () => {
  const read = (text: string): unknown => readAnswer(Buffer.from(text));
  assert.deepEqual(read('{"result":"success"}'), { result: 'success', information: '' });
  assert.deepEqual(read('{"result":"Failed","information":"no\\u0007\\nroom"}'), {
    result: 'failed',
    information: 'no room',
  });
  for (const text of ['', '{', '{}', '[]', 'null', '{"result":"ok"}', '{"result":1}']) {
    assert.equal(read(text), undefined, text);
  }
});

const NONE: CallOptions = {
  ...{ port: 8_090, from: ['10.0.0.1'], incoming: false, internal: false, unanswered: false },
  internalDigitsMax: 5,
};
const read = (fields: object, options: Partial<CallOptions> = {}) =>
  readCall(Buffer.from(JSON.stringify({ message: { ...CDR, ...fields } })), {
    ...NONE,
    ...options,
  });

test('which call records count', () => {
  const told = (fields: object, options: Partial<CallOptions> = {}): string => {
    const call = read(fields, options);
    if (call.is === 'call') return `${call.event.extension} ${call.event.dialled ?? '-'}`;
    return call.is === 'left-out' ? call.why : call.field;
  };
  const inside = { dst: '630', calleenum: '630' };
  const outside = { src: '0049891234567', dst: '821', calleenum: '821' };
  assert.equal(told({}), '821 0049891234567');
  assert.equal(told({ calleenum: '' }, { internalDigitsMax: 0 }), '821 900');
  assert.equal(told(inside), 'internal');
  assert.equal(told(inside, { internal: true }), '821 630');
  assert.equal(told({ calltype: 'Internal' }), 'internal');
  assert.equal(told(outside), 'incoming');
  assert.equal(told(outside, { incoming: true }), '821 -');
  assert.equal(told({ calltype: 'incoming', ...inside }), 'incoming');
  assert.equal(told({ billsec: '0' }), 'unanswered');
  assert.equal(told({ billsec: '' }, { unanswered: true }), '821 0049891234567');
  assert.equal(told({ billsec: 95 }), '821 0049891234567');
  assert.equal(told({ src: '' }), 'message.src');
  assert.equal(told({ start: '17.05.2017' }), 'message.start');
  assert.equal(told({ start: '2017-13-17 16:51:42' }), 'message.start');
  assert.equal(told({ billsec: '-1' }), 'message.billsec');
  assert.equal(told({ billsec: 'x' }), 'message.billsec');
});

test('JSON within JSON is read, what is none is not', () => {
  const inner = readCall(Buffer.from(JSON.stringify({ message: JSON.stringify(CDR) })), NONE);
  assert.deepEqual(inner, read({}));
  assert.equal(inner.is, 'call');
  for (const body of ['', '{}', '[]', '{"message":"x"}', '{"message":[]}', '{"message":null}']) {
    assert.equal(readCall(Buffer.from(body), NONE).is, 'wrong', body);
  }
});

test('any body is a call with a line and a time, or wrong', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const whole = Buffer.from(JSON.stringify({ message: CDR }));
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 5_000;
  let taken = 0;
  for (let round = 0; round < rounds; round += 1) {
    const body = Buffer.from(whole);
    for (let n = below(random, 3); n > 0; n -= 1)
      body[below(random, body.length)] = below(random, 256);
    const call = readCall(body, { ...NONE, internal: true, incoming: true, unanswered: true });
    readAnswer(body);
    if (call.is !== 'call') continue;
    taken += 1;
    const { extension, at, dialled = '0' } = call.event;
    const told = `seed ${seed}, round ${round}: ${JSON.stringify(call.event)}`;
    assert.ok(extension.length > 0 && extension.length <= 80 && !/\p{Cc}/u.test(extension), told);
    assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/, told);
    assert.match(dialled, /^[\d*#+]{1,40}$/, told);
  }
  assert.ok(taken > rounds / 10);
});
