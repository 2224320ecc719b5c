// The page, the report and the status as text: verdict, remedies, escaping, plain words on overrides.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECK_IDS } from '../../../agent/diagnostics/results.ts';
import { renderPage } from '../../../agent/page/html.ts';
import { LANGUAGES } from '../../../agent/page/texts/shape.ts';
import { texts } from '../../../agent/page/language.ts';
import { renderReport, renderStatus, verdictText } from '../../../agent/page/wire.ts';
import type { PageModel } from '../../../agent/page/wire.ts';
import { connected } from '../diagnostics/hotel.ts';
import { well, withOutcomes } from './model.ts';

const port = (number: number) =>
  ({
    state: 'failed',
    notes: [{ say: 'port-closed', values: { host: 'h.test', port: number, why: 'ETIMEDOUT' } }],
    remedy: 'port',
    values: { port: number, hosts: '*.amazonaws.com' },
  }) as const;

test('the verdict is one sentence, in each language, about what must be done', () => {
  assert.equal(verdictText(well, texts.en).first, 'Everything works.');
  const one = withOutcomes({ 'aws-8883': port(8883) });
  assert.equal(verdictText(one, texts.de).first, 'Eine Prüfung ist fehlgeschlagen.');
  const two = withOutcomes({ 'aws-8883': port(8883), 'aws-443': port(443) });
  assert.equal(verdictText(two, texts.fr).first, '2 contrôles ont échoué.');
  const closed = withOutcomes({ 'clock-22': { state: 'not-needed', notes: [] } });
  assert.equal(verdictText(closed, texts.bg).mood, 'passed');
});

test('a failure stands on top with what to do and who must do it, as separate things', () => {
  const html = renderPage(withOutcomes({ 'aws-8883': port(8883) }), 'en');
  const task = /<article class="task failed" id="check-aws-8883">.*?<\/article>/s.exec(html)?.[0];
  assert.ok(task !== undefined);
  assert.match(task, /allow outbound TCP port 8883 to \*\.amazonaws\.com/);
  assert.match(task, /<strong class="who">Network administrator of the hotel<\/strong>/);
  assert.match(task, /h\.test, port 8883: no answer/);
  assert.ok(html.indexOf('id="check-aws-8883"') < html.indexOf('id="check-link"'));
});

test('a passing page asks for nothing', () => {
  assert.doesNotMatch(renderPage(well, 'en'), /class="task/);
});

test('whose unit it is: a code to be typed elsewhere, or the account; never in the status', () => {
  const code = { text: 'CFGH 3479', expiresInMs: 14 * 60_000 };
  const free = { ...connected.pairing, accounts: [], code };
  const model = { ...well, connection: { ...connected, pairing: free } };
  for (const language of LANGUAGES) {
    const html = renderPage(model, language);
    assert.match(html, /<p class="code">CFGH 3479<\/p><p class="said">[^<]*14 /);
    assert.doesNotMatch(html, /action="\/pair/, 'there is one already');
    assert.ok(html.indexOf('id="account"') < html.indexOf('id="check-link"'));
  }
  const told = JSON.stringify(renderStatus(model, 'en')) + renderReport(model, 'en');
  assert.doesNotMatch(told, /3479/);
  const paired = renderPage({ ...well, connection: connected }, 'en');
  assert.match(paired, /Clock PMS<\/dt><dd>42, sky-eu1\.clock-software\.test \(set up at the/);
  assert.match(paired, /action="\/pair/, 'a till may be paired too');
  assert.match(paired, /Hotel<\/dt><dd>Hotel Test, 2026-06-01, Europe\/Sofia/);
  const paused = { ...free, code: undefined, isPaused: true };
  const page = renderPage({ ...well, connection: { ...connected, pairing: paused } }, 'en');
  assert.match(page, /Wrong codes/);
  assert.doesNotMatch(page, /action="\/pair/);
});

test('what depends on a failure says on what', () => {
  const html = renderPage(
    withOutcomes({ tls: { state: 'not-checked', notes: [], needs: 'dns' } }),
    'de',
  );
  assert.match(html, /braucht: Namen \(DNS\)/);
});

test('nothing measured can become markup, in any place that shows it', () => {
  const evil = '<script>alert(1)</script>"\'&';
  const hostile: PageModel = {
    ...withOutcomes({
      dns: {
        state: 'failed',
        notes: [{ say: 'name-missing', values: { host: evil, why: evil } }],
        remedy: 'dns',
      },
    }),
    serial: evil,
    hostName: evil,
    ports: [{ name: evil, mac: evil, up: true, addresses: [evil] }],
    release: { version: evil, builtAt: evil },
    cloud: { region: evil, from: 'override', problem: evil, extraRoots: 1, ports: undefined },
    light: { at: 'refused', why: evil },
  };
  for (const language of LANGUAGES) {
    const html = renderPage(hostile, language);
    assert.doesNotMatch(html, /<script(?! src="\/page\.js" defer><\/script>)/);
    assert.ok(html.split('alert(1)').length > 8, 'shown, but escaped');
    assert.doesNotMatch(html, /(?<!&quot;)"&#39;&amp;/);
  }
});

test('the page reloads itself without JavaScript while checks run, and only then', () => {
  assert.match(
    renderPage({ ...well, running: true }, 'en'),
    /<noscript><meta http-equiv="refresh"/,
  );
  assert.doesNotMatch(renderPage(well, 'en'), /http-equiv="refresh"/);
});

test('no style, script or handler stands in the page itself', () => {
  const html = renderPage(withOutcomes({ 'aws-443': port(443) }), 'en');
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|<script>|https?:\/\//);
});

test('an override, additional roots and an invalid override are said plainly everywhere', () => {
  const model: PageModel = {
    ...well,
    cloud: {
      region: 'test-1',
      from: 'override',
      problem: 'clock.host: odd',
      extraRoots: 2,
      ports: undefined,
    },
  };
  for (const text of [renderPage(model, 'en'), renderReport(model, 'en')]) {
    assert.match(text, /another cloud than the built-in one \(region test-1\)/);
    assert.match(text, /[Aa]dditional certificate authorities it trusts: 2/);
    assert.match(text, /invalid and not in use: clock\.host: odd/);
  }
  const status = renderStatus(model, 'en') as { notices: string[] };
  assert.equal(status.notices.length, 3);
});

test('the report names the unit, its MAC address and every check', () => {
  const report = renderReport(withOutcomes({ 'aws-8883': port(8883) }), 'en');
  for (const id of CHECK_IDS) assert.match(report, new RegExp(`\\(${id}\\)`));
  assert.match(report, /dc:a6:32:00:00:01/);
  assert.match(report, /Who must act: Network administrator/);
});

test('the status has the fields that agent/README.md promises', () => {
  const model = withOutcomes({ 'aws-8883': port(8883) });
  const status = renderStatus(model, 'en') as Record<string, unknown> & {
    results: Record<string, unknown>[];
  };
  assert.deepEqual(Object.keys(status).sort(), [
    'agent',
    'cloud',
    'hostName',
    'hotel',
    'language',
    'light',
    'link',
    'notices',
    'outbox',
    'packages',
    'pairing',
    'pms',
    'ports',
    'provisioning',
    'recent',
    'release',
    'renewal',
    'results',
    'running',
    'schema',
    'seal',
    'serial',
    'services',
    'slot',
    'uptimeSeconds',
    'verdict',
  ]);
  const failed = status.results.find(({ id }) => id === 'aws-8883');
  assert.deepEqual(failed, {
    id: 'aws-8883',
    group: 'cloud',
    title: '*.amazonaws.com, port 8883',
    state: 'failed',
    measured: 'h.test, port 8883: no answer',
    needs: null,
    remedy: {
      id: 'port',
      who: 'network',
      text: 'In the firewall allow outbound TCP port 8883 to *.amazonaws.com. Allow it by name: the addresses change.',
    },
    measuredSecondsAgo: 5,
    passedSecondsAgo: null,
  });
});
