// Orders to a NEAX and messages from it: over TCP with and without handshake, and over a serial line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { nec } from '../../../../agent/interfaces/nec/run.ts';
import { createNeax } from '../../../../agent/interfaces/nec/counterpart.ts';
import type { Neax } from '../../../../agent/interfaces/nec/counterpart.ts';
import type { Settings } from '../../../../agent/interfaces/nec/config.ts';
import { systemClock } from '../../../../agent/io/clock.ts';
import type { Order, OrderOf } from '../../../../agent/core/vocabulary.ts';
import { rehearsalOf, stageOf } from '../exchange-stage.ts';
import type { Place, Rehearsed, Stage } from '../exchange-stage.ts';

const TYPED = {
  line: { kind: 'tcp-client', host: '127.0.0.1', port: 60_050 },
  extensions: [
    { room: 'Suite', extension: '2101' },
    { room: 'Suite', extension: '2102' },
  ],
};
const KNOWN = ['101', '102', '2101', '2102'];
function settings(more: Record<string, unknown> = {}): Settings {
  const parsed = nec.parse({ ...TYPED, ...more });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.settings;
}

async function stage(
  more: Record<string, unknown> = {},
  at: Place = 'tcp-server',
): Promise<Stage & { readonly pbx: Neax }> {
  const needs = { clock: systemClock, random: () => 0.5 };
  const pbx = createNeax(settings(more), needs, { known: KNOWN });
  return { ...(await stageOf(nec, settings(more), { counterpart: pbx, at })), pbx };
}

/** Without sockets, with the time of the test; as on a serial line where `line` says so. */
async function rehearsed(
  t: TestContext,
  more: Record<string, unknown> = {},
): Promise<Rehearsed & { readonly pbx: Neax; readonly why: (order: Order) => Promise<string> }> {
  // Its clock is the test's: what it says of half a second counts in the same time.
  const clock = { nowMs: () => performance.now(), wallMs: () => 0 };
  const pbx = createNeax(settings(more), { clock, random: () => 0.5 }, { known: KNOWN });
  const hotel = await rehearsalOf(t, nec, { settings: settings(more), counterpart: pbx });
  const why = async (order: Order): Promise<string> => {
    const { value } = await hotel.passing(hotel.order(order));
    return value.ok ? 'ok' : value.why;
  };
  return { ...hotel, pbx, why };
}
const SERIAL = { line: { kind: 'serial', device: '/dev/ttyUSB0', parity: 'even', dataBits: 7 } };

const guest = {
  ...{ booking: 7_001, lastName: 'Müller', firstName: 'Anna', language: 'de' },
  ...{ arrival: '2026-04-01', departure: '2026-04-05' },
};
const checkIn = (room: string): OrderOf<'room.checked-in'> => ({
  ...{ kind: 'room.checked-in', room, guest, isShared: false },
});

const WAYS: readonly (readonly [string, Place, Record<string, unknown>])[] = [
  ['the network', 'tcp-server', {}],
  ['the network without handshake', 'tcp-server', { handshake: 'none' }],
  ['a serial line', 'pty', SERIAL],
];
for (const [name, at, more] of WAYS) {
  test(`over ${name} the exchange learns what happens, and says what it hears`, async () => {
    await using hotel = await stage(more, at);
    const { pbx, stand } = hotel;
    const order = hotel.order(checkIn('Suite'));
    assert.ok(
      await pbx.report({ feature: '11', function: '2', extension: '2102', data: '12    ' }),
    );
    assert.deepEqual(await order, { ok: true });
    assert.deepEqual([...pbx.taken].sort(), ['16-1 2101', '16-1 2102']);
    await stand.until('it was told', () => stand.events.length > 0);
    assert.deepEqual(stand.events, [
      { kind: 'room.status', room: 'Suite', housekeeping: 'inspect', maid: '12' },
    ]);
    const unknown = await hotel.order(checkIn('103'));
    assert.ok(!unknown.ok && unknown.why === 'refused');
    assert.deepEqual(pbx.offences, []);
  });
}

test('orders become the codes of the specification', async (t) => {
  await using hotel = await rehearsed(t, { checkIn: 'name', roomStatus: true });
  const { pbx, stand, why } = hotel;
  assert.equal(await why({ ...checkIn('101'), guest: { ...guest, isVip: true } }), 'ok');
  assert.equal(pbx.telephones.get('101')?.name, 'Muller Anna');
  assert.equal(await why({ kind: 'message.light', room: '101', isOn: true }), 'ok');
  assert.equal(await why({ kind: 'room.status', room: '101', housekeeping: 'progress' }), 'ok');
  assert.equal(await why({ kind: 'room.status', room: '102', housekeeping: 'clean' }), 'ok');
  const changed = { ...guest, lastName: 'Ivanova' };
  assert.equal(await why({ ...checkIn('101'), kind: 'guest.changed', guest: changed }), 'ok');
  assert.deepEqual(pbx.taken, [
    '16-B 101       32Muller Anna',
    '13-1 101',
    '61-3 101 11',
    '61-3 102 03',
    '21-6 101 Ivanova Anna',
  ]);
  assert.ok(!/Muller|Ivanova/.test(stand.traces.join()), 'no name in a trace');
});

test('barring and do not disturb are one code, and neither undoes the other', async (t) => {
  await using hotel = await rehearsed(t);
  const { pbx, why } = hotel;
  const code = (): string => pbx.taken.at(-1)!.slice(9);
  const privacy = (room: string, isOn: boolean): Order => ({ kind: 'room.privacy', room, isOn });
  const barring = (room: string, level: 0 | 1 | 2 | 3): Order => ({
    ...{ kind: 'room.barring', room, level },
  });
  assert.equal(await why(barring('101', 0)), 'ok');
  assert.equal(code(), '1');
  assert.equal(await why(privacy('101', true)), 'ok');
  assert.equal(code(), '6');
  assert.equal(await why(barring('101', 3)), 'ok');
  assert.equal(code(), '5');
  assert.equal(await why(privacy('101', false)), 'ok');
  assert.equal(code(), '0');
  assert.equal(await why(barring('101', 1)), 'unsupported');
  // Nobody is in 102: the exchange has cut it off.
  assert.equal(await why(privacy('102', true)), 'ok');
  assert.equal(code(), '6');
  // Off in the settings: nothing to tell.
  const sent = pbx.taken.length;
  assert.equal(await why({ kind: 'room.status', room: '101', housekeeping: 'clean' }), 'ok');
  assert.equal(await why({ ...checkIn('101'), kind: 'guest.changed' }), 'ok');
  assert.equal(pbx.taken.length, sent);
  // A guest presses a key: known, too.
  const pressed = pbx.report({ feature: '15', function: '2', extension: '101', data: '5  ' });
  assert.ok((await hotel.passing(pressed)).value);
  assert.equal(await why(barring('101', 0)), 'ok');
  assert.equal(code(), '6');
});

test('wake-up calls are for the next 24 hours', async (t) => {
  await using hotel = await rehearsed(t);
  const { pbx, stand, why } = hotel;
  const nowMs = Date.parse(`${stand.host.local(stand.host.clock.wallMs())}Z`);
  const set = (aheadMs: number): Order => {
    const at = new Date(nowMs + aheadMs).toISOString().slice(0, 19);
    return { kind: 'wakeup.set', room: '101', at };
  };
  const order = set(8 * 3_600_000) as OrderOf<'wakeup.set'>;
  assert.equal(await why(order), 'ok');
  assert.equal(
    pbx.telephones.get('101')?.wakeup,
    `${order.at.slice(11, 13)}${order.at.slice(14, 16)}`,
  );
  assert.equal(await why(set(25 * 3_600_000)), 'unsupported');
  assert.equal(await why(set(-3_600_000)), 'expired');
  assert.equal(await why({ kind: 'wakeup.clear', room: '101', at: order.at }), 'ok');
  assert.equal(pbx.telephones.get('101')?.wakeup, '');
});

test('a message whose ACK is lost is asked for, and not sent twice', async (t) => {
  await using hotel = await rehearsed(t, SERIAL);
  hotel.pbx.fault('lose-ack');
  assert.equal(await hotel.why(checkIn('101')), 'ok');
  assert.deepEqual(hotel.pbx.taken, ['16-1 101']);
});

test('refusals, pauses, interruptions and silence are borne', async (t) => {
  await using hotel = await rehearsed(t, SERIAL);
  const { pbx, why } = hotel;
  for (const fault of ['nak-start', 'pause-start', 'interrupt-start', 'nak-message'] as const) {
    pbx.fault(fault);
    assert.equal(await why(checkIn('101')), 'ok', fault);
  }
  pbx.fault('nak-message', 4);
  assert.equal(await why(checkIn('101')), 'refused');
  pbx.fault('pause-start', 4);
  assert.equal(await why(checkIn('101')), 'busy');
  pbx.fault('silent', 3);
  assert.equal(await why(checkIn('101')), 'ok');
  assert.equal(pbx.taken.length, 5);
});

test('a damaged message is refused and comes again; it is stored once', async (t) => {
  await using hotel = await rehearsed(t, SERIAL);
  const { pbx, stand } = hotel;
  pbx.fault('damage', 2);
  const lamp = pbx.report({ feature: '13', function: '3', extension: '101', data: '' });
  assert.ok((await hotel.passing(lamp)).value);
  assert.deepEqual(stand.events, [{ kind: 'message.light', room: '101', isOn: true }]);
});

test('a silent exchange is seen, and orders that wait for it are offline', async (t) => {
  await using hotel = await rehearsed(t, SERIAL);
  hotel.pbx.fault('silent', 16);
  const { value, ms } = await hotel.passing(hotel.order(checkIn('101')));
  assert.ok(!value.ok && value.why === 'offline' && ms >= 16_000, `${ms} ms`);
  await hotel.pass(5_000);
  assert.equal(hotel.stand.talks.at(-1)?.at, 'up');
  assert.equal(await hotel.why(checkIn('101')), 'ok');
});

test('resync tells every room; those the exchange does not know stop nobody', async (t) => {
  await using hotel = await rehearsed(t, { vacantAtCheckOut: true });
  const [first, second] = hotel.stand.house.rooms;
  const foreign = { room: '999', housekeeping: null, guests: [] };
  hotel.stand.house = { ...hotel.stand.house, rooms: [first!, foreign, second!] };
  const { value } = await hotel.passing(hotel.order({ kind: 'resync' }));
  assert.deepEqual(value, { ok: true, body: { rooms: 2, refused: 1 } });
  assert.deepEqual(hotel.pbx.taken, ['16-1 101', '16-2 102', '61-3 102 03']);
});

test('the unplugged line comes back by itself', async () => {
  await using hotel = await stage();
  await hotel.system.unplug();
  await hotel.stand.until('it is seen', () => hotel.stand.talks.at(-1)?.at === 'down');
  const outcome = await hotel.order(checkIn('101'));
  assert.ok(!outcome.ok && outcome.why === 'offline');
  await hotel.system.plug();
  await hotel.stand.until('it is back', () => hotel.stand.talks.at(-1)?.at === 'up');
  assert.ok((await hotel.order(checkIn('101'))).ok);
});

test('parse() names the fields that are wrong', () => {
  const parsed = nec.parse({
    line: { kind: 'tcp-server', port: 60_050, from: ['10.0.0.1'] },
    checkIn: 'all',
    cleaned: 'dirty',
  });
  assert.ok(!parsed.ok);
  assert.deepEqual(parsed.problems.map(({ field }) => field).sort(), [
    'checkIn',
    'cleaned',
    'line.kind',
  ]);
});
