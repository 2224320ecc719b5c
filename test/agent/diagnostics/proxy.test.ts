// The checks of a unit whose network lets it out through an HTTP proxy alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, openHotel, unlike } from './hotel.ts';

test('behind a proxy the ports are asked for by name, and unknown names are no fault', async () => {
  const { world, settings } = openHotel;
  const hosts = {
    '198.51.100.1': 'sky.clock-software.test',
    '198.51.100.2': 'data.iot.amazonaws.test',
  };
  const listeners = new Map(world.listeners);
  for (const [key, listener] of world.listeners) {
    const [address, port] = key.split(':');
    const host = Object.entries(hosts).find(([one]) => one === address)?.[1];
    if (host !== undefined) listeners.set(`${host}:${port}`, listener);
  }
  const names = new Map([['ntp.test', ['198.51.100.4']]]);
  const proxy = { host: '10.1.0.9', port: 3128 };
  const endpoints = { ...settings.endpoints!, proxy };
  const hotel = {
    ...openHotel,
    world: { ...world, listeners, names },
    settings: { ...settings, endpoints },
  };
  assert.deepEqual(unlike(await check(hotel)), {
    'clock-80': 'not-needed',
    'clock-22': 'not-needed',
    'gems-5000': 'not-needed',
    portal: 'not-checked needs clock-80',
  });
});
