// A lock server's settings and orders, for the tests.
import assert from 'node:assert/strict';
import { parse } from '../../../../agent/interfaces/salto/config.ts';
import type { Settings } from '../../../../agent/interfaces/salto/config.ts';
import type { OrderOf } from '../../../../agent/core/vocabulary.ts';

export const TYPED = {
  host: '127.0.0.1',
  port: 8_090,
  encoders: [
    { name: 'Reception', identifier: '1' },
    { name: 'Night desk', identifier: 'Online Encoder 1' },
  ],
  commonDoors: [
    { door: 'POOL', authorisation: 1 },
    { door: 'GARAGE', authorisation: 36 },
  ],
};

export function settings(more: Record<string, unknown> = {}): Settings {
  const parsed = parse({ ...TYPED, ...more });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.settings;
}

const COMMON = {
  key: 1,
  booking: 7_001,
  room: '101',
  moreRooms: [],
  encoder: '1',
  doorCodes: [],
  commonDoors: [],
  from: '2022-10-10T16:00:00',
  to: '2022-10-22T11:00:00',
  guestName: 'Müller Anna',
};

export const key = (more: Partial<OrderOf<'key.encode'>> = {}): OrderOf<'key.encode'> => ({
  ...COMMON,
  kind: 'key.encode',
  card: 'original',
  ...more,
});

export const checkOut = (more: Partial<OrderOf<'key.cancel'>> = {}): OrderOf<'key.cancel'> => ({
  ...COMMON,
  kind: 'key.cancel',
  ...more,
});
