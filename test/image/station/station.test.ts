// What is chosen at the station, and who may open its page.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import { LANGUAGES } from '../../../agent/page/texts/shape.ts';
import { OperatorError } from '../../../image/core/errors.ts';
import { differs, faultOf, lies, stalled } from '../../../image/card/faults.ts';
import { renderStation } from '../../../image/station/html.ts';
import { openStation } from '../../../image/station/page.ts';
import { reasonIn } from '../../../image/station/reasons.ts';
import { Station } from '../../../image/station/station.ts';
import { texts } from '../../../image/station/texts.ts';
import { NeedsDouble, SERIAL, cardAt, labelPdf } from './needs.ts';

test('a card that was there before is written by its button only, one put in later by itself', () => {
  const needs = new NeedsDouble();
  const station = new Station(needs);
  needs.insert('/dev/sdb');
  station.choose('A-17');
  station.look();
  assert.deepEqual(needs.written, [], 'nothing is written before it is switched on');
  station.setAutomatic(true);
  station.look();
  assert.deepEqual(needs.written, [], 'the card that was there may be somebody’s');
  needs.insert('/dev/sdc');
  station.look();
  assert.deepEqual(needs.written, [{ device: '/dev/sdc', order: 'A-17' }]);
  needs.takeOut('/dev/sdb');
  station.look();
  needs.insert('/dev/sdb');
  station.look();
  assert.deepEqual(needs.written[1], { device: '/dev/sdb', order: 'A-17' }, 'put in again');
  for (const holds of ['ours', 'unreadable', 'looking'] as const) {
    needs.insert(`/dev/${holds}`, holds);
    station.look();
    station.write('all');
    assert.equal(needs.written.length, 2, `what is ${holds} is written by its own button only`);
  }
});

test('what lay there when it was switched on is not written when it was looked at, or unmounted', () => {
  const needs = new NeedsDouble();
  const station = new Station(needs);
  needs.insert('/dev/sdb', 'looking');
  const reason = { code: 'card-mounted', text: 'mounted', hint: '' };
  needs.slots.push({ is: 'refused', card: cardAt('/dev/sdc'), reason });
  station.setAutomatic(true);
  station.look();
  needs.slots.length = 0;
  needs.insert('/dev/sdb');
  needs.insert('/dev/sdc');
  station.look();
  assert.deepEqual(needs.written, []);
});

test('a ledger that is busy leaves the page as it was, and says so until it is read again', () => {
  const needs = new NeedsDouble();
  const station = new Station(needs);
  station.choose('A-17');
  needs.ledgerFault = new OperatorError('ledger-busy', 'Another one holds it', { hint: 'Wait' });
  const { chosen, notice } = station.model();
  assert.equal(chosen?.name, 'A-17');
  assert.equal(notice?.say === 'error' && notice.reason.code, 'ledger-busy');
  needs.ledgerFault = undefined;
  assert.equal(station.model().notice, undefined);
});

test('a finished unit, and a card that cannot be read, have no key: a tick and a button', () => {
  const needs = new NeedsDouble();
  needs.insert('/dev/sdb', 'ours');
  needs.insert('/dev/sdc', 'unreadable');
  needs.insert('/dev/sdd', 'looking');
  needs.slots[0] = { is: 'found', card: { ...cardAt('/dev/sdb'), unit: SERIAL }, holds: 'ours' };
  const html = renderStation(new Station(needs).model(), 'en');
  assert.match(html, new RegExp(`A finished unit[^]*${SERIAL}[^]*name="sure"`));
  assert.match(html, /A finished unit\.[^]*name="sure"[^]*required[^]*value="\/dev\/sdb">Write</);
  assert.match(html, /Cannot be read\.[^]*name="sure"[^]*value="\/dev\/sdc">Write</);
  assert.doesNotMatch(html, /value="\/dev\/sdd"|data-key="[0-9]"/);
});

test('a card that is refused is tried once, and the page says why', () => {
  const needs = new NeedsDouble();
  const station = new Station(needs);
  station.setAutomatic(true);
  needs.refusal = new OperatorError('no-claim', 'There is no claim', { hint: 'Give --claim DIR' });
  needs.insert('/dev/sdb');
  station.look();
  assert.deepEqual(station.model().notice, {
    say: 'error',
    reason: { code: 'no-claim', text: 'There is no claim', hint: 'Give --claim DIR' },
  });
  needs.refusal = undefined;
  station.look();
  assert.deepEqual(needs.written, []);
  station.write('/dev/sdb');
  assert.equal(needs.written.length, 1);
  assert.equal(station.model().notice, undefined);
});

test('an order that is not there leaves the chosen one, and is named', () => {
  const station = new Station(new NeedsDouble());
  station.choose(' A-17 ');
  station.choose('A-71');
  const { chosen, notice } = station.model();
  assert.equal(chosen?.name, 'A-17');
  assert.deepEqual(notice, { say: 'unknown-order', order: 'A-71' });
  station.choose('');
  assert.equal(station.model().chosen, undefined);
});

test('a card that was not written says why, and keeps its button, or its tick', () => {
  const needs = new NeedsDouble();
  const reason = { code: 'order-finished', text: 'No unit waits', hint: 'See the list' };
  needs.slots.push(
    { is: 'found', card: cardAt('/dev/sdb'), holds: 'new', reason },
    { is: 'found', card: cardAt('/dev/sdc'), holds: 'ours', reason },
  );
  const station = new Station(needs);
  const html = renderStation(station.model(), 'en');
  assert.match(
    html,
    /Not written[^]*No unit waits[^]*See the list[^]*value="\/dev\/sdb" data-key="1"/,
  );
  assert.match(html, /Not written[^]*A finished unit[^]*name="sure"[^]*value="\/dev\/sdc">Write</);
  assert.match(html, /role="status"[^>]*>\/dev\/sdb: Not written[^<]*\/dev\/sdc: Not written/);
  station.setAutomatic(true);
  station.look();
  station.write('all');
  assert.deepEqual(needs.written, [], 'neither is tried again by itself');
});

test('a port that is taken is named, with what to do', async () => {
  const make = (port: number) =>
    openStation({ station: new Station(new NeedsDouble()), labelPdf, port, onError: () => {} });
  await using first = await make(0);
  await assert.rejects(make(Number(new URL(first.address).port)), {
    code: 'port-busy',
    message: /is in use/,
  });
});

test('what befalls a card is said in the language of the page, with the flasher’s own words below', () => {
  const said = (code: string): object | undefined => reasonIn('bg', code);
  const faults = ['ENXIO', 'EIO', 'EROFS', 'EACCES', 'EBUSY'].map((code) =>
    faultOf(Object.assign(new Error(code), { code }), 'writing'),
  );
  for (const error of [...faults, lies(32e9, 2e9), differs(1), stalled('writing', 60_000)]) {
    assert.ok(error instanceof OperatorError);
    assert.ok(said(error.code), error.code);
  }
  const needs = new NeedsDouble();
  needs.insert('/dev/sdb');
  needs.show('/dev/sdb', { phase: 'bad', reason: { code: 'card-lies', text: '2 GB', hint: 'x' } });
  const html = renderStation(new Station(needs).model(), 'fr');
  assert.match(html, /contrefaite[^]*jetez-la[^]*lang="en">2 GB</);
  assert.match(renderStation(new Station(needs).model(), 'en'), /<p>2 GB<\/p>/);
});

test('every language fills in the same values, and no name becomes markup', () => {
  const places = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const language of LANGUAGES) {
    for (const [key, text] of Object.entries(texts[language]))
      assert.deepEqual(places(text), places(texts.en[key as 'title']), `${language} ${key}`);
  }
  const needs = new NeedsDouble();
  needs.insert('/dev/sdb');
  needs.order.push({ name: '"><script>', wanted: 1, done: 0 });
  const html = renderStation(new Station(needs).model(), 'en');
  assert.doesNotMatch(html, /<script>|<b>/);
  assert.match(html, /value="&quot;&gt;&lt;script&gt;"/);
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function ask(
  url: URL,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text }),
      );
    });
    sent.on('error', reject).end(body);
  });
}

test('the page is for who has the token of this start, by its own name and from its own forms', async () => {
  const needs = new NeedsDouble();
  const station = new Station(needs);
  const faults: unknown[] = [];
  await using open = await openStation({
    station,
    labelPdf,
    port: 0,
    onError: (e) => faults.push(e),
  });
  const address = new URL(open.address);
  const at = (path: string): URL => new URL(path, address);
  assert.equal((await ask(at('/'))).status, 403);
  assert.equal((await ask(at('/open?token=wrong'))).status, 403);
  const opened = await ask(address);
  assert.equal(opened.status, 303);
  const [set = ''] = opened.headers['set-cookie'] as string[];
  assert.match(set, /httponly/i);
  assert.match(set, /samesite=strict/i);
  const Cookie = set.split(';', 1)[0]!;
  const page = await ask(at('/'), { headers: { Cookie } });
  assert.equal(page.status, 200);
  assert.doesNotMatch(page.body, new RegExp(address.searchParams.get('token')!));
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/);
  assert.equal((await ask(at('/'), { headers: { Cookie, Host: 'evil.example' } })).status, 421);
  const post = (path: string, body: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> =>
    ask(at(path), { method: 'POST', body, headers: { Cookie, ...headers } });
  for (const headers of [
    { 'Sec-Fetch-Site': 'cross-site' },
    { Origin: 'http://evil.example' },
    { Origin: 'null' },
    { Cookie: '' },
  ])
    assert.equal((await post('/automatic', 'on=1', headers)).status, 403, JSON.stringify(headers));
  assert.equal(station.model().automatic, false);
  assert.equal((await post('/order', `order=${'x'.repeat(5_000)}`)).status, 413);
  assert.equal((await post('/nothing', '')).status, 404);
  assert.equal((await post('/order', 'order=A-17')).status, 303);
  assert.equal(station.model().chosen?.name, 'A-17');
  const label = await ask(at(`/label.pdf?serial=${SERIAL}`), { headers: { Cookie } });
  assert.equal(label.body, `%PDF ${SERIAL}`);
  assert.equal((await ask(at('/label.pdf?serial=../x'), { headers: { Cookie } })).status, 404);
  assert.deepEqual(faults, []);
});

test('nothing but the station is served, and nothing is done by an address alone', async () => {
  const needs = new NeedsDouble();
  needs.insert('/dev/sdb');
  const onError = (): void => {};
  await using open = await openStation({ station: new Station(needs), labelPdf, port: 0, onError });
  const address = new URL(open.address);
  const at = (path: string): URL => new URL(path, address);
  const [set = ''] = (await ask(address)).headers['set-cookie'] as string[];
  const headers = { Cookie: set.split(';', 1)[0]! };
  for (const path of [
    ...['/station.ts', '/%2e%2e/page.ts', '/..%2fpage.ts', '/station.css/..%2f..%2fpackage.json'],
    ...['/write?device=/dev/sdb', '/automatic?on=1', '/__proto__', '/%00'],
  ])
    assert.equal((await ask(at(path), { headers })).status, 404, path);
  for (const method of ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'])
    assert.equal((await ask(at('/write?device=all'), { method, headers })).status, 404, method);
  const big = { ...headers, 'X-HTTP-Method-Override': 'POST' };
  assert.equal((await ask(at('/write?device=all'), { headers: big })).status, 404);
  const noCookie = await ask(at('/write'), { method: 'POST', body: 'x'.repeat(1_000_000) }).catch(
    () => ({ status: 403 }),
  );
  assert.equal(noCookie.status, 403);
  assert.deepEqual(needs.written, []);
  for (const path of ['/', '/station.js', '/nothing']) {
    const { headers: given } = await ask(at(path), { headers });
    assert.match(String(given['content-security-policy']), /frame-ancestors 'none'/, path);
    assert.equal(given['cache-control'], 'no-store', path);
    assert.equal(given['referrer-policy'], 'same-origin', path);
  }
});

test('a label that cannot be made says why and what to do', async () => {
  const error = new OperatorError('ledger-busy', 'Another station holds the ledger', {
    hint: 'Try again',
  });
  const faults: unknown[] = [];
  await using open = await openStation({
    station: new Station(new NeedsDouble()),
    labelPdf: () => Promise.reject(error),
    port: 0,
    onError: (fault) => faults.push(fault),
  });
  const address = new URL(open.address);
  const [set = ''] = (await ask(address)).headers['set-cookie'] as string[];
  const headers = { Cookie: set.split(';', 1)[0]! };
  const answer = await ask(new URL(`/label.pdf?serial=${SERIAL}`, address), { headers });
  assert.deepEqual(
    [answer.status, answer.body],
    [503, 'Another station holds the ledger\nTry again\n'],
  );
  assert.deepEqual(faults, []);
});
