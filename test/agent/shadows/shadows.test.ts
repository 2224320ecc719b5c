// A shadow against a cloud of hand-made answers: differences, hints, losses, refusals, junk; and settings.
import assert from 'node:assert/strict';
import { afterEach, test, mock } from 'node:test';
import { createLog } from '../../../agent/core/log.ts';
import { judgeSettings } from '../../../agent/shadows/config.ts';
import { ANSWER_MS_MAX, LOOK_MS } from '../../../agent/shadows/limits.ts';
import type { State } from '../../../agent/shadows/ports.ts';
import { createShadow } from '../../../agent/shadows/run.ts';
import type { ShadowRunner } from '../../../agent/shadows/run.ts';
import { difference, parseDocument } from '../../../agent/shadows/wire.ts';
import { randomFrom, testSeed } from '../random.ts';

const PREFIX = '$aws/things/t/shadow/name/unit';

class Played {
  readonly sent: { verb: string; body: Record<string, unknown> }[] = [];
  readonly desired: State[] = [];
  readonly lines: string[] = [];
  report: State = { a: 1 };
  isConnected = true;
  isCardBad = false;
  random = 0.5;
  readonly shadow: ShadowRunner;

  constructor(random = 0.5) {
    this.random = random;
    mock.timers.enable({ apis: ['setTimeout'] });
    this.shadow = createShadow({
      thing: 't',
      owner: {
        name: 'unit',
        report: () => this.report,
        desire: async (desired) => {
          if (this.isCardBad) throw Object.assign(new Error('no'), { code: 'disk-full' });
          this.desired.push(desired);
        },
      },
      send: (topic, body) => {
        if (!this.isConnected) return false;
        const verb = topic.slice(PREFIX.length + 1);
        this.sent.push({ verb, body: body as Record<string, unknown> });
        return true;
      },
      random: () => this.random,
      log: createLog((line) => this.lines.push(line)),
    });
  }

  async hear(answer: string, body: object | string): Promise<void> {
    const payload = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    await this.shadow.remote.receive({ topic: `${PREFIX}/${answer}`, payload });
    // Documents are taken one after the other.
    for (let i = 0; i < 8; i += 1) await Promise.resolve();
  }

  get last(): { verb: string; body: Record<string, unknown> } {
    return this.sent.at(-1)!;
  }

  /** Answers what was asked last. */
  async answer(answer: string, body: object = {}): Promise<void> {
    await this.hear(answer, { ...body, clientToken: this.last.body['clientToken'] });
  }
}
afterEach(() => mock.timers.reset());

test('connected, it asks first, then reports what differs, and nothing more', async () => {
  const played = new Played();
  played.shadow.look();
  assert.deepEqual(played.sent, [], 'not connected');
  played.shadow.remote.up();
  assert.equal(played.last.verb, 'get');
  const state = { desired: { x: 1 }, reported: { a: 2, gone: true } };
  await played.answer('get/accepted', { state, version: 7 });
  assert.deepEqual(played.desired, [{ x: 1 }]);
  assert.deepEqual(played.last.body['state'], { reported: { a: 1, gone: null } });
  await played.answer('update/accepted');
  mock.timers.tick(LOOK_MS);
  assert.equal(played.sent.length, 2);
  played.report = { a: 1, b: { c: 3 } };
  mock.timers.tick(LOOK_MS);
  assert.deepEqual(played.last.body['state'], { reported: { b: { c: 3 } } });
});

test('without a shadow yet (404) everything is reported', async () => {
  const played = new Played();
  played.shadow.remote.up();
  await played.answer('get/rejected', { code: 404, message: 'No shadow exists' });
  assert.deepEqual(played.last.body['state'], { reported: { a: 1 } });
});

test('a delta is a hint, whatever it says; a storm of them is one question more', async () => {
  const played = new Played();
  played.shadow.remote.up();
  for (let i = 0; i < 50; i += 1)
    await played.hear('update/delta', { state: { x: i }, version: i });
  assert.equal(played.sent.length, 1);
  await played.answer('get/accepted', { state: { reported: { a: 1 } } });
  assert.equal(played.sent.length, 2);
  await played.answer('get/accepted', { state: { reported: { a: 1 }, desired: { x: 49 } } });
  assert.deepEqual(played.desired, [{}, { x: 49 }]);
  assert.equal(played.sent.length, 2);
});

test('answers to others, of an earlier connection, and junk change nothing', async () => {
  const played = new Played();
  played.shadow.remote.up();
  const old = played.last.body['clientToken'];
  played.shadow.remote.down();
  played.shadow.remote.up();
  const document = { state: { desired: { evil: 1 } } };
  await played.hear('get/accepted', { ...document, clientToken: old });
  await played.hear('get/accepted', { ...document, clientToken: 'another' });
  await played.hear('get/accepted', document);
  for (const junk of ['', 'null', '[]', '{"state":[]}', '{"state":{"desired":"x"}}', '\u0000']) {
    for (const answer of ['get/accepted', 'get/rejected', 'update/accepted', 'update/rejected']) {
      await played.hear(answer, junk);
    }
  }
  assert.deepEqual(played.desired, []);
  assert.equal(played.sent.length, 2);
  const body = JSON.stringify({ state: {}, pad: 'x'.repeat(200_000) });
  assert.equal(parseDocument(Buffer.from(body)), undefined, 'too large');
});

test('an answer that is lost is asked for again, later and later; a throttled one too', async () => {
  const played = new Played();
  played.shadow.remote.up();
  mock.timers.tick(ANSWER_MS_MAX);
  assert.equal(played.sent.length, 1, 'not at once');
  mock.timers.tick(3_000);
  assert.equal(played.sent.length, 2);
  await played.answer('get/rejected', { code: 429, message: 'Throttled' });
  mock.timers.tick(10_000);
  assert.equal(played.sent.length, 3);
  assert.equal(played.lines.length, 1, 'said once');
});

test('what could not be taken over is asked for again, and nobody is told that it was', async () => {
  const played = new Played();
  played.isCardBad = true;
  played.shadow.remote.up();
  await played.answer('get/accepted', { state: { desired: { x: 1 }, reported: { a: 2 } } });
  assert.deepEqual(played.last.body['state'], { reported: { a: 1 } }, 'it reports all the same');
  await played.answer('update/accepted');
  let isApplied = false;
  void played.shadow.apply().then(() => (isApplied = true));
  await played.answer('get/accepted', { state: { desired: { x: 1 }, reported: { a: 1 } } });
  assert.equal(isApplied, false);
  const sent = played.sent.length;
  played.isCardBad = false;
  mock.timers.tick(10_000);
  assert.equal(played.sent.length, sent + 1);
  await played.answer('get/accepted', { state: { desired: { x: 1 }, reported: { a: 1 } } });
  assert.deepEqual(played.desired, [{ x: 1 }]);
  assert.equal(isApplied, true);
  assert.equal(played.lines.length, 1, 'said once');
});

test('an answer that an earlier process asked for is none to this one', async () => {
  const before = new Played();
  before.shadow.remote.up();
  const old = before.last.body['clientToken'];
  mock.timers.reset();
  const played = new Played(0.25);
  played.shadow.remote.up();
  await played.hear('get/accepted', { state: { desired: { x: 'old' } }, clientToken: old });
  assert.deepEqual(played.desired, []);
  await played.answer('get/accepted', { state: { desired: { x: 'new' } } });
  assert.deepEqual(played.desired, [{ x: 'new' }]);
});

test('a report that the cloud cannot take is not sent again until it is another one', async () => {
  const played = new Played();
  played.shadow.remote.up();
  await played.answer('get/accepted', { state: {} });
  await played.answer('update/rejected', { code: 413, message: 'The payload exceeds' });
  for (let i = 0; i < 10; i += 1) mock.timers.tick(LOOK_MS);
  assert.equal(played.sent.length, 2);
  played.report = { a: 2 };
  mock.timers.tick(LOOK_MS);
  assert.equal(played.sent.length, 3);
  await played.answer('update/accepted');
  played.report = { a: 'x'.repeat(10_000) };
  for (let i = 0; i < 10; i += 1) mock.timers.tick(LOOK_MS);
  assert.equal(played.sent.length, 3, 'too large is not even tried');
});

test('a difference, merged, makes one state into the other', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const make = (depth: number): State => {
    const keys = Array.from({ length: below(4) }, () =>
      'abcd__proto__'.slice(below(4)).slice(0, 9),
    );
    const value = (): unknown =>
      depth > 0 && below(2) === 0 ? make(depth - 1) : [1, 'x', true, [1, 2], below(3)][below(5)];
    return Object.fromEntries(keys.map((key) => [key, value()]));
  };
  const merge = (into: State, changes: State): State => {
    const result = new Map(Object.entries(into));
    for (const [key, value] of Object.entries(changes)) {
      const old = result.get(key);
      const isObject = (one: unknown): one is State =>
        typeof one === 'object' && one !== null && !Array.isArray(one);
      if (value === null) result.delete(key);
      else result.set(key, isObject(value) && isObject(old) ? merge(old, value) : value);
    }
    return Object.fromEntries(result);
  };
  for (let i = 0; i < 5_000; i += 1) {
    const [wanted, known] = [make(3), make(3)];
    const changes = difference(wanted, known);
    assert.deepEqual(changes === undefined ? known : merge(known, changes), wanted);
  }
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test('settings: what is right is in force, what is not is refused by name', () => {
  assert.deepEqual(judgeSettings({ aliveSeconds: 60 }), {
    settings: { aliveSeconds: 60 },
    refused: {},
  });
  const { settings, refused } = judgeSettings({ aliveSeconds: 0, volume: 11 });
  assert.deepEqual(settings, {});
  assert.match(String(refused['aliveSeconds']), />=10/);
  assert.equal(refused['volume'], 'no such setting');
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i]));
  assert.equal(Object.keys(judgeSettings(many).refused).length, 10);
});
