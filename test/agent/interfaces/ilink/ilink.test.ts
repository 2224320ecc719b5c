// iLink against an exchange with a real web server: what rooms look like there, refusals, a cut cable; and the call
// records that it posts.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { rehearse } from '../../../../agent/core/line/rehearsal.ts';
import type { Guest, House, Order, OrderOutcome } from '../../../../agent/core/vocabulary.ts';
import { lanHttp } from '../../../../agent/io/lan-http.ts';
import type { IlinkSettings } from '../../../../agent/interfaces/ilink/config.ts';
import { createCdrSender, createExchange } from '../../../../agent/interfaces/ilink/counterpart.ts';
import type { Post } from '../../../../agent/interfaces/ilink/counterpart.ts';
import { ilink } from '../../../../agent/interfaces/ilink/run.ts';
import { issue } from '../../io/certificates.ts';
import { behind } from '../../../bench/systems/behind.ts';
import { SMALL_HOUSE, standIn } from '../../../bench/systems/stand-in.ts';
import type { StandIn } from '../../../bench/systems/stand-in.ts';
import { CDR, parsed, problemsOf } from './settings.ts';

const ANNA: Guest = {
  ...{ booking: 7_001, lastName: 'Müller', firstName: 'Anna', title: 'Mrs', language: 'de' },
  ...{ arrival: '2026-04-01', departure: '2026-04-05', isVip: true },
};
const BEN: Guest = { ...ANNA, booking: 7_002, firstName: 'Ben', title: 'Mr', isVip: false };
const houseWith = (rooms: Readonly<Record<string, readonly Guest[]>>): House => ({
  ...SMALL_HOUSE,
  rooms: Object.entries(rooms).map(([room, guests]) => ({ room, housekeeping: null, guests })),
});

interface Running extends AsyncDisposable {
  readonly agent: StandIn;
  readonly order: (order: Order, signal?: AbortSignal) => Promise<OrderOutcome>;
}
function begun(settings: IlinkSettings, agent = standIn()): Running {
  const running = ilink.start(settings, agent.host);
  return {
    agent,
    order: async (order, signal = new AbortController().signal) => running.handle(order, signal),
    [Symbol.asyncDispose]: async () => running.close(),
  };
}
/** In the process. */
const rehearsed = (settings: IlinkSettings, exchange = createExchange(settings)): Running =>
  begun(settings, standIn({ host: { http: rehearse(exchange).http } }));

const LIST = [{ room: '101', extensions: ['4100', '4101'] }];

test('over HTTPS an exchange is known by its own certificate, and another is told nothing', async () => {
  const own = issue({ name: 'Exchange' });
  const also = { siteId: 'hotel-1', user: 'unit', password: 'secret', rooms: { list: LIST } };
  const exchange = createExchange(parsed(also));
  await using system = await behind(exchange, { at: 'https', ...own });
  const lamp: Order = { kind: 'message.light', room: '101', isOn: true };
  const outcomes: boolean[] = [];
  for (const trustPem of [issue({ name: 'Exchange' }).certPem, undefined, own.certPem]) {
    const settings = { ...also, url: system.url, ...(trustPem !== undefined && { trustPem }) };
    await using service = begun(parsed(settings));
    outcomes.push((await service.order(lamp)).ok);
    assert.equal(exchange.extension('4100')?.lamp === true, outcomes.at(-1));
  }
  assert.deepEqual(outcomes, [false, false, true]);
});

test('rooms over a real web server: guests, lamps, wake-ups, barring, privacy', async () => {
  const also = { siteId: 'hotel-1', user: 'unit', password: 'secret', rooms: { list: LIST } };
  const exchange = createExchange(parsed(also));
  await using system = await behind(exchange, { at: 'http' });
  await using service = begun(parsed({ ...also, url: system.url }));
  const { order, agent } = service;
  const at = '2026-04-02T07:30:00';
  const stay = { room: '101', guest: ANNA, isShared: false };
  const all: readonly Order[] = [
    { kind: 'room.checked-in', ...stay },
    { kind: 'room.barring', room: '101', level: 2 },
    { kind: 'message.light', room: '101', isOn: true },
    { kind: 'room.privacy', room: '101', isOn: true },
    { kind: 'wakeup.set', room: '101', at },
  ];
  for (const one of all) assert.deepEqual(await order(one), { ok: true, body: { requests: 2 } });
  for (const extn of ['4100', '4101']) {
    assert.deepEqual(exchange.extension(extn), {
      ...{ status: 'occupied', name: 'Anna Müller', language: 'german', vip: true, cos: '2' },
      ...{ lamp: true, dnd: true, wakeups: new Set(['02-04-2026 07:30:00']) },
    });
  }
  await order({ kind: 'wakeup.clear', room: '101', at });
  await order({ kind: 'room.checked-out', ...stay });
  const left = exchange.extension('4101');
  assert.deepEqual([left?.status, left?.lamp, left?.dnd, left?.name], ['vacant', false, false, '']);
  assert.equal(left?.wakeups.size, 0);
  assert.ok(agent.traces.every((text) => !/Müller|Anna|secret/.test(text)));
  assert.equal(agent.talks.at(-1)?.at, 'up');

  await system.unplug();
  const gone = await order({ kind: 'message.light', room: '101', isOn: true });
  assert.ok(!gone.ok && gone.why === 'offline');
  assert.equal(agent.talks.at(-1)?.at, 'down');
  await system.plug();
  assert.ok((await order({ kind: 'message.light', room: '101', isOn: true })).ok);
});

test('a shared room has the name of the one who came first, until he leaves', async () => {
  const settings = parsed({ classOfService: { checkedIn: 3, checkedOut: 0 } });
  const exchange = createExchange(settings);
  await using service = rehearsed(settings, exchange);
  const { order, agent } = service;
  const name = (extn: string): string => exchange.extension(extn)?.name ?? '';
  const cos = (extn: string): string => exchange.extension(extn)?.cos ?? '';
  agent.house = houseWith({ 101: [ANNA] });
  await order({ kind: 'room.checked-in', room: '101', guest: ANNA, isShared: false });
  agent.house = houseWith({ 101: [ANNA, BEN] });
  await order({ kind: 'room.checked-in', room: '101', guest: BEN, isShared: true });
  assert.deepEqual([name('101'), cos('101')], ['Anna Müller', '3']);
  agent.house = houseWith({ 101: [BEN], 102: [ANNA] });
  const move = { kind: 'room.moved', from: '101', room: '102', guest: ANNA } as const;
  await order({ ...move, isFromShared: true, isShared: false });
  assert.deepEqual([name('101'), name('102')], ['Ben Müller', 'Anna Müller']);
  const changed = { ...ANNA, lastName: 'Maier' };
  await order({ kind: 'guest.changed', room: '102', guest: changed, isShared: false });
  assert.equal(name('102'), 'Anna Maier');
  agent.house = houseWith({ 101: [ANNA, BEN] });
  await order({ kind: 'room.checked-out', room: '101', guest: ANNA, isShared: true });
  assert.equal(name('101'), 'Ben Müller');
  await order({ kind: 'room.checked-out', room: '101', guest: BEN, isShared: false });
  assert.deepEqual([exchange.extension('101')?.status, cos('101')], ['vacant', '0']);
});

test('resync makes the exchange look like the house', async () => {
  const settings = parsed({ rooms: { list: LIST, prefix: '7' } });
  const exchange = createExchange(settings);
  await using service = rehearsed(settings, exchange);
  service.agent.house = houseWith({ 101: [ANNA], 102: [], 103: [BEN], Hall: [BEN] });
  const outcome = await service.order({ kind: 'resync' });
  assert.deepEqual(outcome, { ok: true, body: { requests: 4 } });
  const is = ['4100', '4101', '7102', '7103'].map((extn) => exchange.extension(extn)?.status);
  assert.deepEqual(is, ['occupied', 'occupied', 'vacant', 'occupied']);
});

test('what the exchange refuses is refused; what may pass is tried again', async () => {
  const settings = parsed({ rooms: { list: LIST, others: 'none' } });
  const exchange = createExchange(settings);
  await using service = rehearsed(settings, exchange);
  const { order, agent } = service;
  const light: Order = { kind: 'message.light', room: '101', isOn: true };
  exchange.fail('failed', 1);
  const refused = { ok: false, why: 'refused', text: '4100: system is busy' };
  assert.deepEqual(await order(light), refused);
  // The other telephone of the room is lit all the same.
  assert.equal(exchange.extension('4101')?.lamp, true);
  exchange.fail(500, 1);
  assert.ok((await order(light)).ok);
  exchange.fail(401, 2);
  const door = await order(light);
  assert.ok(!door.ok && door.why === 'refused' && /401: user, password/.test(door.text ?? ''));
  const nowhere = await order({ ...light, room: '999' });
  assert.ok(!nowhere.ok && nowhere.why === 'wrong');
  const hall = { kind: 'room.checked-in', room: 'Hall', guest: ANNA, isShared: false } as const;
  assert.deepEqual(await order(hall), { ok: true, body: { requests: 0 } });
  const bytes = await order({ kind: 'bytes.write', data: '' });
  assert.ok(!bytes.ok && bytes.why === 'unsupported');
  agent.isAway = true;
  const away = await order(light);
  assert.ok(!away.ok && away.why === 'busy');
  agent.isAway = false;
  const expired = await order(light, AbortSignal.abort());
  assert.ok(!expired.ok && expired.why === 'expired');
  // Another system on that port.
  const other = begun(
    settings,
    standIn({
      host: { http: async () => ({ ok: true, status: 200, body: Buffer.from('<html>') }) },
    }),
  );
  const none = await other.order(light);
  assert.ok(!none.ok && none.why === 'refused' && /none of iLink/.test(none.text ?? ''));
  await other[Symbol.asyncDispose]();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

test('call records over real HTTP: received only when the agent has them', async () => {
  const port = await freePort();
  const calls = { port, from: ['127.0.0.1'] };
  const settings = parsed({ calls });
  const agent = standIn({ host: { http: rehearse(createExchange(settings)).http } });
  await using service = begun(settings, agent);
  assert.ok(service);
  const url = `http://127.0.0.1:${port}/API/CDR`;
  const post: Post = async (body) => {
    const request = { url, method: 'POST', headers: {}, msMax: 5_000, bytesMax: 1_000 } as const;
    const reply = await lanHttp(
      { ...request, body: Buffer.from(body) },
      new AbortController().signal,
    );
    return reply.ok ? { status: reply.status, body: reply.body.toString() } : undefined;
  };
  let heard = false;
  await agent.until('it listens', () => {
    void post('{}').then((answer) => (heard ||= answer?.status === 400));
    return heard;
  });
  const sender = createCdrSender(post, 20);
  sender.send(CDR);
  const countOf = (name: string): number => agent.counts.get(name) ?? 0;
  await agent.until('one call', () => countOf('calls') === 1 && sender.waiting === 0);
  const [event] = agent.events;
  assert.ok(event?.kind === 'call.recorded');
  assert.deepEqual(
    { ...event, key: '' },
    {
      ...{ kind: 'call.recorded', key: '', extension: '821', at: '2017-05-17T16:51:42' },
      ...{ seconds: 95, dialled: '0049891234567' },
    },
  );
  // The same again has the same key; while the agent is away, it comes again, three times at most.
  sender.send(CDR);
  await agent.until('again', () => agent.events.length === 2);
  assert.deepEqual(agent.events[1], event);
  agent.isAway = true;
  sender.send({ ...CDR, uniqueid: '2' });
  await agent.until('dropped', () => sender.dropped === 1);
  assert.equal(countOf('put off'), 3);
  agent.isAway = false;
  agent.verdict = () => ({ ok: false, why: 'nobody' });
  sender.send({ ...CDR, uniqueid: '3' });
  await agent.until('refused', () => countOf('refused') === 1 && sender.waiting === 0);
  assert.equal(sender.dropped, 1);
  sender.close();
  assert.equal(
    (
      (await lanHttp(
        {
          url: url.replace('CDR', 'x'),
          method: 'POST',
          headers: {},
          msMax: 5_000,
          bytesMax: 1_000,
        },
        new AbortController().signal,
      )) as { status: number }
    ).status,
    404,
  );
  assert.ok(agent.traces.every((text) => !text.includes('0049891234567')));
});
test('the test says how far it came, and which rooms have no telephone', async () => {
  const settings = parsed({ rooms: { list: LIST, others: 'none' }, token: 't' });
  const tried = async (of: IlinkSettings): Promise<string[]> => {
    const agent = standIn({ host: { http: rehearse(createExchange(settings)).http } });
    const steps = await ilink.test(of, agent.host, new AbortController().signal);
    return steps.map(({ step, ok, text }) => `${step} ${ok} ${text}`);
  };
  assert.deepEqual(await tried(settings), [
    'connect true HTTP status 404; iLink has no request that only asks',
    'extensions true 1 of 2 rooms have no extension: 102',
  ]);
  const [first] = await tried({ ...settings, token: 'x' });
  assert.match(first ?? '', /^connect false HTTP status 401/);
});

test('settings: what it may reach, and what is wrong with them', () => {
  const calls = { port: 8_090, from: ['10.0.0.5'] };
  assert.deepEqual(ilink.needs(parsed({ url: 'http://[fd00::1]/x', calls })), [
    { need: 'connect', host: 'fd00::1', port: 80 },
    { need: 'listen', port: 8_090, from: ['10.0.0.5'] },
  ]);
  const port = ilink.needs(parsed({ url: 'https://pbx.hotel' }))[0];
  assert.deepEqual(port, { need: 'connect', host: 'pbx.hotel', port: 443 });
  assert.deepEqual(Object.keys(problemsOf({ url: 'ftp://x', rooms: { prefix: 'a' } })), [
    'url',
    'rooms.prefix',
  ]);
  assert.deepEqual(problemsOf({ url: 'http://x', user: 'a' }), { password: 'missing' });
});
