// A FIAS service and a vendor on a real serial line (a pair of kernel terminals), with acknowledgements.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Guest } from '../../../../agent/core/vocabulary.ts';
import { filled } from '../../../../agent/interfaces/fias/wire.ts';
import { SMALL_HOUSE } from '../../../bench/systems/stand-in.ts';
import { system } from './system.ts';

const guest = (booking: number): Guest => ({
  ...{ booking, lastName: 'Ångström', arrival: '2026-04-01', departure: '2026-04-05' },
});

test('stays, postings and a resync go over a serial line, both sides at once', async () => {
  const rooms = Array.from({ length: 200 }, (_value, index) => ({
    ...{
      room: `${100 + index}`,
      housekeeping: null,
      guests: index % 2 === 0 ? [guest(index + 1)] : [],
    },
  }));
  await using it = await system({ at: 'pty', house: { ...SMALL_HOUSE, rooms } });
  const postings = Array.from({ length: 20 }, async (_value, index) =>
    it.vendor.ask(
      'PS',
      [
        ['RN', '100'],
        ['PT', 'C'],
        ['TA', '100'],
        ['P#', `${index + 1}`],
      ],
      'PA',
    ),
  );
  const [, answers] = await Promise.all([it.vendor.resync(), Promise.all(postings)]);
  assert.deepEqual(
    answers.map((answer) => filled(answer, 'AS')),
    answers.map(() => 'OK'),
  );
  assert.equal(it.agent.events.length, 20);
  assert.equal([...it.vendor.table.rooms.values()].flat().length, 100);
  const order = { room: '101', guest: guest(999), isShared: false };
  assert.deepEqual(await it.order({ kind: 'room.checked-in', ...order }), {
    ok: true,
    body: { records: 1 },
  });
  // Acknowledged: it was heard.
  assert.equal(it.vendor.table.rooms.get('101')?.[0]?.name, 'Ångström');
  assert.deepEqual(it.vendor.violations, []);
});

test('a serial line that was pulled comes back with a new handshake', async () => {
  await using it = await system({ at: 'pty' });
  await it.place.unplug();
  await it.agent.until('it is down', () => it.agent.talks.at(-1)?.at === 'down');
  const offline = await it.order({ kind: 'message.light', room: '101', isOn: true });
  assert.ok(!offline.ok && offline.why === 'offline');
  await it.place.plug();
  await it.agent.until('it is up again', it.isUp);
  assert.ok((await it.order({ kind: 'message.light', room: '101', isOn: true })).ok);
});

test('seven data bits carry names in ASCII', async () => {
  await using it = await system({ at: 'pty', dataBits: 7 });
  const order = { room: '102', guest: guest(7_002), isShared: false };
  await it.order({ kind: 'room.checked-in', ...order });
  assert.equal(it.vendor.table.rooms.get('102')?.[0]?.name, 'Angstrom');
});
