// How long one API user waits when Clock says 429 for ever; time is the test's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Call } from '../../../agent/pms/ports.ts';
import { createUser } from '../../../agent/pms/user.ts';

const rooms: Call = { api: 'pms_api', method: 'GET', path: 'rooms', priority: 'read' };

test('429 for ever is given up after six', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let sent = 0;
  let nowMs = 0;
  const account = { kind: 'pms', host: 'h', subscriptionId: 1, accountId: 2 } as const;
  const user = createUser(
    { ...account, apiUser: 'u', apiKey: 'k' },
    {
      http: async () => {
        sent += 1;
        return { ok: true, status: 429, headers: {}, body: Buffer.alloc(0) };
      },
      ban: { leftMs: () => 0, begin: () => assert.fail('no ban') },
      clock: { nowMs: () => nowMs, wallMs: () => nowMs },
      randomBytes: () => Buffer.alloc(8),
      port: 443,
    },
  );
  let reply: unknown;
  void user.call(rooms).then((got) => (reply = got));
  for (let turn = 0; turn < 300; turn += 1) {
    nowMs += 100;
    t.mock.timers.tick(100);
    for (let step = 0; step < 10; step += 1) await Promise.resolve();
  }
  assert.deepEqual(reply, { ok: false, why: 'busy' });
  assert.equal(sent, 7);
});
