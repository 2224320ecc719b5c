// Orders to an SX-200 and messages from it, over TCP either way and a serial line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { mitel } from '../../../../agent/interfaces/mitel/run.ts';
import { createSx200 } from '../../../../agent/interfaces/mitel/counterpart.ts';
import type { Sx200 } from '../../../../agent/interfaces/mitel/counterpart.ts';
import type { Settings } from '../../../../agent/interfaces/mitel/config.ts';
import { systemClock } from '../../../../agent/io/clock.ts';
import type { OrderOf } from '../../../../agent/core/vocabulary.ts';
import { PLACES, rehearsalOf, stageOf } from '../exchange-stage.ts';
import type { Place, Rehearsed, Stage } from '../exchange-stage.ts';

const ROOM_CODES = [
  { digit: '2', housekeeping: 'clean' },
  { digit: '3', housekeeping: 'dirty' },
  { digit: '1', housekeeping: 'progress' },
];
const EXTENSIONS = [
  { room: 'Suite', extension: '2101' },
  { room: 'Suite', extension: '2102' },
];
const TYPED = {
  line: { kind: 'tcp-client', host: '127.0.0.1', port: 23 },
  extensions: EXTENSIONS,
  roomCodes: ROOM_CODES,
};
function settings(more: Record<string, unknown> = {}): Settings {
  const parsed = mitel.parse({ ...TYPED, ...more });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.settings;
}
const needs = { clock: systemClock, random: () => 0.5 };

async function stage(
  more: Record<string, unknown> = {},
  at: Place = 'tcp-server',
): Promise<Stage & { readonly pbx: Sx200 }> {
  const pbx = createSx200(settings(more), needs, { known: ['101', '102', '2101', '2102'] });
  return { ...(await stageOf(mitel, settings(more), { counterpart: pbx, at })), pbx };
}
const guest = {
  ...{ booking: 7_001, lastName: 'Müller', firstName: 'Anna' },
  ...{ arrival: '2026-04-01', departure: '2026-04-05' },
};
const checkIn = (room: string, isShared = false): OrderOf<'room.checked-in'> => ({
  ...{ kind: 'room.checked-in', room, guest, isShared },
});

for (const at of PLACES) {
  test(`the exchange at a ${at} learns what happens in the hotel, and says what it hears`, async () => {
    await using hotel = await stage({}, at);
    const { pbx, stand } = hotel;
    assert.deepEqual(await hotel.order(checkIn('Suite')), { ok: true });
    assert.ok(pbx.extensions.get('2101')?.isCheckedIn && pbx.extensions.get('2102')?.isCheckedIn);
    assert.ok((await hotel.order({ kind: 'message.light', room: '101', isOn: true })).ok);
    assert.ok(pbx.extensions.get('101')?.isLampOn);
    assert.ok((await hotel.order({ kind: 'room.status', room: '101', housekeeping: 'clean' })).ok);
    assert.equal(pbx.extensions.get('101')?.roomCode, '2');
    assert.ok(await pbx.dial({ function: 'RM', status: '3', extension: '2102' }));
    assert.ok(await pbx.dial({ function: 'DND', status: '1', extension: '101' }));
    assert.deepEqual(stand.events, [
      { kind: 'room.status', room: 'Suite', housekeeping: 'dirty' },
      { kind: 'room.privacy', room: '101', wish: 'undisturbed' },
    ]);
  });
}

test('orders and messages that cross all arrive', async () => {
  await using hotel = await stage();
  const orders = Array.from({ length: 20 }, async (_unused, index) =>
    hotel.order({ kind: 'room.privacy', room: '101', isOn: index % 2 === 0 }),
  );
  const dialled = Array.from({ length: 20 }, async (_unused, index) =>
    hotel.pbx.dial({ function: 'RM', status: index % 2 === 0 ? '2' : '3', extension: '102' }),
  );
  assert.ok((await Promise.all(orders)).every(({ ok }) => ok));
  assert.ok((await Promise.all(dialled)).every(Boolean));
  assert.equal(hotel.pbx.taken.length, 20);
  assert.ok(hotel.stand.events.length >= 20);
});

test('who moves leaves the old telephones closed; who shares leaves them open', async () => {
  await using hotel = await stage();
  const { pbx } = hotel;
  assert.ok((await hotel.order(checkIn('101'))).ok);
  const move = { kind: 'room.moved', from: '101', room: '102', guest } as const;
  assert.ok((await hotel.order({ ...move, isShared: false, isFromShared: true })).ok);
  assert.deepEqual(pbx.taken, ['CHK1   101', 'CHK1   102']);
  assert.ok((await hotel.order({ ...move, isShared: true, isFromShared: false })).ok);
  assert.equal(pbx.taken.at(-1), 'CHK0   101');
  const out = { kind: 'room.checked-out', room: '102', guest } as const;
  assert.ok((await hotel.order({ ...out, isShared: true })).ok);
  assert.equal(pbx.taken.length, 3);
  assert.ok((await hotel.order({ ...out, isShared: false })).ok);
  assert.equal(pbx.extensions.get('102')?.isCheckedIn, false);
});

test('names go out when they are on, and are in no trace', async () => {
  await using hotel = await stage({ names: true });
  assert.ok((await hotel.order(checkIn('101'))).ok);
  assert.equal(hotel.pbx.extensions.get('101')?.name, 'MULLER, ANNA');
  const changed = { ...checkIn('101'), guest: { ...guest, lastName: 'Ivanova' } };
  assert.ok((await hotel.order({ ...changed, kind: 'guest.changed' })).ok);
  assert.equal(hotel.pbx.extensions.get('101')?.name, 'IVANOVA, ANNA');
  assert.ok(!/MULLER|IVANOVA/i.test(hotel.stand.traces.join()));
});

test('resync tells every room, whatever the exchange does not know', async (t) => {
  await using hotel = await rehearsed(t);
  const [first, second] = hotel.stand.house.rooms;
  hotel.stand.house = {
    ...hotel.stand.house,
    rooms: [first!, second!, { room: '999', housekeeping: null, guests: [] }],
  };
  const { value } = await hotel.passing(hotel.order({ kind: 'resync' }));
  assert.deepEqual(value, { ok: true, body: { rooms: 2, refused: 1 } });
  assert.deepEqual(hotel.pbx.taken, ['CHK1   101', 'CHK0   102']);
});

test('what cannot be said is said to be so', async (t) => {
  await using hotel = await rehearsed(t);
  const why = async (order: Parameters<Stage['order']>[0]): Promise<string> => {
    const { value } = await hotel.passing(hotel.order(order));
    if (!value.ok) return value.why;
    return value.body?.['sent'] === false ? 'not sent' : 'ok';
  };
  assert.equal(
    await why({ kind: 'wakeup.set', room: '101', at: '2026-04-01T07:00:00' }),
    'unsupported',
  );
  assert.equal(
    await why({ kind: 'room.status', room: '101', housekeeping: 'inspect' }),
    'not sent',
  );
  assert.equal(await why({ ...checkIn('101'), kind: 'guest.changed' }), 'not sent');
  assert.equal(await why(checkIn('Penthouse')), 'wrong');
  assert.equal(await why(checkIn('103')), 'refused');
  assert.equal(hotel.pbx.taken.length, 0);
});

async function rehearsed(t: TestContext): Promise<Rehearsed & { readonly pbx: Sx200 }> {
  const pbx = createSx200(settings(), needs, { known: ['101', '102'] });
  return { ...(await rehearsalOf(t, mitel, { settings: settings(), counterpart: pbx })), pbx };
}

test('a frame whose ACK is lost is sent again after three seconds', async (t) => {
  await using hotel = await rehearsed(t);
  hotel.pbx.fault('lose-ack');
  const { value, ms } = await hotel.passing(hotel.order(checkIn('101')));
  assert.ok(value.ok && ms > 3_000 && ms < 5_000, `${ms} ms`);
  assert.deepEqual(hotel.pbx.taken, ['CHK1   101', 'CHK1   101']);
});

test('NAK to ENQ and to a frame is borne', async (t) => {
  await using hotel = await rehearsed(t);
  hotel.pbx.fault('nak-ask', 2);
  hotel.pbx.fault('nak-frame', 2);
  const { value, ms } = await hotel.passing(hotel.order(checkIn('102')));
  assert.ok(value.ok && ms >= 2_000, `${ms} ms`);
});

test('an exchange that falls silent is seen within a minute and nine seconds, and when it is back', async (t) => {
  await using hotel = await rehearsed(t);
  hotel.pbx.fault('silent', 3);
  await hotel.pass(69_500);
  assert.ok(hotel.stand.logs.some((line) => line.includes('does not answer')));
  await hotel.pass(5_000);
  assert.equal(hotel.stand.talks.at(-1)?.at, 'up');
  hotel.pbx.fault('silent', 3);
  const { value, ms } = await hotel.passing(hotel.order(checkIn('101')));
  assert.ok(!value.ok && value.why === 'offline' && ms >= 9_000, `${ms} ms`);
});

test('an event the agent cannot store is sent again by the exchange, and stored once', async () => {
  await using hotel = await stage();
  hotel.stand.isAway = true;
  const dialled = hotel.pbx.dial({ function: 'RM', status: '2', extension: '101' });
  await hotel.stand.until('it was heard', () => hotel.stand.traces.includes('in RM 2   101'));
  hotel.stand.isAway = false;
  assert.ok(await dialled);
  assert.equal(hotel.stand.events.length, 1);
});

test('an event that comes later is sent again; one that is never taken is not', async () => {
  await using hotel = await stage();
  let times = 0;
  hotel.stand.verdict = () => {
    times += 1;
    return { ok: false, why: times === 1 ? 'later' : 'wrong' };
  };
  assert.ok(await hotel.pbx.dial({ function: 'RM', status: '2', extension: '101' }));
  assert.equal(times, 2);
});

test('while the line is down orders are offline; afterwards it goes on by itself', async () => {
  await using hotel = await stage();
  await hotel.system.unplug();
  await hotel.stand.until('it is seen', () => hotel.stand.talks.at(-1)?.at === 'down');
  const outcome = await hotel.order(checkIn('101'));
  assert.ok(!outcome.ok && outcome.why === 'offline');
  await hotel.system.plug();
  await hotel.stand.until('it is back', () => hotel.stand.talks.at(-1)?.at === 'up');
  assert.ok((await hotel.order(checkIn('101'))).ok);
});

test('test() sees whether the exchange answers, and changes nothing', async () => {
  await using hotel = await stage();
  const { signal } = new AbortController();
  const here = { ...settings(), line: hotel.line } as Settings;
  const steps = await mitel.test(here, hotel.stand.host, signal);
  assert.deepEqual(
    steps.map(({ ok }) => ok),
    [true, true],
  );
  assert.equal(hotel.pbx.taken.length, 0);
});

test('parse() names the fields that are wrong', () => {
  const parsed = mitel.parse({
    line: { kind: 'serial', device: '/etc/passwd' },
    extensions: [{ room: '101', extension: '1 2' }],
    roomCodes: [ROOM_CODES[0], ROOM_CODES[0]],
  });
  assert.ok(!parsed.ok);
  assert.deepEqual(
    parsed.problems.map(({ field }) => field),
    ['line.device', 'extensions.0.extension', 'roomCodes'],
  );
});
