// Orders to a lock server over real sockets: keys, errors, faults, turns, and what is never sent twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { salto } from '../../../../agent/interfaces/salto/run.ts';
import { createLockServer } from '../../../../agent/interfaces/salto/counterpart.ts';
import type { LockServer } from '../../../../agent/interfaces/salto/counterpart.ts';
import { systemClock } from '../../../../agent/io/clock.ts';
import type { Order, OrderOutcome } from '../../../../agent/core/vocabulary.ts';
import { behind } from '../../../bench/systems/behind.ts';
import type { Behind } from '../../../bench/systems/behind.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import type { StandIn } from '../../../bench/systems/stand-in.ts';
import { checkOut, key, settings } from './examples.ts';

interface Stage extends AsyncDisposable {
  readonly server: LockServer;
  readonly system: Behind;
  readonly stand: StandIn;
  order(order: Order, signal?: AbortSignal): Promise<OrderOutcome>;
}

async function stage(
  more: Record<string, unknown> = {},
  options: Parameters<typeof createLockServer>[2] = { rooms: ['101', '102', 'W10011'] },
): Promise<Stage> {
  const needs = { clock: systemClock, random: () => 0.5 };
  const server = createLockServer(settings(more), needs, options);
  const system = await behind(server, { at: 'tcp-server' });
  const stand = standIn();
  const running = salto.start(settings({ ...more, port: system.port }), stand.host);
  await stand.until('the server is seen', () => stand.talks.at(-1)?.at === 'up');
  return {
    ...{ server, system, stand },
    order: async (order, signal = new AbortController().signal) => running.handle(order, signal),
    [Symbol.asyncDispose]: async () => {
      await running.close();
      await system[Symbol.asyncDispose]();
    },
  };
}
const whyOf = (outcome: OrderOutcome): string => (outcome.ok ? 'ok' : outcome.why);

test('an original opens the room from then to then, with the pool, and a second one ends it', async () => {
  await using hotel = await stage({ serialNumber: 'last' });
  const { server } = hotel;
  const first = await hotel.order(key({ commonDoors: ['POOL', '7'], operator: 'Op' }));
  assert.deepEqual(first, { ok: true, body: { serials: ['000001f5'] } });
  const expected = 'CN|1|R|101||||17||1600101022|1100221022|Op||||1';
  assert.equal(server.requests.at(-1)?.join('|'), expected);
  const [card] = server.cards;
  assert.ok(card);
  assert.ok(server.opens(card, '101', '2022-10-15T12:00:00'));
  assert.ok(!server.opens(card, '102', '2022-10-15T12:00:00'));
  assert.ok(!server.opens(card, '101', '2022-10-22T11:00:00'));

  assert.ok((await hotel.order(key({ card: 'copy' }))).ok);
  assert.ok(server.opens(card, '101', '2022-10-15T12:00:00'), 'a copy leaves it alone');
  assert.ok((await hotel.order(key())).ok);
  assert.ok(!server.opens(card, '101', '2022-10-15T12:00:00'), 'an original ends it');
  assert.ok(server.opens(server.cards[2]!, '101', '2022-10-15T12:00:00'));
  assert.ok((await hotel.order(checkOut())).ok);
  assert.ok(!server.opens(server.cards[2]!, '101', '2022-10-15T12:00:00'));
  const late = await hotel.order(key({ card: 'next' }));
  assert.ok(!late.ok && late.why === 'refused' && late.text?.includes('checked out'));
});

test('a card is read', async () => {
  await using hotel = await stage();
  assert.ok((await hotel.order(key({ moreRooms: ['102'] }))).ok);
  const read = await hotel.order({ kind: 'key.read', encoder: 'Reception' });
  assert.ok(read.ok);
  assert.deepEqual(read.body, {
    ...{ card: 'guest', rooms: ['101', '102'], isCheckedIn: true, copy: '0', authorisations: [] },
    ...{ from: '2022-10-10T16:00:00', to: '2022-10-22T11:00:00', operator: undefined },
  });
  hotel.server.place('1', 'staff');
  const staff = await hotel.order({ kind: 'key.read', encoder: '1' });
  assert.deepEqual(staff.ok && staff.body, { card: 'staff', rooms: [] });
});

test('what the server cannot do is said in words', async () => {
  await using hotel = await stage();
  const { server } = hotel;
  const answers: [string, OrderOutcome][] = [];
  answers.push(['TD', await hotel.order(key({ room: '999' }))]);
  for (const [at, code] of [
    ['busy', 'OV'],
    ['unplugged', 'NC'],
    ['nobody', 'ED'],
    ['staff', 'EV'],
  ] as const) {
    server.place('1', at);
    answers.push([code, await hotel.order(key())]);
  }
  assert.deepEqual(
    answers.map(([, outcome]) => whyOf(outcome)),
    ['refused', 'busy', 'offline', 'refused', 'refused'],
  );
  for (const [code, outcome] of answers) {
    assert.ok(!outcome.ok && outcome.text?.endsWith(`(${code})`), JSON.stringify(outcome));
  }
  assert.equal(server.cards.length, 0);
});

test('what cannot be asked is refused before anything is sent', async () => {
  await using hotel = await stage();
  const wrongs: Order[] = [
    key({ encoder: '9' }),
    key({ moreRooms: ['102', '103', '104', '105'] }),
    key({ room: 'x'.repeat(25) }),
    key({ room: '10³1' }),
    key({ doorCodes: ['雪'] }),
    checkOut({ room: '10\r1' }),
    key({ to: '2022-10-10T16:00:00' }),
    key({ commonDoors: ['SAUNA'] }),
    key({ commonDoors: ['63'] }),
  ];
  for (const order of wrongs) assert.equal(whyOf(await hotel.order(order)), 'wrong');
  assert.equal(whyOf(await hotel.order({ kind: 'resync' })), 'unsupported');
  assert.equal(hotel.server.requests.length, 0);
});

test('a mobile key goes to the telephone; its number is in no trace', async () => {
  await using hotel = await stage({ mobileKeysEncoder: 'mobile' });
  const mobile = { phone: '+359 888 123 456' };
  assert.ok((await hotel.order(key({ encoder: 'mobile', mobile }))).ok);
  assert.equal(hotel.server.requests[0]?.slice(0, 3).join('|'), 'CNM|+359888123456|101');
  assert.ok(hotel.stand.traces.some((line) => line.includes('CNM|…56|101')));
  assert.ok(!hotel.stand.traces.join().includes('888123'));
  assert.equal(whyOf(await hotel.order(key({ encoder: 'mobile' }))), 'wrong');
  // A guest whose number is known still gets the card that was asked for.
  assert.ok((await hotel.order(key({ mobile }))).ok);
  assert.equal(hotel.server.requests.at(-1)?.[0], 'CN');
});

test('an answer that is lost, cut off, damaged or strange is unknown, and nothing is sent again', async () => {
  await using hotel = await stage({ answerSeconds: 5 });
  for (const fault of ['hang-up', 'damage', 'odd'] as const) {
    hotel.server.fault(fault);
    assert.equal(whyOf(await hotel.order(key())), 'unknown', fault);
  }
  assert.equal(hotel.server.requests.length, 3);
  hotel.server.fault('hang-up');
  assert.equal(whyOf(await hotel.order({ kind: 'key.read', encoder: '1' })), 'offline');
  assert.ok((await hotel.order(key())).ok);
});

test('NAK to ENQ and to a frame is tried again; a server that stays busy is busy', async () => {
  await using hotel = await stage();
  hotel.server.fault('ask-nak', 2);
  hotel.server.fault('frame-nak', 2);
  assert.ok((await hotel.order(key())).ok);
  assert.equal(hotel.server.cards.length, 1);
  hotel.server.fault('ask-nak', 3);
  assert.equal(whyOf(await hotel.order(key())), 'busy');
  hotel.server.fault('frame-nak', 3);
  assert.equal(whyOf(await hotel.order(key())), 'refused');
  assert.equal(hotel.server.cards.length, 1);
});

test('without a server an order is offline, and the page says so; it comes back by itself', async () => {
  await using hotel = await stage();
  await hotel.system.unplug();
  const outcome = await hotel.order(key());
  assert.ok(!outcome.ok && outcome.why === 'offline' && outcome.text?.includes('ECONNREFUSED'));
  assert.equal(hotel.stand.talks.at(-1)?.at, 'down');
  await hotel.system.plug();
  assert.ok((await hotel.order(key())).ok);
  assert.equal(hotel.stand.talks.at(-1)?.at, 'up');
});

test('orders take turns; one that is given up in the queue is not made, one at the encoder is unknown', async () => {
  await using hotel = await stage({}, { placeMs: 600_000 });
  const [atEncoder, inQueue] = [new AbortController(), new AbortController()];
  const first = hotel.order(key(), atEncoder.signal);
  await hotel.stand.until('it is at the encoder', () => hotel.stand.traces.length > 0);
  const second = hotel.order(key({ room: '102' }), inQueue.signal);
  inQueue.abort();
  assert.equal(whyOf(await second), 'expired');
  const third = hotel.order(checkOut());
  // Time enough for the third to be done, were its turn not after the first.
  await salto.test({ ...settings(), port: hotel.system.port }, hotel.stand.host, atEncoder.signal);
  assert.ok(!hotel.stand.traces.includes('out CO|0|101'));
  atEncoder.abort();
  assert.equal(whyOf(await first), 'unknown');
  assert.ok((await third).ok);
  assert.equal(hotel.server.cards.length, 0);
});

test('the queue is bounded', async () => {
  await using hotel = await stage({}, { placeMs: 600_000 });
  const all = new AbortController();
  const orders = Array.from({ length: 20 }, async () => hotel.order(key(), all.signal));
  const outcomes = Promise.all(orders);
  await hotel.stand.until('one is at the encoder', () => hotel.stand.traces.length > 0);
  all.abort();
  const whys = (await outcomes).map(whyOf);
  assert.equal(whys.filter((why) => why === 'unknown').length, 1);
  assert.equal(whys.filter((why) => why === 'busy').length, 4);
  assert.equal(whys.filter((why) => why === 'expired').length, 15);
});

test('a check-out of two rooms says which was done when the other is not known', async () => {
  await using hotel = await stage();
  const outcome = await hotel.order(checkOut({ moreRooms: ['999'] }));
  assert.ok(!outcome.ok && outcome.text?.startsWith('Done: room 101. Not done: '));
});

test('test() says hello and asks for nothing at an encoder', async () => {
  await using hotel = await stage();
  const { signal } = new AbortController();
  const here = { ...settings(), port: hotel.system.port };
  const steps = await salto.test(here, hotel.stand.host, signal);
  assert.deepEqual(
    steps.map(({ ok }) => ok),
    [true, true],
  );
  assert.deepEqual(hotel.server.requests, [['INFO']]);
  await hotel.system.unplug();
  const failed = await salto.test(here, hotel.stand.host, signal);
  assert.deepEqual(
    failed.map(({ ok }) => ok),
    [false],
  );
});

test('targets() are the encoders, and the one for mobile keys', () => {
  const encoders = ['1', 'Online Encoder 1'];
  assert.deepEqual(salto.targets?.(settings()), encoders);
  const mobile = settings({ mobileKeysEncoder: 'mobile' });
  assert.deepEqual(salto.targets?.(mobile), [...encoders, 'mobile']);
});

test('parse() names the fields that are wrong', () => {
  const parsed = salto.parse({
    ...{ host: 'no host', port: 0, version: 'old', mobileKeysEncoder: 'm' },
    encoders: [{ name: 'A', identifier: 'Zürich' }],
    commonDoors: [{ door: 'POOL', authorisation: 63 }],
  });
  assert.ok(!parsed.ok);
  const fields = parsed.problems.map(({ field }) => field).sort();
  const wrong = ['commonDoors.0.authorisation', 'encoders.0.identifier', 'host', 'port'];
  assert.ok(
    wrong.every((field) => fields.includes(field)),
    fields.join(),
  );
  const old = salto.parse({ ...settings(), version: 'old', mobileKeysEncoder: 'm' });
  assert.ok(!old.ok && old.problems[0]?.field === 'mobileKeysEncoder');
  const twice = { name: 'B', identifier: '1' };
  const double = salto.parse({ ...settings(), encoders: [twice, twice] });
  assert.ok(!double.ok && double.problems[0]?.field === 'encoders');
});
