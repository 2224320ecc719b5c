// Listening to channels against the double: woken, caught up, from where it left off, never loud.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { PmsView } from '../../../agent/core/cloud.ts';
import { createPms } from '../../../agent/pms/run.ts';
import type { Consumer, Wake } from '../../../agent/pms/ports.ts';
import { accountOf, besideClock } from './world.ts';
import type { Beside } from './world.ts';

const AT_WILL = { limits: { callsPerSecondMax: 1_000 } };
const EVENT = 'door_key_new';

interface Listening {
  readonly woken: Wake[];
  readonly until: (holds: () => boolean) => Promise<void>;
  view(): PmsView;
  close(): void;
}

/** A unit that listens to one channel; `wake` is what it does then. */
function listening(beside: Beside, wake: Consumer['wake'] = async () => {}): Listening {
  const { pms, needs, account } = beside;
  const woken: Wake[] = [];
  let changed = (): void => {};
  const runner = createPms({
    ...needs,
    random: () => 0.01,
    consumers: (kind) =>
      kind === 'pos'
        ? []
        : [
            {
              event: EVENT,
              wake: async (why, signal) => {
                woken.push(why);
                changed();
                await wake(why, signal);
              },
            },
          ],
  });
  runner.sync([accountOf(account)]);
  const until = async (holds: () => boolean): Promise<void> => {
    const tooLate = setTimeout(() => changed(), 20_000);
    while (!holds()) {
      await new Promise<void>((resolve) => {
        changed = resolve;
        setTimeout(resolve, 20);
      });
      assert.ok(tooLate.hasRef() && pms.nowMs() > 0);
    }
    clearTimeout(tooLate);
  };
  return { woken, until, view: () => runner.view(), close: () => runner.close() };
}

const idsOf = (woken: readonly Wake[]): readonly (number | undefined)[] =>
  woken.filter((one) => one.by === 'event').map(({ id }) => id);

void suite('channels', { concurrency: true, timeout: 60_000 }, () => {
  test('it looks on start, then is woken by each event, with its id', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    const unit = listening(beside);
    await pms.until(() => pms.polls().length === 1);
    const { id: bookingId } = pms.hotel.addBooking();
    const ids = [pms.hotel.issueKey({ bookingId }).id, pms.hotel.issueKey({ bookingId }).id];
    await unit.until(() => idsOf(unit.woken).length === 2);
    assert.deepEqual(idsOf(unit.woken), ids);
    assert.equal(unit.woken[0]?.by, 'start');
    unit.close();
  });

  test('after a restart it goes on where it left off', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms, records } = beside;
    const { id: bookingId } = pms.hotel.addBooking();
    const first = pms.hotel.issueKey({ bookingId });
    const unit = listening(beside);
    const key = `pms/cursor/pms-7001/${EVENT}`;
    await unit.until(() => records.get(key) !== undefined);
    unit.close();
    const second = pms.hotel.issueKey({ bookingId });
    const again = listening(beside);
    await again.until(() => idsOf(again.woken).length > 0);
    assert.deepEqual([idsOf(unit.woken), idsOf(again.woken)], [[first.id], [second.id]]);
    again.close();
  });

  test('a flood of events does not wear the card: a place is kept every ten seconds', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms, records, clock } = beside;
    for (let id = 1; id <= 5; id += 1) pms.fire(EVENT, { door_key_id: id });
    const unit = listening(beside);
    await unit.until(() => idsOf(unit.woken).length === 5);
    assert.equal(records.changes, 1);
    const first = records.list('pms/cursor/');
    clock.aheadMs += 10_000;
    pms.fire(EVENT, { door_key_id: 6 });
    await unit.until(() => records.changes === 2);
    assert.notDeepEqual(records.list('pms/cursor/'), first);
    unit.close();
  });

  test('an event that was not handled comes again, its cursor is not kept before', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms, records } = beside;
    let failures = 0;
    const { id } = pms.hotel.issueKey({ bookingId: pms.hotel.addBooking().id });
    const unit = listening(beside, async ({ by }) => {
      if (by === 'start' || failures === 1) return;
      failures += 1;
      assert.deepEqual(records.list('pms/cursor/'), []);
      throw Object.assign(new Error('no encoder'), { code: 'ENCODER' });
    });
    await unit.until(() => idsOf(unit.woken).length === 2);
    assert.deepEqual(idsOf(unit.woken), [id, id]);
    assert.match(beside.log.lines.join('\n'), /door_key_new: ENCODER/);
    unit.close();
  });

  test('lost events are caught up: after trouble it looks before it listens', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    pms.inject({ at: 'poll', do: 'refuse', status: 409, times: 1 });
    pms.inject({ at: 'poll', do: 'refuse', status: 503, times: 1 });
    const unit = listening(beside);
    await unit.until(() => unit.woken.filter(({ by }) => by === 'start').length >= 3);
    unit.close();
    const said = beside.log.lines.filter((line) => line.includes('not listened to'));
    assert.equal(said.length, 1, 'said once');
    assert.match(said[0]!, /HTTP 409/);
  });

  for (const how of ['empty', 'malformed'] as const) {
    test(`a server that answers ${how} at once, without a place, is not hammered`, async () => {
      await using beside = await besideClock(AT_WILL);
      const { pms } = beside;
      pms.inject({ at: 'poll', do: how });
      const unit = listening(beside);
      await pms.until(() => pms.polls().length === 3);
      const [first, , third] = pms.polls();
      assert.ok(third!.atMs - first!.atMs >= 1_990, `${third!.atMs - first!.atMs} ms`);
      unit.close();
    });
  }

  test('a message that is no JSON wakes all the same', async () => {
    await using beside = await besideClock(AT_WILL);
    beside.pms.fire(EVENT, 'garbage \u0000 {');
    beside.pms.fire(EVENT, '17');
    const unit = listening(beside);
    await unit.until(() => idsOf(unit.woken).length === 2);
    assert.deepEqual(idsOf(unit.woken), [undefined, 17]);
    unit.close();
  });

  test('a ban that a channel meets silences the API too', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms, records } = beside;
    pms.inject({ at: 'poll', do: 'refuse', status: 403, times: 1 });
    const unit = listening(beside);
    await unit.until(() => records.get('pms/ban') !== undefined);
    const calls = pms.calls().length;
    assert.equal(unit.view().accounts[0]?.problem?.why, 'banned');
    const again = listening(beside);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual([pms.calls().length, pms.polls().length], [calls, 1]);
    unit.close();
    again.close();
  });

  test('no line of the log and no record tells a channel’s address or a key', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms, records, log, account } = beside;
    const unit = listening(beside);
    pms.inject({ at: 'poll', do: 'malformed', times: 1 });
    pms.inject({ at: 'poll', do: 'refuse', status: 404, times: 1 });
    pms.hotel.issueKey({ bookingId: pms.hotel.addBooking().id });
    await unit.until(() => records.list('pms/cursor/').length > 0);
    unit.close();
    const uuid = /\/sub\/([0-9a-f-]{36})/.exec(pms.channelPath(EVENT))![1]!;
    const all = [...log.lines, ...[...records.kept].flat()].join('\n');
    assert.ok(log.lines.length > 0);
    for (const secret of [uuid, account.apiKey]) assert.ok(!all.includes(secret));
  });
});
