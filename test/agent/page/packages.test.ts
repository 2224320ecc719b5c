// Packages on the page: what each may in plain words, before anyone says yes; what was taken back and why.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERMISSIONS } from '../../../agent/core/packages.ts';
import type { PackageRow } from '../../../agent/core/packages.ts';
import { renderPage } from '../../../agent/page/html.ts';
import { packageText } from '../../../agent/page/packages.ts';
import { packageTexts } from '../../../agent/page/texts/packages.ts';
import { LANGUAGES } from '../../../agent/page/texts/shape.ts';
import { renderReport, renderStatus } from '../../../agent/page/wire.ts';
import { well } from './model.ts';

const { wallMs } = well;
const row: PackageRow = {
  name: 'lamp',
  runs: { title: 'Lamps', version: '1.2.0', permissions: ['connect'] },
  past: [
    { version: '1.3.0', at: 'returned', why: 'lamp-1: down, was up', wallMs: wallMs - 120_000 },
    { version: '1.2.0', at: 'confirmed', why: undefined, wallMs: wallMs - 3 * 86_400_000 },
  ],
  asked: undefined,
};
const asked = {
  title: 'Lamps',
  version: '2.0.0',
  permissions: PERMISSIONS,
  wallMs: wallMs - 5_000,
};

test('a unit without packages has no word of them', () => {
  assert.doesNotMatch(renderPage(well, 'en'), /id="packages"/);
});

test('what is in use, what it may, when it was installed, what was taken back and why', () => {
  const html = renderPage({ ...well, packages: [row] }, 'en');
  assert.match(html, /lamp · Lamps <span class="badge warning">tried and taken back</);
  assert.match(html, /<dt>In use<\/dt><dd>1\.2\.0</);
  assert.match(html, /<dt>May<\/dt><dd>open connections to the addresses in the settings/);
  assert.match(
    html,
    /1\.3\.0<\/dt><dd>tried and taken back: lamp-1: down, was up \(2 minutes ago\)/,
  );
  assert.match(html, /1\.2\.0<\/dt><dd>installed \(3 days ago\)/);
  const nothing = { ...row, runs: { ...row.runs!, permissions: [] } };
  assert.match(
    renderPage({ ...well, packages: [nothing] }, 'en'),
    /nothing outside its own process/,
  );
});

test('what waits for a yes says everything it wants, in each language, on the page and in the report', () => {
  for (const language of LANGUAGES) {
    const { permissions, wants } = packageTexts[language];
    const packages = [{ name: 'lamp', runs: undefined, past: [], asked }];
    const { rows, remedy, mood } = packageText(packages[0]!, { wallMs, language });
    assert.deepEqual(rows[0], [wants, Object.values(permissions).join('; ')]);
    assert.match(remedy!.text, /2\.0\.0.*Clock/);
    assert.equal(mood, 'warning');
    const report = renderReport({ ...well, packages }, language);
    for (const words of Object.values(permissions)) assert.ok(report.includes(words), words);
    // There is nothing to press: a yes is given in Clock alone.
    const section = /<section[^>]*aria-labelledby="packages">[^]*?<\/section>/.exec(
      renderPage({ ...well, packages }, language),
    );
    assert.doesNotMatch(section![0], /<form|<button|<a /);
  }
});

test('every outcome has its words, and programs read the same', () => {
  for (const at of Object.keys(packageTexts.en.past) as (keyof typeof packageTexts.en.past)[]) {
    const past = [{ version: '1.0.0', at, why: '<b>x</b>', wallMs: undefined }];
    const html = renderPage({ ...well, packages: [{ ...row, past }] }, 'bg');
    assert.ok(!html.includes('<b>x'));
  }
  const status = renderStatus({ ...well, packages: [{ ...row, asked }] }, 'en');
  const { packages } = JSON.parse(JSON.stringify(status)) as { packages: unknown };
  assert.deepEqual(packages, [
    {
      ...{ name: 'lamp', runs: row.runs },
      past: row.past.map(({ wallMs: at, ...step }) => ({
        ...{ ...step, why: step.why ?? null },
        since: new Date(at!).toISOString(),
      })),
      asked: {
        ...{ title: 'Lamps', version: '2.0.0', permissions: [...PERMISSIONS] },
        since: new Date(asked.wallMs).toISOString(),
      },
    },
  ]);
});
