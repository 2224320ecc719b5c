// The page as text: languages, verdict, escaping.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECK_IDS, judge } from '../../../agent/diagnostics/wire.ts';
import { LANGUAGES, chooseLanguage, texts } from '../../../agent/page/texts.ts';
import { headline, renderPage, renderReport } from '../../../agent/page/wire.ts';
import type { PageModel } from '../../../agent/page/wire.ts';

const model: PageModel = {
  serial: 'a'.repeat(32),
  hostName: `clockrpi-${'a'.repeat(32)}`,
  addresses: [],
  version: '1',
  running: false,
  results: CHECK_IDS.map((id) => judge(id, true, '')),
};

test('chooseLanguage() follows the browser', () => {
  assert.equal(chooseLanguage('de-AT,de;q=0.9,en;q=0.8'), 'de');
  assert.equal(chooseLanguage('it;q=0.9, fr;q=0.5, bg;q=0.7'), 'bg');
  assert.equal(chooseLanguage('ja'), 'en');
  assert.equal(chooseLanguage(''), 'en');
});

test('the verdict counts failures and is silent about what is not needed', () => {
  assert.equal(headline(model, 'en').mood, 'passed');
  const failed = { ...model, results: [...model.results.slice(1), judge('link', false, '')] };
  assert.equal(headline(failed, 'de').text, '1 Prüfung fehlgeschlagen.');
  const closed = {
    ...model,
    results: model.results.map(({ id }) => judge(id, id !== 'clock-22', '')),
  };
  assert.equal(headline(closed, 'en').mood, 'passed');
});

test('every needed check has a remedy in every language', () => {
  for (const language of LANGUAGES) {
    for (const id of CHECK_IDS) {
      if (judge(id, false, '').state !== 'failed' || id === 'subnet') continue;
      assert.ok(texts[language].remedies[id], `${language} ${id}`);
    }
  }
});

test('what was measured cannot become markup', () => {
  const evil = { ...model, results: [judge('dns', false, '<script>alert(1)</script>')] };
  assert.doesNotMatch(renderPage(evil, 'fr'), /<script>alert/);
});

test('the report names the unit and every check', () => {
  const report = renderReport(model);
  for (const id of CHECK_IDS) assert.match(report, new RegExp(`passed +${id}`));
});
