// Call records from an exchange over TCP, either end, and a serial line: each stored once, none given up before.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { EventOf } from '../../../../agent/core/vocabulary.ts';
import type { CallSettings } from '../../../../agent/interfaces/calls/config.ts';
import { playPbx, someCall } from '../../../../agent/interfaces/calls/counterpart.ts';
import type { Pbx } from '../../../../agent/interfaces/calls/counterpart.ts';
import { HELD_MAX } from '../../../../agent/interfaces/calls/limits.ts';
import { calls } from '../../../../agent/interfaces/calls/run.ts';
import { rehearse } from '../../../../agent/core/line/rehearsal.ts';
import { systemClock } from '../../../../agent/io/clock.ts';
import { behind } from '../../../bench/systems/behind.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import type { StandIn } from '../../../bench/systems/stand-in.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { COLUMNS, FAST, HOBIC, HX, parsed } from './settings.ts';

const seed = testSeed();
after(() => console.log(`seed ${seed}`));
const needs = { clock: systemClock, random: randomFrom(seed) };
const ALL = { incoming: true, internal: true, unanswered: true };
const LOGIN = { user: 'clock', password: 'secret', userPrompt: 'Login: ' };

const pbxOf = (settings: CallSettings, resendMs?: number): Pbx =>
  playPbx(settings, needs, resendMs === undefined ? {} : { resendMs });
const playSome = (pbx: Pbx, settings: CallSettings, count: number): void => {
  for (let n = 0; n < count; n += 1) {
    // Each one another, to the minute of HOBIC.
    pbx.play({ ...someCall(needs, settings), line: String(n % 1_000), impulses: n % 100_000 });
  }
};
const recorded = (agent: StandIn): EventOf<'call.recorded'>[] =>
  agent.events.filter((event) => event.kind === 'call.recorded');
const countOf = (agent: StandIn, name: string): number => agent.counts.get(name) ?? 0;

/** Ends with the test, also with one that fails. */
function begun(settings: CallSettings, agent: StandIn): AsyncDisposable {
  const running = calls.start(settings, agent.host);
  return { [Symbol.asyncDispose]: async () => running.close() };
}

/** In the process, for what needs no sockets. */
function played(settings: CallSettings, pbx: Pbx): StandIn & AsyncDisposable {
  const agent = standIn({ host: { openLine: rehearse(pbx).openLine } });
  const running = calls.start(settings, agent.host);
  return Object.assign(agent, {
    [Symbol.asyncDispose]: async () => {
      await running.close();
      pbx.close();
    },
  });
}

for (const [name, layout] of [
  ['fixed columns', COLUMNS],
  ['HOBIC HB', HOBIC],
  ['HOBIC HX', HX],
] as const) {
  test(`${name} over TCP: every call is recorded, with what the exchange said of it`, async () => {
    const pbx = pbxOf(parsed({ layout }));
    await using system = await behind(pbx, { at: 'tcp-server' });
    const line = { kind: 'tcp-client', host: system.host, port: system.port, reconnect: FAST };
    const settings = parsed({ line, layout, take: ALL });
    const agent = standIn();
    await using running = begun(settings, agent);
    assert.ok(running);
    playSome(pbx, settings, 50);
    await agent.until('50 calls', () => countOf(agent, 'calls') === 50);
    for (const [i, { extension, dialled }] of recorded(agent).entries()) {
      assert.deepEqual([extension, dialled], [pbx.calls[i]!.extension, pbx.calls[i]!.dialled]);
    }
    assert.ok(agent.traces.every((text) => !/0049891234567|0888123456/.test(text)));
    assert.equal(countOf(agent, 'damaged'), 0);
  });
}

test('the exchange dials, logs nothing, is unplugged: calls made meanwhile come when it is back', async () => {
  const probe = await behind(pbxOf(parsed({})), { at: 'tcp-server' });
  const { port } = probe;
  await probe[Symbol.asyncDispose]();
  const line = { kind: 'tcp-server', port, from: ['127.0.0.1'] };
  const settings = parsed({ line, take: ALL });
  const pbx = pbxOf(settings);
  const agent = standIn();
  await using running = begun(settings, agent);
  assert.ok(running);
  await using system = await behind(pbx, { at: 'tcp-client', port });
  await agent.until('up', () => agent.talks.at(-1)?.at === 'up');
  playSome(pbx, settings, 3);
  await agent.until('three', () => countOf(agent, 'calls') === 3);
  await system.unplug();
  await agent.until('down', () => agent.talks.at(-1)?.at === 'down');
  playSome(pbx, settings, 4);
  await system.plug();
  await agent.until('seven', () => countOf(agent, 'calls') === 7);
});

test('a serial line', async () => {
  const settings = parsed({ layout: HX, take: ALL });
  // What is sent before the port is open is lost, and sent again.
  const pbx = pbxOf(settings, 300);
  await using system = await behind(pbx, { at: 'pty' });
  // Made by the test, and so not one of the names that a form takes.
  const serial = parsed({
    layout: HX,
    line: { kind: 'serial', device: '/dev/ttyUSB0', reconnect: FAST },
  });
  const line = {
    ...(serial.line as Extract<CallSettings['line'], { kind: 'serial' }>),
    device: system.device,
  };
  const agent = standIn();
  await using running = begun({ ...serial, line }, agent);
  assert.ok(running);
  playSome(pbx, settings, 20);
  await agent.until('20 calls', () => countOf(agent, 'calls') + countOf(agent, 'left out') === 20);
});

test('user and password: let in, or told that they are wrong', async () => {
  const login = parsed({ login: LOGIN });
  await using agent = played(parsed({ login: LOGIN, take: ALL }), pbxOf(login));
  await agent.until('up', () => agent.talks.at(-1)?.at === 'up');
  assert.deepEqual(
    agent.talks.map(({ at }) => at),
    ['joining', 'up'],
  );
  assert.ok(!agent.traces.join().includes('secret'));
  for (const wrong of [
    { ...LOGIN, password: 'x' },
    { ...LOGIN, user: 'x' },
  ]) {
    await using other = played(parsed({ login: wrong }), pbxOf(login));
    const isTold = (): boolean =>
      other.talks.some((talk) => talk.at === 'down' && /user or password is wrong/.test(talk.why));
    await other.until('told', isTold);
  }
  const { user: without, ...only } = LOGIN;
  assert.equal(without, 'clock');
  await using third = played(parsed({ login: only }), pbxOf(parsed({ login: only })));
  await third.until('up', () => third.talks.at(-1)?.at === 'up');
});

test('while the agent is away records wait, and an HX record is answered only when it is stored', async () => {
  const settings = parsed({ layout: HX, take: ALL });
  const pbx = pbxOf(settings, 30);
  await using agent = played(settings, pbx);
  const keys = new Set<string>();
  agent.verdict = (event) => {
    // A record may be on its way again while its answer is: the agent knows it.
    const isRepeat = 'key' in event && keys.has(event.key);
    if ('key' in event) keys.add(event.key);
    return { ok: true, isRepeat };
  };
  agent.isAway = true;
  playSome(pbx, settings, 2);
  await agent.until('it waits', () =>
    agent.traces.some((text) => /waits for the agent/.test(text)),
  );
  assert.equal(pbx.waiting, 2);
  assert.equal(agent.events.length, 0);
  agent.isAway = false;
  await agent.until('stored', () => countOf(agent, 'calls') === 2 && pbx.waiting === 0);
  assert.equal(keys.size, 2);
});

test('an answer that was lost: the record comes again, and is the same', async () => {
  const settings = parsed({ layout: HX, take: ALL });
  const pbx = pbxOf(settings);
  await using system = await behind(pbx, { at: 'tcp-server' });
  const line = { kind: 'tcp-client', host: system.host, port: system.port, reconnect: FAST };
  const agent = standIn();
  const seen = new Set<string>();
  agent.verdict = (event) => {
    if (event.kind !== 'call.recorded') return { ok: true, isRepeat: false };
    const isRepeat = seen.has(event.key);
    seen.add(event.key);
    // Stored, and the cable is pulled before the answer.
    if (!isRepeat) return system.unplug().then(() => ({ ok: true, isRepeat: false }));
    return { ok: true, isRepeat: true };
  };
  await using running = begun(parsed({ layout: HX, line, take: ALL }), agent);
  assert.ok(running);
  playSome(pbx, settings, 1);
  await agent.until('stored', () => seen.size === 1 && agent.talks.at(-1)?.at === 'down');
  await system.plug();
  await agent.until('again', () => countOf(agent, 'repeats') === 1 && pbx.waiting === 0);
  assert.equal(seen.size, 1);
});

test('what the agent does not take for good is given up, what it takes later is tried again', async () => {
  const settings = parsed({ take: ALL });
  const pbx = pbxOf(settings);
  await using agent = played(settings, pbx);
  const verdicts = [
    { ok: false, why: 'wrong' },
    { ok: false, why: 'later' },
  ] as const;
  let asked = 0;
  agent.verdict = () => verdicts[asked++] ?? { ok: true, isRepeat: false };
  playSome(pbx, settings, 2);
  await agent.until('both', () => countOf(agent, 'refused') === 1 && countOf(agent, 'calls') === 1);
  assert.equal(agent.events.length, 3);
});

test('the same line twice: one call, or two where the settings count them', async () => {
  const text = '01/03/26 10:54 7110  00:01:35 0049891234567        12      3.47     7 O';
  for (const [twins, count] of [
    ['once', 1],
    ['count', 2],
  ] as const) {
    const settings = parsed({ layout: { ...COLUMNS, twins } });
    const pbx = pbxOf(settings);
    await using agent = played(settings, pbx);
    pbx.playText(text);
    pbx.playText(text);
    await agent.until('both', () => agent.events.length === 2);
    assert.equal(new Set(recorded(agent).map(({ key }) => key)).size, count);
  }
});

test('too many wait: the line is dropped, what is lost is counted, and it goes on', async () => {
  const settings = parsed({ take: ALL });
  const pbx = pbxOf(settings);
  await using agent = played(settings, pbx);
  agent.isAway = true;
  await agent.until('up', () => agent.talks.at(-1)?.at === 'up');
  playSome(pbx, settings, HELD_MAX + 10);
  await agent.until('dropped', () => agent.talks.at(-1)?.at === 'down');
  const lost = countOf(agent, 'lost');
  assert.ok(lost > 0 && lost <= 10, String(lost));
  assert.ok(agent.logs.some((text) => text.startsWith('warning calls:')));
  agent.isAway = false;
  await agent.until('what waits', () => countOf(agent, 'calls') === HELD_MAX);
  await agent.until('up again', () => agent.talks.at(-1)?.at === 'up');
  playSome(pbx, settings, 5);
  await agent.until('the next', () => countOf(agent, 'calls') === HELD_MAX + 5);
});

test('records in any pieces, with noise between them', async () => {
  for (const layout of [COLUMNS, HX]) {
    const settings = parsed({ layout, take: ALL });
    const pbx = pbxOf(settings);
    const open = pbx.connect!;
    // One byte at a time.
    const slow: Pbx = {
      ...pbx,
      connect: (send, end) =>
        open((bytes) => {
          for (const byte of bytes) send(Buffer.of(byte));
        }, end),
    };
    await using agent = played(settings, slow);
    playSome(pbx, settings, 5);
    pbx.playText('#####');
    playSome(pbx, settings, 5);
    await agent.until('ten', () => countOf(agent, 'calls') === 10);
    assert.equal(countOf(agent, 'not understood'), 1);
  }
});

test('the test tells how far it came', async () => {
  const settings = parsed({ login: LOGIN });
  const tried = async (pbx: Pbx, of = settings, isTaken = true): Promise<string[]> => {
    const agent = standIn({ host: { openLine: rehearse(pbx).openLine } });
    if (!isTaken) agent.verdict = () => ({ ok: false, why: 'later' });
    const steps = await calls.test(of, agent.host, new AbortController().signal);
    pbx.close();
    return steps.map(({ step, ok, text }) => `${step} ${ok} ${text}`);
  };
  const simulated = calls.counterpart(settings, needs) as Pbx;
  simulated.playText('01/03/26 10:54 7110  00:01:35 0049891234567');
  assert.deepEqual(await tried(simulated), [
    'connect true with simulator',
    'record true a call came that the settings leave out',
  ]);
  for (const [isTaken, text] of [
    [true, 'record true a call was recorded'],
    [false, 'record true a call came and was read; the agent has not taken it'],
  ] as const) {
    const playing = pbxOf(parsed({ layout: HX }));
    playSome(playing, parsed({ layout: HX }), 1);
    assert.equal((await tried(playing, parsed({ layout: HX, take: ALL }), isTaken))[1], text);
  }
  const other = pbxOf(settings);
  other.playText('hello');
  assert.match((await tried(other))[1] ?? '', /^record false .*do not fit/);
  const wrong = parsed({ login: { ...LOGIN, password: 'x' } });
  assert.match((await tried(pbxOf(settings), wrong))[0] ?? '', /^connect false/);
});
