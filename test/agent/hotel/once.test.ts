// Charges exactly once: the power goes at every step between "stored" and "posted", and Clock's answers get lost, come
// late or say no after all. Each charge is there once, or a person is asked; never twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventOf, HotelEvent, Verdict } from '../../../agent/core/vocabulary.ts';
import type { Fault } from '../../bench/pms/faults.ts';
import { randomFrom, testSeed } from '../random.ts';
import { openWorld, until } from './world.ts';
import type { Life, World } from './world.ts';

const IS_LONG = process.env['CLOCK_TEST_LONG'] === '1';
const charge = (key: string, room = '101'): EventOf<'charge.posted'> => ({
  ...{ kind: 'charge.posted', key, room, amount: '12.50', text: 'Pay TV', group: 'extra' },
  at: '2026-11-25T12:00:00',
});
const call = (key: string): EventOf<'call.recorded'> => ({
  ...{ kind: 'call.recorded', key, extension: '101', at: '2026-11-25T12:00:00', seconds: 3_725 },
  ...{ dialled: '0049891234567', price: '1.2500' },
});
const EMITS = ['charge.posted', 'call.recorded', 'minibar.posted'] as const;
const prepare = (services: Life['services']): void => {
  services.set('pbx', { emits: EMITS });
};
const emit = async ({ hotel, services }: Life, event: HotelEvent): Promise<Verdict> =>
  hotel.side.emitted(services.list()[0]!, event);
const isQuiet = (life: Life): boolean => life.hotel.view().waiting === 0;
const isFilled = (life: Life): boolean => life.hotel.side.house().asOfMs !== undefined;
const opened = (life: Life) => life.hotel.view().open;

async function hotelWithGuest(): Promise<World> {
  const world = await openWorld();
  world.pms.hotel.addRoom({ name: '101', internal_lines: ['101'] });
  world.pms.hotel.addRoom({ name: '102' });
  world.pms.hotel.addBooking({ room: '101', status: 'checked_in' });
  return world;
}

test('a charge is posted once, however often it is said; who is not there is not charged', async () => {
  await using world = await hotelWithGuest();
  const barred = world.pms.hotel.addBooking({
    ...{ room: '102', status: 'checked_in', acceptCharges: false },
  });
  const life = world.start(prepare);
  assert.deepEqual((await emit(life, charge('early'))).ok, false);
  await until(() => isFilled(life));
  const first = emit(life, charge('a'));
  const twin = emit(life, charge('a'));
  assert.deepEqual(await first, { ok: true, isRepeat: false });
  assert.deepEqual(await twin, { ok: true, isRepeat: true });
  assert.deepEqual(await emit(life, charge('b', '102')), { ok: false, why: 'barred' });
  assert.deepEqual(await emit(life, charge('c', '999')), { ok: false, why: 'nobody' });
  assert.deepEqual(await emit(life, { ...charge('d'), booking: barred.id }), {
    ...{ ok: false, why: 'nobody' },
  });
  await until(() => isQuiet(life));
  assert.deepEqual(await emit(life, charge('a')), { ok: true, isRepeat: true });
  const [row, ...more] = world.pms.hotel.rows('charges');
  assert.deepEqual(more, []);
  assert.equal(row!['price_cents'], 1_250);
  assert.match(String(row!['print_text']), /^Ref\. [A-Z2-9]{12}$/);
});

test('a minibar is priced by Clock’s templates; an article without one is for a person', async () => {
  await using world = await hotelWithGuest();
  const { hotel } = world.pms;
  const { id } = hotel.addRow('charge_templates', { text: 'Cola', plain_price_cents: 350 });
  hotel.addRow('charge_templates', { text: '18', plain_price_cents: 400, revenue_group: 'f&b' });
  const life = world.start(prepare);
  await until(() => isFilled(life));
  const command = (kind: string, body: unknown) =>
    life.hotel.handler.run(
      { id: 'c', service: 'hotel', kind, body, expiresMs: undefined },
      new AbortController().signal,
    );
  assert.equal((await command('minibar.articles', { articles: { 17: id } })).state, 'processed');
  const items = ['17', '18', '19'].map((article) => ({ article, quantity: 2 }));
  const event: HotelEvent = {
    ...{ kind: 'minibar.posted', key: 'm', room: '101', items, at: '2026-11-25T12:00:00' },
  };
  assert.deepEqual(await emit(life, event), { ok: true, isRepeat: false });
  await until(() => isQuiet(life));
  assert.deepEqual(
    hotel.rows('charges').map((one) => [one['price_cents'], one['qty'], one['text']]),
    [
      [350, 2, 'Cola'],
      [400, 2, '18'],
    ],
  );
  const [open] = opened(life);
  assert.equal(open!.state, 'rejected');
  assert.match(open!.text, /no price for article 19/);
  const told = life.told.find(({ payload }) => payload.includes('charge.rejected'));
  assert.equal(told?.topic, 'clock/v1/clockrpi-0/event/pbx');
  // A person gives it a template, and says: again.
  assert.equal((await command('minibar.articles', { articles: { 19: id } })).state, 'processed');
  const again = await command('ledger.resolve', { key: open!.key, as: 'retry' });
  assert.equal(again.state, 'processed');
  await until(() => isQuiet(life) && hotel.rows('charges').length === 3);
  assert.deepEqual(opened(life), []);
  assert.equal((await command('ledger.resolve', { key: open!.key, as: 'posted' })).state, 'error');
});

/** Where it dies: before or after the so manieth change of the records since it was filled. */
interface Death {
  readonly at: number;
  readonly how: 'die-before' | 'die-after' | 'never';
}
const FAULTS: readonly (Fault | undefined)[] = [
  undefined,
  { at: 'answer', method: 'POST', do: 'drop', times: 1 },
  { at: 'answer', method: 'POST', do: 'replace', status: 500, text: 'Sorry', times: 1 },
  { at: 'answer', method: 'POST', do: 'replace', status: 502, text: 'Gateway', times: 1 },
  { at: 'answer', method: 'POST', do: 'truncate', times: 1 },
  { at: 'call', method: 'POST', do: 'drop', times: 1 },
  { at: 'work', method: 'POST', do: 'refuse', status: 500, text: 'No', times: 1 },
  { at: 'call', method: 'GET', path: 'charges_by_source', do: 'drop', times: 2 },
];

/** Says it until it is taken, as systems in hotels do. */
async function say(world: World, event: HotelEvent, death: Death): Promise<Life> {
  let changes = 0;
  let isFirst = true;
  for (let turn = 0; turn < 20; turn += 1) {
    let isArmed = false;
    let isDead = false;
    const life = world.start(prepare, () => {
      if (!isFirst || !isArmed || death.how === 'never') return 'go';
      changes += 1;
      isDead = changes === death.at + 1;
      return isDead ? death.how : 'go';
    });
    await until(() => isFilled(life), 'the house');
    isArmed = true;
    let verdict: Verdict | undefined;
    void emit(life, event).then((came) => (verdict = came));
    await until(() => isDead || (verdict !== undefined && isQuiet(life)), 'quiet or dead');
    // Dead, nobody answers; alive, what was said is taken.
    if (!isDead && verdict?.ok === true) return life;
    isFirst = false;
    life.kill();
  }
  throw new Error('never taken');
}

test('whatever is lost and whenever the power goes, a charge is there once or a person is asked', async (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const all = FAULTS.flatMap((fault) => [
    { fault, death: { at: 0, how: 'never' as const } },
    ...[0, 1, 2].flatMap((at) =>
      (['die-before', 'die-after'] as const).map((how) => ({ fault, death: { at, how } as Death })),
    ),
  ]);
  const cases = IS_LONG ? all : all.filter(() => random() < 0.15);
  await using world = await hotelWithGuest();
  let unknown = 0;
  for (const [index, { fault, death }] of cases.entries()) {
    const context = JSON.stringify({ fault, death });
    const before = world.pms.hotel.rows('charges').length;
    const injected = fault === undefined ? undefined : world.pms.inject(fault);
    const life = await say(world, charge(`x${index}`), death);
    const count = world.pms.hotel.rows('charges').length - before;
    const open = opened(life);
    if (open.length > 0) unknown += 1;
    for (const one of open) assert.match(one.state, /unknown|rejected/, context);
    assert.ok(count === 1 || (count === 0 && open.length === 1), `${context}: ${count} charges`);
    assert.ok(open.length === 0 || fault !== undefined, context);
    // A person looked, and says what is so; "again" looks before it posts.
    for (const { key } of open) {
      const body = { key, as: 'retry' };
      const outcome = await life.hotel.handler.run(
        { id: `r${index}`, service: 'hotel', kind: 'ledger.resolve', body, expiresMs: undefined },
        new AbortController().signal,
      );
      assert.equal(outcome.state, 'processed');
    }
    injected?.undo();
    await until(() => isQuiet(life), context);
    assert.equal(world.pms.hotel.rows('charges').length - before, 1, `${context}: after all`);
    assert.deepEqual(opened(life), [], context);
    assert.deepEqual(await emit(life, charge(`x${index}`)), { ok: true, isRepeat: true });
    life.kill();
  }
  t.diagnostic(`${cases.length} of ${all.length} cases, ${unknown} of them for a person`);
});

test('a call is reported once or a person is asked: it is never sent again by itself', async (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const all = FAULTS.flatMap((fault) =>
    [0, 1, 2].flatMap((at) =>
      (['die-before', 'die-after', 'never'] as const).map((how) => ({ fault, death: { at, how } })),
    ),
  );
  const cases = IS_LONG ? all : all.filter(() => random() < 0.15);
  await using world = await hotelWithGuest();
  for (const [index, { fault, death }] of cases.entries()) {
    const context = JSON.stringify({ fault, death });
    const before = world.pms.hotel.phone().calls.length;
    const injected = fault === undefined ? undefined : world.pms.inject(fault);
    const life = await say(world, call(`y${index}`), death);
    const count = world.pms.hotel.phone().calls.length - before;
    const open = opened(life);
    assert.ok(count <= 1 && (count === 1 || open.length === 1), `${context}: ${count} calls`);
    injected?.undo();
    for (const { key } of open) {
      const body = { key, as: 'posted' };
      await life.hotel.handler.run(
        { id: `r${index}`, service: 'hotel', kind: 'ledger.resolve', body, expiresMs: undefined },
        new AbortController().signal,
      );
    }
    life.kill();
  }
  const [given] = world.pms.hotel.phone().calls;
  assert.deepEqual(given?.given, {
    ...{ call_datetime: '2026-11-25 12:00:00', internal_line: '101', duration: '01:02:05' },
    ...{ dial_number: '0049891234567', price: '1.2500' },
  });
});

test('a day without internet: charges and calls are taken, and are at Clock in order afterwards', async () => {
  await using world = await hotelWithGuest();
  const life = world.start(prepare);
  await until(() => isFilled(life));
  world.isOnline = false;
  const count = IS_LONG ? 200 : 6;
  for (let index = 0; index < count; index += 1) {
    world.beside.clock.aheadMs += 86_400_000 / count;
    const text = `no ${index}`;
    assert.ok((await emit(life, { ...charge(`n${index}`), text })).ok);
    assert.ok((await emit(life, call(`n${index}`))).ok);
    assert.equal(
      life.hotel.side.house().rooms.find(({ room }) => room === '101')!.guests.length,
      1,
    );
  }
  assert.equal(life.hotel.view().waiting, 2 * count);
  world.isOnline = true;
  life.hotel.sync(true);
  await until(() => isQuiet(life), 'all posted');
  assert.deepEqual(
    world.pms.hotel
      .rows('charges')
      .map(({ text }) => text)
      .filter((text) => text !== 'Phone call'),
    Array.from({ length: count }, (none, index) => (none === undefined ? `no ${index}` : '')),
  );
  assert.equal(world.pms.hotel.phone().calls.length, count);
});
