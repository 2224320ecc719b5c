// Paired accounts against the double: who they are, what refuses them, and that unpairing silences them.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPms } from '../../../agent/pms/run.ts';
import type { PmsAccountView } from '../../../agent/core/cloud.ts';
import { accountOf, besideClock } from './world.ts';
import type { Beside } from './world.ts';

const AT_WILL = { limits: { callsPerSecondMax: 1_000 } };

function paired(beside: Beside) {
  let changes = 0;
  let days = 0;
  const runner = createPms({
    ...beside.needs,
    random: () => 0.01,
    onChange: () => (changes += 1),
    onNewDay: () => (days += 1),
    consumers: () => [{ event: 'door_key_new', wake: async () => {} }],
  });
  const until = async (holds: (view: PmsAccountView | undefined) => boolean) => {
    const endMs = performance.now() + 20_000;
    for (;;) {
      const [view] = runner.view().accounts;
      if (holds(view)) return view!;
      assert.ok(performance.now() < endMs, JSON.stringify(view));
      await sleep(10);
    }
  };
  return { runner, until, changes: () => changes, days: () => days };
}

void suite('accounts', { concurrency: true, timeout: 60_000 }, () => {
  test('the root tells hotel, time zone and the business date of that zone', async () => {
    const startMs = Date.parse('2026-11-25T22:30:00Z');
    await using beside = await besideClock({ ...AT_WILL, startMs });
    const { runner, until, changes } = paired(beside);
    runner.sync([accountOf(beside.pms.account('pms')), accountOf(beside.pms.account('pos'))]);
    await until((view) => view?.reached !== undefined);
    await until(() => runner.view().accounts[1]?.reached !== undefined);
    const [hotel, bar] = runner.view().accounts;
    const { hotel: name, timeZone, businessDate } = hotel!.reached!;
    const expected = ['Hotel Balkan', 'Europe/Sofia', '2026-11-26'];
    assert.deepEqual([name, timeZone, businessDate], expected);
    assert.deepEqual([bar?.kind, bar?.reached?.hotel], ['pos', 'Balkan Bar']);
    assert.deepEqual([...new Set(beside.pms.calls().map(({ path }) => path))].toSorted(), [
      '/base_api/71/7002',
      '/pms_api/71/7001',
    ]);
    assert.equal(changes(), 2);
    runner.close();
  });

  test('a refusal is shown in Clock’s words, and gone when it is over', async () => {
    await using beside = await besideClock(AT_WILL);
    const { runner, until } = paired(beside);
    const text = 'Addon API not installed!';
    beside.pms.inject({ at: 'work', do: 'refuse', status: 500, text, times: 1 });
    runner.sync([accountOf(beside.account)]);
    const refused = await until((view) => view?.problem !== undefined);
    assert.deepEqual([refused.problem?.why, refused.problem?.text], ['rejected', text]);
    assert.equal(refused.reached, undefined);
    await until((view) => view?.reached !== undefined && view.problem === undefined);
    runner.close();
  });

  test('that the hotel has closed its day is told, once', async () => {
    await using beside = await besideClock({
      ...AT_WILL,
      startMs: Date.parse('2026-11-25T12:00Z'),
    });
    const { pms } = beside;
    const { runner, until, days } = paired(beside);
    runner.sync([accountOf(beside.account)]);
    const { reached } = await until((view) => view?.reached !== undefined);
    await pms.until(() => pms.polls().length === 1);
    assert.equal(days(), 0, 'the first day is none');
    // A channel that is gone makes it look at the account.
    pms.inject({ at: 'poll', do: 'refuse', status: 404, times: 1 });
    pms.advance(24 * 3_600_000);
    await until((view) => view!.reached!.businessDate !== reached!.businessDate);
    assert.equal(days(), 1);
    runner.close();
  });

  test('who asks to look again need not wait a quarter of an hour for the new day', async () => {
    const startMs = Date.parse('2026-11-25T12:00Z');
    await using beside = await besideClock({ ...AT_WILL, startMs });
    const { runner, until, days } = paired(beside);
    runner.sync([accountOf(beside.account)]);
    await until((view) => view?.reached !== undefined);
    beside.pms.advance(24 * 3_600_000);
    runner.account('pms')!.lookAgain();
    await until((view) => view!.reached!.businessDate === '2026-11-26');
    assert.equal(days(), 1);
    runner.close();
  });

  test('an odd root is refused by the name of the field; an odd channel spoils nothing', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    const { runner, until } = paired(beside);
    const root = { name: 'H', time_zone: 'Sofia', revenu_date: '25.11.2026' };
    const replace = { at: 'answer', do: 'replace', status: 200, times: 1 } as const;
    pms.inject({ ...replace, text: JSON.stringify(root) });
    const channels = { door_key_new: '//evil.test/sub/x', other: 7 };
    const better = { ...root, revenu_date: '2026-11-25', http_msg_channels: channels };
    pms.inject({ ...replace, text: JSON.stringify(better) });
    runner.sync([accountOf(beside.account)]);
    const refused = await until((view) => view?.problem !== undefined);
    assert.match(refused.problem?.text ?? '', /^revenu_date: expected/);
    await until((view) => view?.reached?.timeZone === 'Sofia');
    await sleep(100);
    assert.equal(pms.polls().length, 0, 'a foreign address is not listened to');
    assert.match(beside.log.lines.join('\n'), /door_key_new is not listened to: no channel/);
    runner.close();
  });

  test('a new key is another account; without an account nothing is called or kept', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms, records } = beside;
    const { runner, until } = paired(beside);
    pms.changeKey(beside.account.apiUser);
    runner.sync([accountOf(beside.account)]);
    const wrong = await until((view) => view?.problem !== undefined);
    assert.equal(wrong.problem?.why, 'key');
    runner.sync([accountOf(pms.account())]);
    await until((view) => view?.reached !== undefined);
    await pms.until(() => pms.polls().length === 1);
    const same = runner.account('pms');
    runner.sync([accountOf(pms.account())]);
    assert.equal(runner.account('pms'), same, 'the same goes on');
    runner.sync([]);
    const calls = pms.calls().length;
    pms.hotel.issueKey({ bookingId: pms.hotel.addBooking().id });
    await sleep(300);
    assert.deepEqual([pms.calls().length, pms.polls().length], [calls, 1]);
    assert.deepEqual(records.list(''), []);
    assert.deepEqual(runner.view().accounts, []);
  });

  test('the phone system’s hello is heard until it is stopped', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    const { runner, until } = paired(beside);
    runner.sync([accountOf(beside.account)]);
    await until((view) => view?.reached !== undefined);
    const stop = runner.account('pms')!.keepHello();
    await pms.until(() => pms.hotel.phone().connection === 'connected');
    stop();
    assert.equal(pms.written().length, 1);
    runner.close();
  });
});
