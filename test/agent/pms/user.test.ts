// One API user against the double: each of Clock's rules.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Call } from '../../../agent/pms/ports.ts';
import { createUser } from '../../../agent/pms/user.ts';
import { accountOf, besideClock, openUser } from './world.ts';

const AT_WILL = { limits: { callsPerSecondMax: 1_000 } };
const rooms: Call = { api: 'pms_api', method: 'GET', path: 'rooms', priority: 'read' };

// At once: each waits for its calls to be spaced.
void suite('one API user', { concurrency: true }, () => {
  test('one challenge serves for many calls; path and query are signed as they are sent', async () => {
    await using beside = await besideClock(AT_WILL);
    const { user } = openUser(beside);
    for (const name of ['101', 'a b+c', 'ж#?&=%', 'it\'s, "so"']) {
      const reply = await user.call({ ...rooms, query: [['name', name]] });
      assert.ok(reply.ok, JSON.stringify(reply));
    }
    const statuses = beside.pms.calls().map(({ status }) => status);
    assert.deepEqual(statuses, [401, 200, 200, 200, 200]);
    assert.equal(new URLSearchParams(beside.pms.calls()[2]!.query).get('name'), 'a b+c');
    assert.ok(beside.pms.calls().every(({ sentCookie }) => !sentCookie));
  });

  test('an old nonce is challenged anew once; the write it was for takes place once', async () => {
    await using beside = await besideClock(AT_WILL);
    const { calls } = openUser(beside);
    const { pms } = beside;
    await calls.rooms.all();
    pms.advance(301_000);
    const key = pms.hotel.issueKey({ bookingId: pms.hotel.addBooking().id });
    const reply = await calls.doorKeys.issued(key.id, { atMs: pms.nowMs(), system: 'bench' });
    assert.ok(reply.ok);
    assert.equal(pms.written().length, 1);
    assert.deepEqual(
      pms.calls().map(({ status, why }) => why ?? status),
      ['not signed', 200, 'old nonce', 200],
    );
    // By its own clock it does not even try an old one.
    beside.clock.aheadMs += 270_000;
    await calls.rooms.all();
    assert.equal(pms.calls().at(-2)?.why, 'not signed');
  });

  test('a wrong key is told after one challenge more, and not knocked with again at once', async () => {
    await using beside = await besideClock(AT_WILL);
    const { user } = openUser(beside);
    assert.ok((await user.call(rooms)).ok);
    beside.pms.changeKey(beside.account.apiUser);
    assert.deepEqual(await user.call(rooms), { ok: false, why: 'key' });
    const { length } = beside.pms.calls();
    assert.equal(length, 4);
    assert.deepEqual(await user.call(rooms), { ok: false, why: 'key' });
    assert.equal(beside.pms.calls().length, length);
    beside.clock.aheadMs += 60_000;
    assert.deepEqual(await user.call(rooms), { ok: false, why: 'key' });
    assert.equal(beside.pms.calls().length, length + 2, 'a challenge, a try');
  });

  test('a crowd of calls never meets the limit, urgent ones first', async () => {
    await using beside = await besideClock();
    const { user } = openUser(beside);
    const ask = async (priority: Call['priority']): Promise<void> => {
      const reply = await user.call({ ...rooms, priority, query: [['name', priority]] });
      assert.ok(reply.ok);
    };
    await ask('read');
    beside.clock.aheadMs += 270_000; // one challenge for all
    await Promise.all([
      ask('idle'),
      ask('read'),
      ask('idle'),
      ask('write'),
      ask('urgent'),
      ask('read'),
    ]);
    const statuses = beside.pms.calls().map(({ status }) => status);
    assert.deepEqual(statuses, [401, 200, 401, 200, 200, 200, 200, 200, 200]);
    assert.ok(beside.pms.callsPerSecondMax(beside.account.apiUser) <= 5);
    // The first had begun before the urgent one came.
    const order = beside.pms.calls().map(({ query }) => query.replace('name=', ''));
    assert.deepEqual(order.slice(2), ['idle', 'urgent', 'write', 'read', 'read', 'idle', 'idle']);
  });

  test('429 is waited out: counter times half a second', async () => {
    await using beside = await besideClock(AT_WILL);
    const { user } = openUser(beside);
    await user.call(rooms);
    beside.pms.inject({ at: 'call', do: 'throttle', times: 2 });
    assert.ok((await user.call(rooms)).ok);
    const [first, second, third] = beside.pms.calls().slice(2);
    assert.ok(second!.atMs - first!.atMs >= 490, 'half a second');
    assert.ok(third!.atMs - second!.atMs >= 990, 'a second');
  });

  test('any other refusal is told in Clock’s words, and never tried again', async () => {
    await using beside = await besideClock(AT_WILL);
    const { user } = openUser(beside);
    await user.call(rooms);
    const cases: readonly (readonly [number, string | undefined, string])[] = [
      [500, undefined, 'Encoder is busy'],
      [422, undefined, 'The trial period has expired'],
      [400, undefined, 'parameter missing'],
      [404, '<html><head><title>Not here</title></head><style>a{}</style></html>', 'Not here'],
      [503, '', 'HTTP 503'],
      [302, '', 'HTTP 302'],
    ];
    for (const [status, body, text] of cases) {
      const { length } = beside.pms.calls();
      const refusal = { at: 'work', do: 'refuse', status, text, times: 1 } as const;
      beside.pms.inject(body === undefined ? refusal : { ...refusal, body });
      assert.deepEqual(await user.call(rooms), { ok: false, why: 'rejected', status, text });
      assert.equal(beside.pms.calls().length, length + 1, text);
    }
  });

  test('what only fetches a challenge has no body', async () => {
    await using beside = await besideClock(AT_WILL);
    const { calls } = openUser(beside);
    assert.ok((await calls.phone.report([{ at: '2026-11-25 10:00:00', line: '1' }])).ok);
    const seen = beside.pms.calls().map(({ method, bodyBytes }) => [method, bodyBytes > 0]);
    assert.deepEqual(seen, [
      ['POST', false],
      ['POST', true],
    ]);
  });

  test('a missing right is named', async () => {
    await using beside = await besideClock(AT_WILL);
    const { user, calls, ban } = openUser(beside);
    beside.pms.deny(beside.account.apiUser, 'pms_api_rooms_index', 'Charges: Create');
    const reply = await user.call(rooms);
    assert.ok(!reply.ok && reply.why === 'right');
    assert.equal(reply.right, 'pms_api_rooms_index');
    const { id } = beside.pms.hotel.addBooking({ status: 'checked_in' });
    const charge = { reference: 'r', text: 't', revenueGroup: 'extra', price: '1' };
    const plain = await calls.charges.post(id, charge);
    assert.ok(!plain.ok && plain.why === 'right');
    assert.equal(plain.right, 'Charges: Create');
    assert.equal(ban.leftMs(), 0);
  });

  test('the firewall’s 403 silences everything for two hours, over a restart too', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms, clock, needs } = beside;
    const { user, ban } = openUser(beside);
    await user.call(rooms);
    pms.inject({ at: 'call', do: 'waf', ban: true, times: 1 });
    const reply = await user.call(rooms);
    assert.ok(!reply.ok && reply.why === 'banned');
    const { length } = pms.calls();
    const other = createUser(accountOf(pms.account('pos')), { ...needs, ban });
    const root: Call = { api: 'base_api', method: 'GET', priority: 'read' };
    const again = openUser(beside);
    clock.aheadMs += 7_100_000;
    for (const one of [user, other, again.user]) {
      const silent = await one.call(root);
      assert.ok(!silent.ok && silent.why === 'banned');
    }
    assert.equal(pms.calls().length, length);
    clock.aheadMs += 100_001;
    pms.advance(7_200_001);
    assert.ok((await user.call(rooms)).ok);
    assert.ok((await again.user.call(rooms)).ok);
    assert.equal(openUser(beside).ban.leftMs(), 0);
  });

  test('every call has a deadline; a read that was cut off is told so', async () => {
    await using beside = await besideClock(AT_WILL);
    const { user } = openUser(beside);
    await user.call(rooms);
    beside.pms.inject({ at: 'call', do: 'black-hole', times: 1 });
    const late = await user.call({ ...rooms, msMax: 1_500 });
    assert.deepEqual(late, { ok: false, why: 'unknown', code: 'TIMEOUT' });
    beside.pms.inject({ at: 'answer', do: 'slow', ms: 50, times: 1 });
    assert.equal((await user.call({ ...rooms, msMax: 1_500 })).ok, false);
    beside.pms.inject({ at: 'answer', do: 'truncate', times: 1 });
    const cut = await user.call(rooms);
    assert.ok(!cut.ok && cut.why === 'unknown');
    beside.pms.inject({ at: 'answer', do: 'malformed', times: 1 });
    assert.deepEqual(await user.call(rooms), { ok: false, why: 'malformed', text: 'no JSON' });
    beside.pms.inject({ at: 'handshake', do: 'wrong-authority' });
    beside.needs.close();
    const foreign = await user.call(rooms);
    assert.ok(!foreign.ok && foreign.why === 'unreachable');
    const stop = new AbortController();
    stop.abort();
    assert.deepEqual(await user.call({ ...rooms, signal: stop.signal }), {
      ok: false,
      why: 'closed',
    });
    user.close();
    assert.deepEqual(await user.call(rooms), { ok: false, why: 'closed' });
  });
});
