// Answers that Clock never gives: whatever comes, a value or a refusal, in bounded time and memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorization, parseChallenge } from '../../../agent/pms/digest.ts';
import {
  SCHEMAS,
  cursorFrom,
  eventId,
  missingRight,
  parseAs,
  parseChannel,
  parseCursor,
  parseJson,
  query,
  refusalText,
} from '../../../agent/pms/wire.ts';
import { ANSWER_BYTES_MAX, TEXT_CHARS_MAX } from '../../../agent/pms/limits.ts';
import { decodeCredentials } from '../../bench/pms/digest.ts';
import { parseQuery } from '../../bench/pms/query.ts';
import { randomFrom, testSeed } from '../random.ts';
import { besideClock, openUser } from './world.ts';

const SEED = testSeed();
const ROUNDS = process.env['CLOCK_TEST_LONG'] === '1' ? 200_000 : 3_000;
const MIB = 1024 * 1024;

/** Any JSON value, often one that nearly fits. */
function anything(random: () => number, depth = 0): unknown {
  const pick = Math.floor(random() * (depth > 4 ? 8 : 11));
  const words = [
    '',
    'x',
    '2026-11-25',
    'Europe/Sofia',
    '//localhost/sub/x',
    '\u0000\ud800',
    '__proto__',
  ];
  const names = [
    'id',
    'name',
    'error',
    'time_zone',
    'revenu_date',
    'http_msg_channels',
    '__proto__',
  ];
  switch (pick) {
    case 0:
      return null;
    case 1:
      return random() < 0.5;
    case 2:
      return Math.floor(random() * 1e6);
    case 3:
      return (random() - 0.5) * 1e300;
    case 8:
      return Array.from({ length: Math.floor(random() * 6) }, () => anything(random, depth + 1));
    case 9:
    case 10:
      return Object.fromEntries(
        names.filter(() => random() < 0.5).map((name) => [name, anything(random, depth + 1)]),
      );
    default:
      return words[Math.floor(random() * words.length)];
  }
}

test(`whatever the answer, parsing gives a value or a reason (seed ${SEED})`, () => {
  const random = randomFrom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    const json = JSON.stringify(anything(random)) ?? 'null';
    const bytes = Buffer.from(json);
    // Broken in the middle, too.
    if (round % 3 === 0) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    const value = parseJson(bytes)?.value;
    for (const schema of Object.values(SCHEMAS)) {
      const parsed = parseAs(schema, value);
      if (!parsed.ok) assert.ok(parsed.text.length <= TEXT_CHARS_MAX);
    }
    const text = refusalText(bytes, 500);
    assert.ok(text.length > 0 && text.length <= TEXT_CHARS_MAX && !/\p{Cc}/u.test(text));
    assert.ok((missingRight(text)?.length ?? 0) <= 100);
    const id = eventId(bytes);
    assert.ok(id === undefined || (Number.isSafeInteger(id) && id > 0));
    parseCursor(json);
    parseChannel(json.slice(1, -1), 'sky-eu1.clock-software.test');
    parseChallenge(`Digest ${json}`);
  }
});

test('a challenge is answered so that Rails reads the same', () => {
  const challenge = parseChallenge(
    'Basic realm="x", Digest realm="API", qop="auth", algorithm=MD5, nonce="MTo=", opaque="ab"',
  );
  assert.ok(challenge !== undefined);
  const header = authorization(challenge, {
    ...{ user: 'unit-1', key: 'k', method: 'GET', count: 17, cnonce: 'ff' },
    target: `/pms_api/1/2/x.json${query([
      ['a.eq', 'b,c\'d"e'],
      ['n', ''],
    ])}`,
  });
  const read = decodeCredentials(header);
  assert.equal(read.get('uri'), '/pms_api/1/2/x.json?a.eq=b%2Cc%27d%22e&n');
  assert.deepEqual(
    [read.get('nc'), read.get('qop'), read.get('opaque')],
    ['00000011', 'auth', 'ab'],
  );
  for (const bad of [undefined, '', 'Digest', 'Digest realm="x"', 'Digest '.repeat(2_000)]) {
    assert.equal(parseChallenge(bad), undefined);
  }
});

test('query() is read by Clock as it was meant', () => {
  const random = randomFrom(SEED);
  for (let round = 0; round < 500; round += 1) {
    const value = String.fromCodePoint(
      ...Array.from({ length: 5 }, () => Math.floor(1 + random() * 0x2fff)),
    );
    assert.deepEqual(parseQuery(query([['a.eq', value]]).slice(1)).get('a.eq'), [value]);
  }
  assert.equal(
    query([
      ['id[]', '1'],
      ['closed_at.eq', ''],
    ]),
    '?id[]=1&closed_at.eq',
  );
});

test('a channel is of the account’s own domain, by HTTPS', () => {
  const near = 'sky-eu1.clock-software.test';
  assert.deepEqual(parseChannel('//httpush.clock-software.test/sub/a-7-door_key_new', near), {
    ...{ host: 'httpush.clock-software.test', port: 443, target: '/sub/a-7-door_key_new' },
  });
  for (const address of [
    ...[
      '//evil.test/sub/a',
      'http://httpush.clock-software.test/sub/a',
      '//clock-software.test.evil.test/x',
    ],
    ...[
      '//127.0.0.1/sub/a',
      '//u@httpush.clock-software.test/x',
      '//httpush.clock-software.test:0x50/a',
    ],
    ...['//evilclock-software.test/sub/a', '/sub/a', '', '//httpush.clock-software.test/a b'],
  ]) {
    assert.equal(parseChannel(address, near), undefined, address);
  }
});

test('a cursor goes into a header only if it can', () => {
  const modified = 'Wed, 25 Nov 2026 10:00:00 GMT';
  assert.deepEqual(cursorFrom({ 'last-modified': modified, etag: '3' }), {
    v: 1,
    modified,
    tag: '3',
  });
  for (const etag of ['a\r\nHost: x', 'é', 'x'.repeat(300)]) {
    assert.equal(cursorFrom({ 'last-modified': modified, etag }), undefined);
  }
  assert.equal(cursorFrom({ etag: '3' }), undefined);
});

test('answers that would fill the memory are refused early', async (t) => {
  await using beside = await besideClock({ limits: { callsPerSecondMax: 1_000 } });
  const { calls } = openUser(beside);
  await calls.rooms.all();
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  beside.pms.inject({ at: 'answer', do: 'huge', bytes: 300 * MIB, times: 1 });
  const huge = await calls.rooms.all();
  assert.ok(!huge.ok && huge.why === 'unknown' && huge.code === 'TOO_LARGE');
  const text = `[${'[],'.repeat((ANSWER_BYTES_MAX - 10) / 3)}[]]`;
  beside.pms.inject({ at: 'answer', do: 'replace', status: 200, text, times: 1 });
  assert.deepEqual(await calls.rooms.all(), { ok: false, why: 'malformed', text: 'no JSON' });
  beside.pms.inject({
    at: 'answer',
    do: 'replace',
    status: 200,
    text: '['.repeat(300_000),
    times: 1,
  });
  assert.deepEqual(await calls.rooms.all(), { ok: false, why: 'malformed', text: 'no JSON' });
  const mib = (process.memoryUsage().rss - before) / MIB;
  t.diagnostic(`${mib.toFixed(0)} MiB more`);
  assert.ok(mib < 100, `${mib} MiB more`);
});
