// What is asked of services while something else is under way: tests, restarts, orders, changes of settings.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createLog } from '../../../agent/core/log.ts';
import type { Pipe } from '../../../agent/core/ipc/peer.ts';
import { parsePacket } from '../../../agent/core/ipc/wire.ts';
import type { HotelSide } from '../../../agent/core/services.ts';
import { hashOf } from '../../../agent/services/entry.ts';
import type { Prepared, Runner } from '../../../agent/services/ports.ts';
import { createServices } from '../../../agent/services/run.ts';
import type { Sessions } from '../../../agent/services/sessions.ts';

const wanted = (settings: object) => ({ services: { pbx: { interface: 'bytes', settings } } });

function unit(own: Partial<Runner> = {}) {
  const values = new Map<string, string>();
  const done: string[] = [];
  const lines: string[] = [];
  let asked: readonly Prepared[] = [];
  let stopping: Promise<void> = Promise.resolve();
  let greet: Sessions['greet'] | undefined;
  const services = createServices({
    clock: { nowMs: () => 0, wallMs: () => 0 },
    random: () => 0.5,
    randomBytes: (count) => new Uint8Array(count),
    log: createLog((line) => void lines.push(line)),
    records: {
      get: (key) => values.get(key),
      list: () => [],
      change: async ({ put = [] }) => {
        for (const { key, value } of put) values.set(key, value);
      },
    },
    runner: {
      prepare: async (all) => {
        asked = all;
        done.push(`prepare ${all.map(({ id }) => id).join(' ')}`);
        return new Map();
      },
      start: async (id) => void done.push(`start ${id}`),
      stop: async (id) => {
        done.push(`stop ${id}`);
        await stopping;
      },
      status: async () => ({ at: 'stopped' }),
      ...own,
    },
    listen: async (how) => {
      greet = how;
      return { close: () => {} };
    },
    packaged: () => undefined,
    judge: async () => ({
      ...{ ok: true, title: 'Bytes', version: 'built in', takes: ['bytes.write'], emits: [] },
      ...{ needs: [], targets: [] },
    }),
    hotel: { house: () => ({ timeZone: 'UTC' }) } as unknown as HotelSide,
  });
  /** Connects as the service's process does; `asked` of it are the ids of orders it was given. */
  const connect = async () => {
    const { id, token, settings } = asked.find((one) => one.id === 'pbx')!;
    const given: number[] = [];
    const pipe: Pipe = {
      send: (line) => {
        const packet = parsePacket(Buffer.from(line));
        if (packet?.is === 'request') given.push(packet.id);
      },
      close: () => {},
    };
    const session = greet!(pipe);
    const tell = (value: object): boolean =>
      session.line(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...value })));
    tell({ id: 1, method: 'hello', params: { token, service: id, setup: hashOf(settings) } });
    await rest();
    return { given, tell };
  };
  /** Whoever changes services waits for a process to stop; returns how to let it go on. */
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    stopping = promise;
    return resolve;
  };
  return { services, done, lines, connect, hold };
}

/** Until all that was set off has come to rest: nothing here waits for the world. */
async function rest(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await turn();
}

test('a rehearsal that waits for a change of services is no part of that change', async () => {
  const { services, done, hold } = unit();
  try {
    await services.begin();
    await services.desire(wanted({}));
    const [from, goOn] = [done.length, hold()];
    const change = services.desire(wanted({ a: 1 }));
    await rest();
    void services.trials.run('pbx', 'rehearse');
    assert.equal(services.trials.expected('rehearsal'), undefined);
    goOn();
    await change;
    assert.deepEqual(done.slice(from).slice(0, 4), [
      ...['stop pbx', 'stop pbx', 'prepare pbx', 'start pbx'],
    ]);
    await rest();
    assert.deepEqual(done.slice(-2), ['prepare pbx rehearsal', 'start rehearsal']);
    assert.deepEqual(await services.trials.run('pbx', 'test'), {
      ...{ ok: false, why: 'another test is under way' },
    });
    services.trials.tried('rehearsal', { is: 'steps', steps: [] });
    await rest();
    assert.equal(services.trials.last('pbx')?.outcome?.ok, true);
  } finally {
    services.close();
  }
});

test('a test of a service that goes meanwhile tests nothing', async () => {
  const { services, done, hold } = unit();
  try {
    await services.begin();
    await services.desire(wanted({}));
    const goOn = hold();
    const change = services.desire({ services: {} });
    await rest();
    const trial = services.trials.run('pbx', 'test');
    goOn();
    await change;
    const from = done.length;
    assert.deepEqual(await trial, { ok: false, why: 'no such service' });
    assert.deepEqual(done.slice(from), []);
  } finally {
    services.close();
  }
});

test('a restart of what does not stop is said in the log, and harms nobody', async () => {
  const stop = async (): Promise<void> => {
    throw Object.assign(new Error('still deactivating'), { code: 'ETIMEDOUT' });
  };
  const { services, lines } = unit({ stop });
  try {
    await services.begin();
    await services.desire(wanted({}));
    assert.equal(services.restart('pbx'), true);
    await rest();
    assert.match(lines.at(-1)!, /service pbx: not restarted: ETIMEDOUT/);
  } finally {
    services.close();
  }
});

for (const [what, disturb] of [
  ['new settings', async ({ services }) => services.desire(wanted({ a: 1 }))],
  ['a test', async ({ services }) => services.trials.run('pbx', 'test')],
] as const satisfies [string, (one: ReturnType<typeof unit>) => Promise<unknown>][]) {
  test(`an order under way ends before ${what} end its process`, async () => {
    const one = unit();
    const { services, done } = one;
    try {
      await services.begin();
      await services.desire(wanted({}));
      const { given, tell } = await one.connect();
      const { signal } = new AbortController();
      const outcome = services.order('pbx', { kind: 'bytes.write', data: '' }, signal);
      await rest();
      assert.equal(given.length, 1);
      const from = done.length;
      const disturbed = disturb(one);
      await rest();
      assert.deepEqual(done.slice(from), []);
      tell({ id: given[0], result: { ok: true } });
      assert.deepEqual(await outcome, { ok: true });
      await rest();
      assert.equal(done[from], 'stop pbx');
      services.trials.tried('pbx', { is: 'steps', steps: [] });
      await disturbed;
    } finally {
      services.close();
    }
  });
}
