// Rooms and their telephones, both ways.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { Extensions, createRoomMap } from '../../../../agent/core/extensions/config.ts';

const PAIRS = [
  { room: '101', extension: '2101' },
  { room: '101', extension: '2201' },
  { room: 'Suite 1', extension: '2102' },
];

test('createRoomMap() finds all telephones of a room, and the room of a telephone', () => {
  const rooms = createRoomMap(PAIRS);
  assert.deepEqual(rooms.extensionsOf('101'), ['2101', '2201']);
  assert.deepEqual(rooms.extensionsOf('102'), ['102']);
  assert.equal(rooms.roomOf('2201'), '101');
  assert.equal(rooms.roomOf('102'), '102');
});

test('an extension that is called as a room with another telephone is in no room', () => {
  assert.equal(createRoomMap(PAIRS).roomOf('101'), undefined);
});

test('an extension stands in one room only', () => {
  const twice = [...PAIRS, { room: '102', extension: '2101' }];
  assert.ok(!v.safeParse(Extensions, twice).success);
  assert.ok(v.safeParse(Extensions, PAIRS).success);
});
