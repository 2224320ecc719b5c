// A FIAS service against a vendor's system over real connections, from the handshake to postings and keys.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Guest, House, Order } from '../../../../agent/core/vocabulary.ts';
import { fias } from '../../../../agent/interfaces/fias/run.ts';
import type { VendorTable } from '../../../../agent/interfaces/fias/vendor-rooms.ts';
import type { Field } from '../../../../agent/interfaces/fias/wire.ts';
import { filled } from '../../../../agent/interfaces/fias/wire.ts';
import { SMALL_HOUSE } from '../../../bench/systems/stand-in.ts';
import { system } from './system.ts';

const guest = (booking: number, lastName = `Guest ${booking}`): Guest => ({
  ...{ booking, lastName, language: 'bg' },
  ...{ arrival: '2026-04-01', departure: '2026-04-05' },
});
const ANNA = guest(7_001, 'Müller');
const POSTING = (number: string, changes: readonly Field[] = []): readonly Field[] => [
  ...([
    ['RN', '101'],
    ['PT', 'C'],
    ['TA', '1050'],
    ['DD', '0049891234'],
  ] as const),
  ...([
    ['DA', '260401'],
    ['TI', '123545'],
    ['P#', number],
  ] as const),
  ...changes,
];
const KEY: Order = {
  ...{ kind: 'key.encode', card: 'original', key: 1, booking: 7_001, room: '101' },
  ...{ moreRooms: [], encoder: '1', desk: '3', doorCodes: [], commonDoors: [], guestName: 'M' },
  ...{ from: '2026-04-01T14:00:00', to: '2026-04-05T11:00:00' },
};

type Occupied = Readonly<Record<string, readonly string[]>>;
const inOrder = (rooms: readonly (readonly [string, readonly string[]])[]): Occupied =>
  Object.fromEntries(
    rooms
      .filter(([, guests]) => guests.length > 0)
      .map(([room, guests]) => [room, guests.toSorted((a, b) => a.localeCompare(b))] as const)
      .sort(([a], [b]) => a.localeCompare(b)),
  );
/** What the vendor knows, in the house's words. */
const occupied = (table: VendorTable): Occupied =>
  inOrder([...table.rooms].map(([room, all]) => [room, all.map(({ booking }) => booking)]));
const houseOf = ({ rooms }: House): Occupied =>
  inOrder(rooms.map(({ room, guests }) => [room, guests.map(({ booking }) => `${booking}`)]));

for (const at of ['tcp-client', 'tcp-server'] as const) {
  test(`a guest's stay goes through a link where the vendor is the ${at}`, async () => {
    await using it = await system({ at });
    const stay = { room: '102', guest: guest(7_002), isShared: false };
    assert.deepEqual(await it.order({ kind: 'room.checked-in', ...stay }), {
      ok: true,
      body: { records: 1 },
    });
    await it.agent.until('the guest is there', () => it.vendor.table.rooms.has('102'));
    await it.order({
      ...{ kind: 'room.moved', from: '102', isFromShared: false },
      ...{ room: '103', guest: guest(7_002), isShared: false },
    });
    await it.order({ kind: 'message.light', room: '101', isOn: true });
    await it.order({ kind: 'wakeup.set', room: '103', at: '2026-04-02T06:30:00' });
    const heard = () => it.vendor.heard.map(({ id }) => id);
    await it.agent.until('all was heard', () => heard().includes('WR'));
    assert.deepEqual(occupied(it.vendor.table), { 103: ['7002'] });
    assert.deepEqual(heard().slice(-4), ['GI', 'GC', 'RE', 'WR']);
    assert.equal(it.vendor.table.statuses.get('101')?.get('ML'), 'Y');
    await it.order({ kind: 'room.checked-out', room: '103', guest: guest(7_002), isShared: false });
    await it.agent.until('GO was heard', () => heard().includes('GO'));
    assert.deepEqual(occupied(it.vendor.table), {});
    assert.deepEqual(it.vendor.violations, []);
  });
}

test('a posting is answered when it is on the card, one after the other, and a repeat the same', async () => {
  await using it = await system({ at: 'tcp-client', vendor: { family: 'MB' } });
  const gate = Promise.withResolvers<void>();
  it.agent.verdict = async () => {
    await gate.promise;
    return { ok: true, isRepeat: false };
  };
  const first = it.vendor.ask('PS', POSTING('1729'), 'PA');
  const second = it.vendor.ask('PS', POSTING('1730'), 'PA');
  await it.agent.until('the first is under way', () => it.agent.events.length > 0);
  assert.equal(it.agent.events.length, 1);
  assert.ok(!it.vendor.heard.some(({ id }) => id === 'PA'));
  gate.resolve();
  const answer = await first;
  await second;
  assert.equal(filled(answer, 'AS'), 'OK');
  assert.equal(filled(answer, 'P#'), '1729');
  const [event] = it.agent.events;
  assert.ok(event?.kind === 'charge.posted');
  assert.deepEqual([event.room, event.amount, event.at], ['101', '10.50', '2026-04-01T12:35:45']);
  assert.ok(!event.text.includes('0049891234'));
  it.agent.verdict = () => ({ ok: true, isRepeat: true });
  assert.deepEqual(await it.vendor.ask('PS', POSTING('1729'), 'PA'), answer);
  const keys = it.agent.events.map((one) => ('key' in one ? one.key : ''));
  assert.equal(keys[0], keys[2]);
  assert.notEqual(keys[0], keys[1]);
  assert.equal(it.agent.counts.get('repeats'), 1);
  assert.deepEqual(it.vendor.violations, []);
});

test('a posting that the hotel does not take is answered with the code that says why', async () => {
  await using it = await system({ at: 'tcp-client' });
  const codeFor = async (number: string, changes: readonly Field[] = []) =>
    filled(await it.vendor.ask('PS', POSTING(number, changes), 'PA'), 'AS');
  for (const [why, code] of Object.entries({
    nobody: 'NG',
    barred: 'NP',
    later: 'RY',
    wrong: 'UR',
  })) {
    it.agent.verdict = () => ({ ok: false, why: why as 'nobody' });
    assert.equal(await codeFor('1'), code);
  }
  it.agent.isAway = true;
  assert.equal(await codeFor('2'), 'RY');
  it.agent.isAway = false;
  const seen = it.agent.events.length;
  assert.equal(await codeFor('3', [['S1', '1000']]), 'DM');
  assert.equal(
    await codeFor('4', [
      ['T1', '50'],
      ['S1', '1000'],
    ]),
    'UR',
  );
  const noType = POSTING('5').filter(([id]) => id !== 'PT');
  assert.equal(filled(await it.vendor.ask('PS', noType, 'PA'), 'AS'), 'UR');
  assert.equal(it.agent.events.length, seen + 1);
});

test('a guest is found by room and by name, and charged by number', async () => {
  await using it = await system({ at: 'tcp-client', vendor: { family: 'PO' } });
  const pi = async (number: string, wanted: string) =>
    it.vendor.ask(
      'PR',
      [
        ['WS', '2'],
        ['PI', wanted],
        ['PM', 'ROOM'],
        ['P#', number],
      ],
      'PA',
    );
  const list = await pi('1', '101');
  assert.equal(list.id, 'PL');
  assert.deepEqual(
    [filled(list, 'RN'), filled(list, 'G#'), filled(list, 'P#')],
    ['101', '7001', '1'],
  );
  assert.equal((await pi('2', 'mül')).id, 'PL');
  assert.equal(filled(await pi('3', '999'), 'AS'), 'NG');
  const posted = await it.vendor.ask(
    'PR',
    [
      ['WS', '2'],
      ['RN', '101'],
      ['G#', '7001'],
      ['GN', 'Müller'],
      ['TA', '1000'],
      ['P#', '4'],
    ],
    'PA',
  );
  assert.deepEqual([filled(posted, 'AS'), filled(posted, 'G#')], ['OK', '7001']);
  const [event] = it.agent.events;
  assert.ok(event?.kind === 'charge.posted' && event.booking === 7_001 && event.group === 'f&b');
});

test('a key is made, refused, never answered, and lost with the line', async () => {
  let makes: readonly Field[] | undefined = [
    ['AS', 'OK'],
    ['CT', 'done'],
  ];
  await using it = await system({
    at: 'tcp-client',
    keySeconds: 0.3,
    vendor: { family: 'DL', makesKey: () => makes },
  });
  assert.deepEqual(await it.order(KEY), { ok: true, body: { text: 'done' } });
  const request = it.vendor.heard.find(({ id }) => id === 'KR')!;
  assert.deepEqual(
    ['KC', 'WS', 'KT', 'G#', 'GA', 'GD', 'DT'].map((id) => filled(request, id)),
    ['1', '3', 'N', '7001', '260401', '260405', '11:00'],
  );
  makes = [
    ['AS', 'BY'],
    ['CT', 'no card'],
  ];
  const refused = await it.order(KEY);
  assert.ok(!refused.ok && refused.why === 'busy' && refused.text!.includes('no card'));
  makes = undefined;
  const cut = it.order(KEY);
  await it.agent.until(
    'it is asked',
    () => it.vendor.heard.filter(({ id }) => id === 'KR').length === 3,
  );
  const waiting = it.order(KEY);
  await it.place.unplug();
  const lost = await cut;
  assert.ok(!lost.ok && lost.why === 'unknown');
  const never = await waiting;
  assert.ok(!never.ok && never.why === 'offline');
  await it.agent.until('it is down', () => it.agent.talks.at(-1)?.at === 'down');
  const offline = await it.order(KEY);
  assert.ok(!offline.ok && offline.why === 'offline');
  await it.place.plug();
  await it.agent.until('it is up again', it.isUp);
  const timed = await it.order(KEY);
  assert.ok(!timed.ok && timed.why === 'unknown');
  assert.equal(it.vendor.heard.filter(({ id }) => id === 'KR').length, 4);
});

test('reports come through when the agent was away, in their order', async () => {
  await using it = await system({ at: 'tcp-client' });
  const seen = () =>
    it.agent.events.map((event) =>
      [event.kind, 'housekeeping' in event ? event.housekeeping : ''].join(' '),
    );
  it.agent.isAway = true;
  for (const text of [
    ...['RE RN101 RS1 ID12', 'RE RN101 RS9', 'RE RN101 RS4', 'WR RN101 DA260402 TI063000'],
    ...['WA RN101 DA260402 TI063000 ASNR', 'WC RN101 DA TI', 'RE RN101 VM0103'],
  ]) {
    const [id, ...fields] = text.split(' ');
    it.vendor.send(
      id!,
      fields.map((field) => [field.slice(0, 2), field.slice(2)] as const),
    );
  }
  await it.agent.until('all were heard', () => it.agent.traces.some((text) => text.includes('VM')));
  assert.equal(it.agent.events.length, 0);
  it.agent.isAway = false;
  await it.agent.until('all are there', () => it.agent.events.length === 7);
  assert.deepEqual(seen(), [
    ...['room.status dirty', 'room.privacy ', 'room.status clean', 'wakeup.set '],
    ...['wakeup.result ', 'wakeup.clear ', 'message.light '],
  ]);
});

test('2,000 rooms are the same at the vendor after a resync, with changes meanwhile', async () => {
  const rooms = Array.from({ length: 2_000 }, (_value, index) => ({
    ...{ room: `${1_000 + index}`, housekeeping: 'clean' as const },
    guests:
      index % 3 === 0
        ? []
        : Array.from({ length: index % 3 }, (_v, n) => guest(index * 10 + n + 1)),
  }));
  const house = { ...SMALL_HOUSE, rooms };
  await using it = await system({ at: 'tcp-client', house });
  // The vendor believes in a guest who is not there any more.
  await it.order({ kind: 'room.checked-in', room: '1000', guest: ANNA, isShared: false });
  const done = it.vendor.resync();
  // A pass of two thousand rooms takes less than a look of until().
  for (let turns = 0; !it.vendor.table.isInResync; turns += 1) {
    assert.ok(turns < 100_000, 'it runs');
    await setImmediate();
  }
  const late = guest(99_001);
  const moves: Promise<unknown>[] = [];
  for (let index = 0; index < 300; index += 3) {
    const [room, from] = [rooms[1_998 - index]!, rooms[1_999 - index]!];
    const [mover] = from.guests;
    if (mover === undefined) continue;
    moves.push(
      it.order({
        ...{ kind: 'room.moved', room: room.room, from: from.room, guest: mover },
        ...{ isShared: room.guests.length > 0, isFromShared: from.guests.length > 1 },
      }),
    );
    (rooms[1_998 - index] as { guests: Guest[] }).guests = [...room.guests, mover];
    (rooms[1_999 - index] as { guests: Guest[] }).guests = from.guests.slice(1);
  }
  (rooms[1_500] as { guests: Guest[] }).guests = [late];
  moves.push(it.order({ kind: 'room.checked-in', room: '2500', guest: late, isShared: false }));
  await done;
  await Promise.all(moves);
  await it.agent.until(
    'the rooms are the same',
    () => JSON.stringify(occupied(it.vendor.table)) === JSON.stringify(houseOf(house)),
  );
  assert.deepEqual(it.vendor.violations, []);
  assert.deepEqual(await it.order({ kind: 'resync' }), { ok: true, body: { rooms: 2_000 } });
});

test('a house that is not known yet checks nobody out', async () => {
  const house = { ...SMALL_HOUSE, asOfMs: undefined, rooms: [] };
  await using it = await system({ at: 'tcp-client', house });
  it.vendor.send('DR', []);
  await it.agent.until('it is noted', () =>
    it.agent.traces.some((text) => text.includes('not known')),
  );
  assert.ok(!it.vendor.heard.some(({ id }) => id === 'DS'));
  const resync = await it.order({ kind: 'resync' });
  assert.ok(!resync.ok);
});

test('a connection that breaks off under a stay brings all rooms again', async () => {
  await using it = await system({ at: 'tcp-client' });
  await it.order({ kind: 'room.checked-in', room: '102', guest: guest(7_002), isShared: false });
  await it.place.unplug();
  await it.agent.until('it is down', () => it.agent.talks.at(-1)?.at === 'down');
  await it.place.plug();
  await it.agent.until('DE is heard', () => it.vendor.heard.some(({ id }) => id === 'DE'));
  assert.deepEqual(occupied(it.vendor.table), houseOf(SMALL_HOUSE));
});

test('vendors as they are found: at once, without LA, without LR, with a key, as Hotek', async () => {
  const kinds = [
    { vendor: { isEager: true } },
    { settings: { quirks: { laMissing: true } } },
    { settings: { quirks: { lrMissing: true } } },
    { settings: { authentication: { key: 'FidCrypt0S|GVDpVnl6qYlTQXQJZxXdbw==' } } },
    { vendor: { asks: 183 }, settings: { hotelId: 'H1' } },
    { settings: { mode: 'hotek' } },
  ];
  for (const kind of kinds) {
    await using it = await system({ at: 'tcp-client', ...kind });
    assert.deepEqual(await it.order(KEY), { ok: true, body: {} });
    assert.deepEqual(it.vendor.violations, [], JSON.stringify(kind));
  }
});

test('the interface says what it takes and needs', () => {
  assert.equal(fias.name, 'fias');
  assert.ok(fias.takes.includes('key.encode') && fias.emits.includes('charge.posted'));
});
