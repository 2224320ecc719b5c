// What messages of a NEAX mean to the hotel.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRoomMap } from '../../../../agent/core/extensions/config.ts';
import { parse } from '../../../../agent/interfaces/nec/config.ts';
import { heardOf, when } from '../../../../agent/interfaces/nec/events.ts';
import type { HotelEvent } from '../../../../agent/core/vocabulary.ts';

const parsed = parse({ line: { kind: 'tcp-client', host: '10.0.0.5', port: 60_050 } });
assert.ok(parsed.ok);
const ways = { settings: parsed.settings, rooms: createRoomMap([]) };
const NOW = '2026-04-01T22:30:00';

function eventOf(code: string, data = '', now = NOW): HotelEvent | string {
  const [feature = '', name = ''] = code.split('-');
  const heard = heardOf({ feature, function: name, extension: '101', data }, ways, now);
  return heard.is === 'event' ? heard.event : heard.is;
}
const room = '101';

test('wake-up calls get the day that the exchange does not say', () => {
  const at = '2026-04-02T07:00:00';
  assert.deepEqual(eventOf('19-1', '07001'), { kind: 'wakeup.set', room, at });
  assert.deepEqual(eventOf('19-2', '    1'), { kind: 'wakeup.clear', room, at: undefined });
  const results = ['answered', 'busy', 'no-answer', 'failed', 'failed'];
  for (const [index, result] of results.entries()) {
    const event = eventOf('19-3', `0700${index + 1}`, '2026-04-02T07:02:00');
    assert.deepEqual(event, { kind: 'wakeup.result', room, at, result });
  }
  assert.equal(eventOf('19-3', '07006'), 'nothing');
  assert.equal(eventOf('19-1', '25001'), 'nothing');
});

test('when() finds the next and the last time, over midnight and with clocks that differ', () => {
  assert.equal(when('2300', NOW, 'next'), '2026-04-01T23:00:00');
  assert.equal(when('2200', NOW, 'next'), '2026-04-02T22:00:00');
  assert.equal(when('2359', '2026-04-02T00:01:00', 'last'), '2026-04-01T23:59:00');
  assert.equal(when('0702', '2026-04-02T07:00:00', 'last'), '2026-04-02T07:02:00');
  assert.equal(when('0001', '2026-04-01T23:58:00', 'last'), '2026-04-02T00:01:00');
  assert.equal(when('2460', NOW, 'next'), undefined);
});

test('maids report from the room and from the office', () => {
  const of = (housekeeping: string, maid: string | undefined): unknown => ({
    ...{ kind: 'room.status', room, housekeeping, maid },
  });
  assert.deepEqual(eventOf('11-1', '12    '), of('progress', '12'));
  assert.deepEqual(eventOf('12-2', '      '), of('inspect', undefined));
  assert.deepEqual(eventOf('11-3', '12    '), of('clean', '12'));
  assert.equal(eventOf('11-4', '12    '), 'nothing');
});

test('what holds nothing for the hotel is taken and left', () => {
  for (const code of ['16-5', '16-6', '16-C', '16-D', '17-2', '70-3', 'ZZ-9']) {
    assert.equal(eventOf(code, '4 '), 'nothing', code);
  }
  assert.equal(eventOf('96-1'), 'returned');
  assert.deepEqual(eventOf('13-4'), { kind: 'message.light', room, isOn: false });
  assert.deepEqual(eventOf('53-2'), { kind: 'message.light', room, isOn: true });
  assert.deepEqual(eventOf('53-3'), { kind: 'message.light', room, isOn: false });
  assert.deepEqual(eventOf('15-2', '6  '), { kind: 'room.privacy', room, wish: 'undisturbed' });
  assert.deepEqual(eventOf('15-2', '1  '), { kind: 'room.privacy', room, wish: 'none' });
});
