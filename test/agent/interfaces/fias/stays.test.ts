// Orders as records, to vendors that know guests and to those that know rooms; keys and their answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Guest, House, Order, OrderOf } from '../../../../agent/core/vocabulary.ts';
import { described, isGuestBased, select } from '../../../../agent/interfaces/fias/filter.ts';
import type { Described } from '../../../../agent/interfaces/fias/filter.ts';
import {
  awaitedOf,
  keyChange,
  keyOutcome,
  keyRequest,
  isKey,
  matching,
} from '../../../../agent/interfaces/fias/keys.ts';
import { createResync } from '../../../../agent/interfaces/fias/resync.ts';
import { equipment, isStay, stay } from '../../../../agent/interfaces/fias/stays.ts';
import type { Saying } from '../../../../agent/interfaces/fias/stays.ts';
import { readRecord, recordOf, writeRecord } from '../../../../agent/interfaces/fias/wire.ts';
import type { FiasRecord } from '../../../../agent/interfaces/fias/wire.ts';
import { SMALL_HOUSE } from '../../../bench/systems/stand-in.ts';
import { settingsOf } from './settings.ts';

const guest = (booking: number, lastName: string): Guest => ({
  ...{ booking, lastName, language: 'de', arrival: '2026-04-01', departure: '2026-04-05' },
});
const [ANNA, BORIS] = [guest(1, 'Anna'), guest(2, 'Boris')];
/** The records of LR: "GIRNG#" is RI GI, FL RN G#. */
const listing = (...lists: readonly string[]): Described =>
  lists.reduce<Described>(
    (all, list) =>
      described(
        all,
        recordOf('LR', [
          ['RI', list.slice(0, 2)],
          ['FL', list.slice(2)],
        ]),
      )!,
    new Map(),
  );
const GUESTS = listing('GIRNG#GSGNGLSF', 'GORNG#GSSF', 'GCRNGSG#GNRO', 'RERNG#ML');
const ROOMS = listing('GIRNGNGLSF', 'GORNSF', 'GCRNGN', 'RERNCS');

const saying = (list: Described, house: House = SMALL_HOUSE, changes = {}): Saying => ({
  ...{ described: list, isGuestBased: isGuestBased(list), house },
  ...{ settings: settingsOf(changes), local: '2026-04-01T10:00:00' },
});
const out = (records: readonly FiasRecord[], list: Described): readonly string[] =>
  records.flatMap((record) => {
    const selected = select(list, record);
    return selected === undefined ? [] : [writeRecord(selected)!];
  });
const said = (order: Order, list: Described, house?: House): readonly string[] => {
  assert.ok(isStay(order));
  return out(stay(order, saying(list, house)), list);
};
const inHouse = (room: string, ...guests: readonly Guest[]): House => ({
  ...SMALL_HOUSE,
  rooms: [{ room, housekeeping: 'clean', guests }],
});

test('a check-in says what the vendor listed, in its order', () => {
  const order = { kind: 'room.checked-in', room: '101', guest: ANNA, isShared: true } as const;
  assert.deepEqual(said(order, GUESTS), ['GI|RN101|G#1|GSY|GNAnna|GLGE|']);
  assert.deepEqual(said({ ...order, isShared: false }, listing('GIGLRN')), ['GI|GLGE|RN101|']);
  assert.deepEqual(said(order, listing('GORN')), []);
  const checkIn = { classOfService: '3', minibar: 'MU' };
  const list = listing('GIRNCSTV');
  const [record] = stay({ ...order, isShared: false }, saying(list, SMALL_HOUSE, { checkIn }));
  assert.deepEqual(out([record!], list), ['GI|RN101|CS3|']);
});

test('a vendor that knows rooms hears of the first guest in and the last one out', () => {
  const one = { room: '101', guest: BORIS, isShared: true } as const;
  assert.deepEqual(said({ kind: 'room.checked-in', ...one }, ROOMS), []);
  // Boris goes, Anna stays: the room goes on under her name.
  assert.deepEqual(said({ kind: 'room.checked-out', ...one }, ROOMS, inHouse('101', ANNA)), [
    'GC|RN101|GNAnna|',
  ]);
  assert.deepEqual(said({ kind: 'room.checked-out', ...one, isShared: false }, ROOMS), [
    'GO|RN101|',
  ]);
  assert.deepEqual(said({ kind: 'room.checked-out', ...one }, GUESTS), ['GO|RN101|G#2|GSY|']);
  // Of two the first one's name is the room's.
  const both = inHouse('101', ANNA, BORIS);
  assert.deepEqual(said({ kind: 'guest.changed', ...one }, ROOMS, both), []);
  assert.deepEqual(said({ kind: 'guest.changed', ...one, guest: ANNA }, ROOMS, both), [
    'GC|RN101|GNAnna|',
  ]);
});

test('a move is one GC, GS behind each room, or GO and GI to who does not list RO', () => {
  const move: OrderOf<'room.moved'> = {
    ...{ kind: 'room.moved', room: '102', from: '101', guest: ANNA },
    ...{ isShared: false, isFromShared: true },
  };
  assert.deepEqual(said(move, GUESTS), ['GC|RN102|GSN|G#1|GNAnna|RO101|GSY|']);
  const noRo = listing('GIRNG#GS', 'GORNG#GS', 'GCRNG#');
  assert.deepEqual(said(move, noRo), ['GO|RN101|G#1|GSY|', 'GI|RN102|G#1|GSN|']);
  assert.deepEqual(said(move, ROOMS, inHouse('101', BORIS)), [
    'GC|RN101|GNBoris|',
    'GI|RN102|GNAnna|GLGE|',
  ]);
  assert.deepEqual(said({ ...move, isFromShared: false }, ROOMS), [
    'GO|RN101|',
    'GI|RN102|GNAnna|GLGE|',
  ]);
  assert.deepEqual(said({ ...move, isShared: true, isFromShared: false }, ROOMS), ['GO|RN101|']);
  assert.deepEqual(said({ ...move, isFromShared: false }, listing('GCRNRO')), ['GC|RN102|RO101|']);
});

test('statuses go where the vendor listed them, or are said to be not supported', () => {
  const tell = (order: Order, list: Described, changes = {}) => {
    const result = equipment(order, saying(list, inHouse('101', ANNA, BORIS), changes))!;
    return result.ok ? out(result.records, list) : 'unsupported';
  };
  const barring = { kind: 'room.barring', room: '101', level: 2 } as const;
  assert.deepEqual(tell(barring, ROOMS), ['RE|RN101|CS2|']);
  assert.deepEqual(tell(barring, listing('GCRNG#CS')), ['GC|RN101|G#1|CS2|', 'GC|RN101|G#2|CS2|']);
  assert.equal(tell(barring, GUESTS), 'unsupported');
  assert.deepEqual(tell({ kind: 'message.light', room: '101', isOn: true }, GUESTS), [
    'RE|RN101|G#1|MLY|',
  ]);
  assert.equal(tell({ kind: 'room.privacy', room: '101', isOn: true }, GUESTS), 'unsupported');
  const status = { kind: 'room.status', room: '101', housekeeping: 'clean' } as const;
  assert.deepEqual(tell(status, listing('RERNRS')), []);
  const own = { sendsRoomStatus: true };
  assert.deepEqual(tell(status, listing('RERNRS'), own), ['RE|RN101|RS4|']);
  assert.deepEqual(tell(status, listing('RERNRS'), { ...own, cleanIs: 'inspect' }), [
    'RE|RN101|RS6|',
  ]);
  assert.deepEqual(
    tell({ kind: 'wakeup.set', room: '101', at: '2026-04-02T06:30:00' }, listing('WRRNDATI')),
    ['WR|RN101|DA260402|TI063000|'],
  );
  assert.deepEqual(tell({ kind: 'night-audit', phase: 'end' }, listing('NEDATI')), [
    'NE|DA260401|TI100000|',
  ]);
  assert.equal(equipment({ kind: 'resync' }, saying(ROOMS)), undefined);
});

test('a resync says every room once, and a change meanwhile is the last word', () => {
  const rooms = [
    { room: '101', housekeeping: null, guests: [ANNA, BORIS] },
    { room: '102', housekeeping: null, guests: [] },
    { room: '103', housekeeping: null, guests: [] },
  ];
  const all = (list: Described, at = -1, change?: Order) => {
    const resync = createResync({ ...SMALL_HOUSE, rooms });
    const records: FiasRecord[] = [];
    for (;;) {
      if (records.length === at && change !== undefined && isStay(change)) resync.happened(change);
      const record = resync.next(saying(list));
      if (record === undefined) return out(records, list);
      records.push(record);
    }
  };
  const [ds, de] = ['DS|DA260401|TI100000|', 'DE|DA260401|TI100000|'];
  const anna = 'GI|RN101|G#1|GSY|GNAnna|GLGE|SF|';
  const boris = 'GI|RN101|G#2|GSY|GNBoris|GLGE|SF|';
  const empty = (room: string) => `GO|RN${room}|GSN|SF|`;
  assert.deepEqual(all(GUESTS), [ds, anna, boris, empty('102'), empty('103'), de]);
  assert.deepEqual(all(ROOMS), [
    ...[ds, 'GI|RN101|GNAnna|GLGE|SF|', 'GO|RN102|SF|', 'GO|RN103|SF|', de],
  ]);
  // Boris leaves when half of the room is said.
  const leaves = { kind: 'room.checked-out', room: '101', guest: BORIS, isShared: true } as const;
  assert.deepEqual(all(GUESTS, 2, leaves), [ds, anna, empty('102'), empty('103'), de]);
  const moves: OrderOf<'room.moved'> = {
    ...{ kind: 'room.moved', room: '103', from: '101', guest: ANNA },
    ...{ isShared: false, isFromShared: true },
  };
  const moved = ['GI|RN103|G#1|GSN|GNAnna|GLGE|SF|', de];
  const alone = boris.replace('GSY', 'GSN');
  assert.deepEqual(all(GUESTS, 1, moves), [ds, alone, empty('102'), ...moved]);
  assert.deepEqual(all(GUESTS, 4, moves), [ds, anna, boris, empty('102'), ...moved]);
});

const KEY: Order = {
  ...{ kind: 'key.encode', card: 'original', key: 1, booking: 11_122, room: '2781' },
  ...{ moreRooms: [], encoder: '1', desk: '3', doorCodes: [], commonDoors: [], guestName: 'Anna' },
  ...{ from: '2099-12-29T14:00:00', to: '2100-01-02T11:30:00' },
};
const key = (changes: object, settings = {}): string => {
  const order = { ...KEY, ...changes } as Order;
  assert.ok(isKey(order));
  return writeRecord(keyRequest(order, settingsOf(settings)))!;
};
const record = (text: string): FiasRecord => {
  const read = readRecord(text);
  assert.ok(read.ok);
  return read.record;
};

test('key orders are KR, KD and KZ with all that the lock system may want', () => {
  const list = listing('KRWSKCRNKTGAGDG#');
  assert.deepEqual(out([record(key({}))], list), [
    'KR|WS3|KC1|RN2781|KTN|GA991229|GD000102|G#11122|',
  ]);
  assert.match(key({ card: 'copy' }), /\|KTD\|/);
  assert.match(key({}), /\|DT11:30\|/);
  assert.match(key({}, { mode: 'hotek' }), /\|DT113000\|/);
  assert.match(key({ doorCodes: ['A', 'B'], moreRooms: ['2782'] }), /\|RNA\|.*\|SIB;2782\|/);
  const options = { keys: { options: ['gym', 'spa', 'lift'], desk: '9' } };
  assert.match(
    key({ commonDoors: ['gym', 'lift'], desk: undefined }, options),
    /^KR\|WS9\|.*\|KO101\|/,
  );
  assert.equal(key({ kind: 'key.cancel' }), 'KD|WS3|KC1|RN2781|G#11122|');
  assert.equal(key({ kind: 'key.read' }), 'KZ|KC1|WS3|');
  const settings = settingsOf({
    encoders: [{ name: 'Desk', identifier: '1' }],
    keys: { desk: '3' },
  });
  const move: OrderOf<'room.moved'> = {
    ...{ kind: 'room.moved', room: '3222', from: '2781', guest: guest(11_122, 'A') },
    ...{ isShared: false, isFromShared: false },
  };
  assert.equal(
    writeRecord(keyChange(move, settings)!),
    'KM|WS3|KC1|RN3222|RO2781|GA260401|GD260405|G#11122|GNA|',
  );
  assert.equal(keyChange(move, settingsOf()), undefined);
});

test('an answer finds its order by desk and encoder, else by desk and booking, else not at all', () => {
  const awaited = ['KR|WS3|KC1|G#1|', 'KR|WS3|KC2|G#2|', 'KR|WS4|KC3|G#3|', 'KZ|WS3|KC4|'].map(
    (text) => awaitedOf(record(text)),
  );
  const found = (text: string) => {
    const one = matching(record(text), awaited);
    return one === undefined ? -1 : awaited.indexOf(one);
  };
  assert.equal(found('KA|WS3|KC1|ASOK|G#11122|'), 0);
  assert.equal(found('KA|WS3|ASOK|G#2|'), 1);
  assert.equal(found('KA|WS4|ASOK|'), 2);
  assert.equal(found('KA|KC2|ASOK|'), 1);
  assert.equal(found('KZ|WS3|ASOK|RN101|'), 3);
  for (const nobody of ['KA|WS3|ASOK|', 'KA|WS9|KC1|ASOK|', 'KA|WS4|G#9|ASOK|', 'KA|ASOK|'])
    assert.equal(found(nobody), -1, nobody);
});

test('an answer says to a person what it means', () => {
  const outcome = (text: string) => keyOutcome(record(text));
  assert.deepEqual(outcome('KA|WS3|KC1|ASOK|G#11122|'), { ok: true, body: {} });
  assert.deepEqual(outcome('KA|ASOK|$204AF|CTready|'), {
    ok: true,
    body: { card: '04AF', text: 'ready' },
  });
  assert.deepEqual(outcome('KZ|ASOK|RN101|GD260405|'), {
    ok: true,
    body: { room: '101', until: '260405' },
  });
  const text = 'The encoder is busy or not there (BY): wait';
  assert.deepEqual(outcome('KA|ASBY|CTwait|'), { ok: false, why: 'busy', text });
  for (const code of ['NG', 'UR', 'DN', 'NR', 'XX', '']) {
    const refused = outcome(`KA|AS${code}|`);
    assert.ok(!refused.ok && refused.why === 'refused', code);
  }
});

test('an LR that cannot be read describes nothing, and a second one of a record replaces the first', () => {
  assert.equal(described(new Map(), record('LR|FLRN|')), undefined);
  assert.equal(described(new Map(), record('LR|RIx|FLRN|')), undefined);
  assert.deepEqual([...listing('GIRNG#', 'GIRN')], [['GI', ['RN']]]);
  assert.deepEqual([...listing('GIRNG')], [['GI', ['RN']]]);
});
