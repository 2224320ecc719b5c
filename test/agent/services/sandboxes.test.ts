// Services whose sandbox cannot be made at first, or no longer: they are looked at again, start and stop by it.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createLog } from '../../../agent/core/log.ts';
import type { HotelSide } from '../../../agent/core/services.ts';
import { PREPARE_MS } from '../../../agent/services/limits.ts';
import { createServices } from '../../../agent/services/run.ts';

const DESIRED = { services: { pbx: { interface: 'bytes' } } };

function unit() {
  const values = new Map<string, string>();
  const done: string[] = [];
  let answer: () => ReadonlyMap<string, string> = () => new Map();
  const services = createServices({
    clock: { nowMs: () => 0, wallMs: () => 0 },
    random: () => 0.5,
    randomBytes: (count) => new Uint8Array(count),
    log: createLog(() => {}),
    records: {
      get: (key: string) => values.get(key),
      change: async ({ put = [] }: { put?: readonly { key: string; value: string }[] }) => {
        for (const { key, value } of put) values.set(key, value);
      },
    } as never,
    runner: {
      prepare: async () => {
        done.push('prepare');
        return answer();
      },
      start: async (id) => void done.push(`start ${id}`),
      stop: async (id) => void done.push(`stop ${id}`),
      status: async () => ({ at: done.includes('start pbx') ? 'running' : 'stopped' }),
    },
    listen: async () => ({ close: () => {} }),
    packaged: () => undefined,
    judge: async () => ({
      ...{ ok: true, title: 'Bytes', version: 'built in', takes: [], emits: [] },
      ...{ needs: [], targets: [] },
    }),
    hotel: {} as HotelSide,
  });
  return {
    ...{ services, done },
    answers: (next: typeof answer) => void (answer = next),
    later: async () => {
      mock.timers.tick(PREPARE_MS);
      // Until all that was set off has come to rest: nothing here waits for the world.
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
    },
  };
}

const refusing = (): ReadonlyMap<string, string> => new Map([['pbx', 'pbx.lan has no address']]);

test('a service without a sandbox starts when it gets one, and stops when it loses it', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const { services, done, answers, later } = unit();
  try {
    answers(refusing);
    await services.begin();
    await services.desire(DESIRED);
    await later();
    assert.ok(!done.includes('start pbx'));
    const processOf = (): string | undefined =>
      services.views(() => ({ waiting: 0, dropped: 0 }))[0]?.process.at;
    assert.equal(processOf(), 'refused');
    answers(() => new Map());
    await later();
    assert.equal(done.at(-1), 'start pbx');
    assert.equal(processOf(), 'starting');
    answers(refusing);
    await later();
    assert.equal(done.at(-1), 'stop pbx');
    assert.equal(processOf(), 'refused');
  } finally {
    services.close();
    mock.timers.reset();
  }
});

test('sandboxes that could not be made at all are asked for again', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const { services, done, answers, later } = unit();
  try {
    answers(() => {
      throw new Error('clock-units.service: exit-code');
    });
    await services.begin().catch(() => {});
    await services.desire(DESIRED).catch(() => {});
    await later();
    assert.ok(!done.includes('start pbx'));
    answers(() => new Map());
    await later();
    assert.equal(done.at(-1), 'start pbx');
  } finally {
    services.close();
    mock.timers.reset();
  }
});
