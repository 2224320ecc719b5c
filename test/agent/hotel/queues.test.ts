// Orders that wait for a service that says it is up and takes one of them never.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createLog } from '../../../agent/core/log.ts';
import type { Order, OrderOutcome } from '../../../agent/core/vocabulary.ts';
import { OFFLINE_WHILE_UP_MAX } from '../../../agent/hotel/limits.ts';
import { createQueues } from '../../../agent/hotel/queues.ts';
import { keys, render, renderOrder } from '../../../agent/hotel/wire.ts';

const light = (room: string): Order => ({ kind: 'message.light', room, isOn: true });

test('an order that a service never takes does not hold up those behind it', async () => {
  const values = new Map([
    [keys.service('pbx'), render({ takes: ['message.light'] })],
    [keys.todo('pbx', 1), renderOrder(light('poison'))],
    [keys.todo('pbx', 2), renderOrder(light('101'))],
  ]);
  const given: string[] = [];
  const told: unknown[] = [];
  const OFFLINE: OrderOutcome = { ok: false, why: 'offline' };
  const queues = createQueues({
    services: {
      list: () => [
        {
          ...{ id: 'pbx', interface: 'x', takes: ['message.light'], emits: [], targets: [] },
          talk: { at: 'up', with: '' },
        },
      ],
      order: async (...[, order]) => {
        const room = order.kind === 'message.light' ? order.room : '';
        given.push(room);
        return room === 'poison' ? OFFLINE : { ok: true };
      },
      onChange: () => () => {},
    },
    records: {
      get: (key) => values.get(key),
      list: (prefix) =>
        [...values].flatMap(([key, value]) => (key.startsWith(prefix) ? [{ key, value }] : [])),
      change: async ({ remove = [] }) => {
        for (const key of remove) values.delete(key);
      },
    },
    makeMessage: (message) => {
      told.push(message.body);
      return message as never;
    },
    log: createLog(() => {}),
    random: () => 0.5,
    wait: async (...[, signal]) => !signal.aborted,
    isFilled: () => true,
  });
  for (let turns = 0; turns < 100 && queues.waiting('pbx') > 0; turns += 1) await turn();
  assert.deepEqual(given, [...Array.from({ length: OFFLINE_WHILE_UP_MAX }, () => 'poison'), '101']);
  assert.deepEqual(told, [{ order: 'message.light', why: 'offline' }]);
  assert.equal(queues.waiting('pbx'), 0);
  queues.close();
});
