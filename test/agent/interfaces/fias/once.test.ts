// Whatever the line does: a posting is stored once, answered when it is stored, and the vendor comes back; and how a
// rehearsal tells a person what it saw.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { rehearse } from '../../../../agent/core/line/rehearsal.ts';
import { fias } from '../../../../agent/interfaces/fias/run.ts';
import { filled } from '../../../../agent/interfaces/fias/wire.ts';
import type { FiasRecord } from '../../../../agent/interfaces/fias/wire.ts';
import { SMALL_HOUSE, standIn } from '../../../bench/systems/stand-in.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { settingsOf } from './settings.ts';
import { system } from './system.ts';

const seed = testSeed();
const IS_LONG = process.env['CLOCK_TEST_LONG'] === '1';

test(`postings over a line that is cut again and again are stored once each (seed ${seed})`, async () => {
  const random = randomFrom(seed);
  await using it = await system({ at: 'tcp-client' });
  const stored = new Map<string, number>();
  const over = new AbortController();
  it.agent.verdict = async (event) => {
    assert.ok('key' in event);
    const isRepeat = stored.has(event.key);
    // On the card, and the answer may be lost behind it.
    if (!isRepeat) stored.set(event.key, stored.size);
    await sleep(random() * 4);
    return { ok: true, isRepeat };
  };
  const cutting = (async () => {
    while (!over.signal.aborted) {
      await sleep(random() * 30);
      await it.place.unplug();
      await it.place.plug();
      await it.agent.until('it is up again', it.isUp);
    }
  })();
  const count = IS_LONG ? 2_000 : 60;
  let repeats = 0;
  for (let number = 1; number <= count; number += 1) {
    const fields = [
      ...([
        ['RN', '101'],
        ['PT', 'C'],
        ['TA', `${number}`],
        ['P#', `${number}`],
      ] as const),
      ...([
        ['DA', '260401'],
        ['TI', '120000'],
      ] as const),
    ];
    // As a vendor does: the same record until it is answered.
    for (let answer: FiasRecord | undefined; answer === undefined;) {
      await it.agent.until('it is up', it.isUp);
      answer = await it.vendor.ask('PS', fields, 'PA').catch(() => undefined);
      if (answer === undefined) repeats += 1;
      else assert.equal(filled(answer, 'AS'), 'OK');
    }
  }
  over.abort();
  await cutting;
  assert.equal(stored.size, count);
  assert.ok(it.place.connections > 2);
  const own = it.agent.events.length - stored.size;
  assert.ok(own <= repeats, `${own} repeats were emitted, ${repeats} were sent`);
  // Answers of another connection are not given on this one.
  assert.deepEqual(it.vendor.violations, []);
});

test('LE of the vendor ends the connection, it comes back, and then we leave with LE', async () => {
  const it = await system({ at: 'tcp-client' });
  it.vendor.leave();
  await it.agent.until('it came again', () => it.place.connections > 1 && it.isUp());
  const said = () => it.agent.traces.filter((text) => text.startsWith('out LE|')).length;
  assert.equal(said(), 1);
  await it.service.close();
  assert.equal(said(), 2);
  // The vendor's answer was heard, and not only waited for.
  assert.match(it.agent.traces.at(-1)!, /^in LE/);
  await it.place[Symbol.asyncDispose]();
});

test('orders to nobody are offline, and what FIAS does not have is unsupported', async () => {
  const agent = standIn();
  const settings = settingsOf({ line: { kind: 'tcp-client', host: '127.0.0.1', port: 1 } });
  const service = fias.start(settings, agent.host);
  const { signal } = new AbortController();
  const offline = await service.handle({ kind: 'message.light', room: '1', isOn: true }, signal);
  assert.ok(!offline.ok && offline.why === 'offline');
  await service.close();
  await using it = await system({ at: 'tcp-client', vendor: { lists: { GI: 'RN' } } });
  const light = await it.order({ kind: 'message.light', room: '101', isOn: true });
  assert.ok(!light.ok && light.why === 'unsupported');
  const bytes = await it.order({ kind: 'bytes.write', data: '' });
  assert.ok(!bytes.ok && bytes.why === 'unsupported');
  const [guest] = SMALL_HOUSE.rooms[0]!.guests;
  const stay = { room: 'a room with a long name', guest: guest!, isShared: false };
  const long = await it.order({ kind: 'room.checked-in', ...stay });
  assert.ok(!long.ok && long.why === 'wrong');
});

test('what a vendor asks that cannot be answered is answered so', async () => {
  await using it = await system({ at: 'tcp-client' });
  const asked = async (id: string, answer: string, ...fields: readonly string[]) =>
    it.vendor.ask(
      id,
      fields.map((field) => [field.slice(0, 2), field.slice(2)] as const),
      answer,
    );
  const bill = await asked('XR', 'XB', 'RN101', 'G#7001');
  assert.deepEqual([filled(bill, 'AS'), filled(bill, 'BA')], ['UR', '0']);
  assert.equal(filled(await asked('XM', 'XT', 'RN101', 'G#7001'), 'MI'), undefined);
  assert.equal(filled(await asked('LP', 'LP', 'G#7001'), 'AS'), 'NM');
  it.vendor.send('LO', [
    ['G#', '7001'],
    ['CT', 'pool'],
  ]);
  assert.equal(filled(await asked('LP', 'LP', 'G#7001'), 'CT'), 'pool');
  assert.equal(filled(await asked('XC', 'XC', 'RN101', 'G#7001', 'BA1050'), 'AS'), 'OK');
  it.agent.verdict = () => ({ ok: false, why: 'wrong', text: 'Please see reception' });
  const refused = await asked('XC', 'XC', 'RN101', 'G#7001', 'BA1050');
  assert.deepEqual([filled(refused, 'AS'), filled(refused, 'CT')], ['NF', 'Please see reception']);
  assert.deepEqual(it.vendor.violations, []);
});

test('a rehearsal against the bundled vendor says what it saw', async () => {
  const needs = { clock: standIn().host.clock, random: () => 0.5 };
  const settings = settingsOf();
  const counterpart = fias.counterpart(settings, needs);
  const agent = standIn({ host: rehearse(counterpart) });
  const steps = await fias.test(settings, agent.host, new AbortController().signal);
  assert.deepEqual(
    steps.map(({ ok }) => ok),
    [true, true, true],
  );
  assert.equal(steps[1]!.text, 'PB 1.0');
  assert.match(steps[2]!.text, /GI \(RN G# /);
  counterpart.close();
  const nobody = settingsOf({ line: { kind: 'tcp-client', host: '127.0.0.1', port: 1 } });
  const failed = await fias.test(nobody, standIn().host, AbortSignal.timeout(200));
  assert.deepEqual(
    failed.map(({ ok, step }) => [step, ok]),
    [['Connection', false]],
  );
});

test('a vendor with another key is refused, and the service stays down until it is started anew', async () => {
  const key = (fill: number) => ({
    key: `FidCrypt0S|${Buffer.alloc(16, fill).toString('base64')}`,
  });
  const ours = settingsOf({ authentication: key(1) });
  const theirs = settingsOf({ authentication: key(2) });
  const needs = { clock: standIn().host.clock, random: () => 0.5 };
  const vendor = fias.counterpart(theirs, needs);
  const agent = standIn({ host: rehearse(vendor) });
  const service = fias.start(ours, agent.host);
  const isRefused = () => agent.logs.some((text) => text.startsWith('error FIAS: the vendor has'));
  await agent.until('it is refused', () => isRefused() && agent.talks.at(-1)?.at === 'down');
  assert.equal(agent.traces.filter((text) => text.startsWith('out LS')).length, 1);
  await service.close();
  vendor.close();
});

const NOISE = ['PS', 'PR', 'RE', 'LS', 'LD', 'LR', 'LA', 'KA', 'DR', 'XC', 'XM', 'GI', 'WR', 'zz'];
test(`a vendor that sends anything at all does not stop the service (seed ${seed})`, async () => {
  const random = randomFrom(seed);
  await using it = await system({ at: 'tcp-client' });
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const anything = (): string =>
    String.fromCharCode(...Array.from({ length: random() * 9 }, () => 0x20 + random() * 0xdf));
  const runs = IS_LONG ? 200_000 : 2_000;
  for (let run = 0; run < runs; run += 1) {
    const fields = Array.from(
      { length: random() * 8 },
      () => [pick(['RN', 'G#', 'PT', 'TA', 'DA', 'RI', 'FL', 'AS', 'P#']), anything()] as const,
    );
    it.vendor.send(pick(NOISE), fields);
    if (run % 500 === 0) await sleep(1);
  }
  // It still hears, whatever description it was left with.
  const last = it.vendor.heard.at(-1);
  it.vendor.send('LS', []);
  // The vendor remembers so many lines and no more: their count does not tell.
  await it.agent.until('it answers', () => it.vendor.heard.at(-1) !== last);
});

test('settings are judged with all that is wrong with them', () => {
  const wrong = fias.parse({
    line: { kind: 'tcp-server', port: 80, from: [] },
    codePage: 'klingon',
    encoders: [{ name: 'Desk', identifier: 'much too long' }],
    authentication: { key: 'x' },
    keys: { seconds: 1 },
    unknown: true,
  });
  assert.ok(!wrong.ok);
  const fields = wrong.problems.map(({ field }) => field);
  for (const field of ['line.port', 'line.from', 'codePage', 'encoders.0.identifier', 'unknown'])
    assert.ok(fields.includes(field), field);
  assert.ok(fields.includes('authentication.key') && fields.includes('keys.seconds'));
  const twice = [
    { name: 'A', identifier: '1' },
    { name: 'B', identifier: '1' },
  ];
  assert.ok(!fias.parse({ line: settingsOf().line, encoders: twice }).ok);
  const serial = { kind: 'serial', device: '/dev/ttyS0', flow: 'software' };
  assert.ok(!fias.parse({ line: serial }).ok);
  assert.deepEqual(fias.needs(settingsOf()), [
    { need: 'listen', port: 5_001, from: ['127.0.0.1'] },
  ]);
});
