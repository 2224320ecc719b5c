// The systems in the hotel on the page: state, what to do where one is down, buttons, and nothing that breaks out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceView } from '../../../agent/core/services.ts';
import { INTERFACES } from '../../../agent/interfaces.ts';
import { renderPage } from '../../../agent/page/html.ts';
import { serviceText } from '../../../agent/page/services.ts';
import { LANGUAGES } from '../../../agent/page/texts/shape.ts';
import { renderReport, renderStatus } from '../../../agent/page/wire.ts';
import { well } from './model.ts';

const up: ServiceView = {
  ...{ id: 'pbx', interface: 'fias', title: 'FIAS', texts: undefined, version: 'built in' },
  process: { at: 'running', sinceMs: 0 },
  talk: { at: 'up', with: '10.1.0.7' },
  ...{ problems: [], lastInMs: 2_000, lastOutMs: undefined, counters: { postings: 3 } },
  ...{
    ageMs: 7_200_000,
    dueInMs: undefined,
    restarts: 0,
    lastEnd: undefined,
    waiting: 0,
    dropped: 0,
  },
  ...{ memoryBytes: 45 * 1024 ** 2, memoryBytesMax: 128 * 1024 ** 2 },
  ...{ reaches: ['listens on 5001 for 10.1.0.7'], ways: ['listen'], trial: undefined },
};
const page = (services: readonly ServiceView[]): string => renderPage({ ...well, services }, 'en');

test('a service that talks shows its peer, its traffic and its buttons', () => {
  const html = page([up]);
  assert.match(html, /pbx · FIAS/);
  assert.match(html, /connected: 10\.1\.0\.7/);
  assert.match(html, /<dt>Last received<\/dt><dd>2 seconds ago<\/dd>/);
  assert.match(html, /<dt>Last sent<\/dt><dd>nothing since it started<\/dd>/);
  assert.match(html, /postings 3/);
  assert.match(html, /formaction="\/test-service\?lang=en&amp;service=pbx"/);
  assert.match(html, /href="\/trace\.txt\?lang=en&amp;service=pbx"/);
  assert.doesNotMatch(html, /What to do<\/dt>[^]*pbx/);
});

test('what is down says what to do and who, by how the system is reached', () => {
  const down = { ...up, talk: { at: 'down', why: 'ECONNREFUSED' } } as const;
  for (const [ways, words] of [
    [['listen'], /set to connect to this unit’s address/],
    [['connect'], /address and port in its settings right .*Reason: refused/],
    [['device'], /cable or adapter plugged in/],
    [[], /Press “Test connection”/],
  ] as const) {
    const { remedy, mood } = serviceText({ ...down, ways }, 'en');
    assert.match(remedy!.text, words);
    assert.equal(mood, 'failed');
  }
  const wrong = { at: 'refused', why: 'line.port: not a port' } as const;
  const refused = serviceText({ ...up, process: wrong }, 'en');
  assert.match(refused.remedy!.text, /Correct the settings .* line\.port: not a port/);
  assert.equal(refused.canTest, false);
  const parked = { at: 'parked', sinceMs: 0, why: 'exit code 1' } as const;
  assert.equal(serviceText({ ...up, process: parked }, 'en').remedy!.who, 'Clock support');
  assert.match(page([{ ...down }]), /Systems in the hotel that do not work: 1/);
});

test('since when it runs, what memory it takes, how often it ended and why: in plain words', () => {
  const rowsOf = (view: ServiceView): string => {
    const { rows } = serviceText(view, 'en');
    return rows.map((row) => row.join(': ')).join('\n');
  };
  assert.match(rowsOf(up), /Started: 2 hours ago/);
  assert.match(rowsOf(up), /Memory: 45 of 128 MB$/m);
  assert.doesNotMatch(rowsOf(up), /Ended by itself|Not kept/);
  assert.match(rowsOf({ ...up, dropped: 7 }), /Not kept: 7, the oldest/);
  const full = { ...up, memoryBytes: 120 * 1024 ** 2 };
  assert.match(rowsOf(full), /Memory: 120 of 128 MB: nearly all/);
  const lastEnd = { why: 'oom-kill', msAgo: 180_000 };
  const ended = { ...up, restarts: 8, lastEnd, memoryBytes: undefined };
  assert.match(rowsOf(ended), /Ended by itself: 8, the last 3 minutes ago: its memory was full/);
  const parked = { at: 'parked', sinceMs: 0, why: 'oom-kill' } as const;
  const rows = rowsOf({ ...ended, process: parked, ageMs: 180_000, dueInMs: 3_420_000 });
  assert.match(rows, /Given up: 3 minutes ago\nStarts again: in 57 minutes/);
  assert.doesNotMatch(rows, /Memory|Started/);
});

test('the title, the counters and the steps of a test are in the language of the page', async () => {
  const { texts } = await INTERFACES['fias']!();
  const steps = [{ step: 'Records that it wants', ok: true, text: 'GI' }];
  const trial = { how: 'test', msAgo: 1, outcome: { ok: true, steps } } as const;
  const german = serviceText({ ...up, texts, trial }, 'de');
  assert.equal(german.name, 'pbx · FIAS: Telefone, Schlösser, Minibars, Fernsehen');
  assert.match(german.rows.join(), /Buchungen 3/);
  assert.deepEqual(german.trial?.lines, ['✓ Sätze, die es will: GI']);
  // A package's are as it says them.
  assert.equal(serviceText(up, 'de').name, 'pbx · FIAS');
});

test('every state has its words in every language, also for support and programs', () => {
  const states: ServiceView['process'][] = [
    { at: 'off' },
    { at: 'refused', why: 'x' },
    { at: 'starting', sinceMs: 0 },
    { at: 'running', sinceMs: 0 },
    { at: 'waiting', dueMs: 0, why: 'x' },
    { at: 'parked', sinceMs: 0, why: 'x' },
    { at: 'testing' },
  ];
  for (const language of LANGUAGES) {
    for (const process of states) {
      const services = [{ ...up, process }];
      const { state } = serviceText(services[0]!, language);
      assert.ok(renderReport({ ...well, services }, language).includes(`[${state}] pbx`));
    }
  }
  const status = renderStatus({ ...well, services: [up] }, 'en') as { services: { id: string }[] };
  assert.equal(status.services[0]!.id, 'pbx');
});

test('what others typed cannot leave its place', () => {
  const evil = '<script>alert("x")</script>';
  const html = page([
    {
      ...{ ...up, title: evil, counters: { [evil]: 1 }, reaches: [evil] },
      talk: { at: 'down', why: evil },
      trial: {
        ...{ how: 'test', msAgo: 1 },
        outcome: { ok: true, steps: [{ step: evil, ok: false, text: evil }] },
      },
    },
  ]);
  assert.doesNotMatch(html, /<script>alert/);
  assert.match(html, /✕ &lt;script&gt;/);
});

test('the house and what needs a person stand above the systems', () => {
  const hotel = {
    ...{ asOfMs: well.wallMs - 60_000, rooms: 40, guests: 61, waiting: 2, problem: 'ETIMEDOUT' },
    open: [{ key: 'k', state: 'unknown', what: 'charge', text: '' }],
  } as const;
  const html = renderPage({ ...well, hotel }, 'en');
  assert.match(html, /rooms: 40, guests: 61, as of 1 minute ago/);
  assert.match(html, /2 on the way to Clock; no answer; 1 whose outcome is not known/);
});
