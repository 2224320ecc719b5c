// The documents that go to an Epson RT printer, over real HTTP and in words; what is refused before anything is sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRt } from '../../../../agent/interfaces/fpmate/counterpart.ts';
import { planOf } from '../../../../agent/interfaces/fpmate/plan.ts';
import { journalOf, textOf } from '../../../../agent/core/fiscal/journal.ts';
import { jobOf } from '../../../../agent/interfaces/fpmate/receipts.ts';
import { fpmate } from '../../../../agent/interfaces/fpmate/run.ts';
import { answerOf, conditionOf } from '../../../../agent/interfaces/fpmate/wire.ts';
import { issue } from '../../io/certificates.ts';
import { behind } from '../../../bench/systems/behind.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import { isWhole, receipt, settingsOf, unit } from './bench.ts';

const signal = new AbortController().signal;
const reversal = {
  ...{ document: '2', report: '764', at: '2026-04-01T12:30:00', device: '99MEY012345' },
  why: 'return',
} as const;

test('a receipt, its repeat, a reversal and reports go over HTTP', async () => {
  const rt = createRt(settingsOf());
  await using system = await behind(rt, { at: 'http' });
  const settings = settingsOf({ url: `${system.url}/cgi-bin/fpmate.cgi` });
  const stand = standIn();
  const service = fpmate.start(settings, stand.host);
  await stand.until('up', () => stand.talks.at(-1)?.at === 'up');
  const first = await service.handle(receipt(7), signal);
  assert.deepEqual(first, { ok: true, body: { document: '0764-0001', isRepeat: false } });
  const again = await service.handle(receipt(7), signal);
  assert.deepEqual(again, { ok: true, body: { document: '0764-0001', isRepeat: true } });
  const lines = [{ text: 'Camera', price: '50.00', quantity: '1', taxGroup: '0' }];
  const back = receipt(7, { reversal, lines, payments: [{ type: 'cash', amount: '50.00' }] });
  assert.equal((await service.handle(back, signal)).ok, true);
  const z = await service.handle({ kind: 'fiscal.report', report: 'z' }, signal);
  assert.deepEqual(z, { ok: true, body: { report: 'z', zReport: 764 } });
  assert.ok((await service.handle({ kind: 'fiscal.report', report: 'x' }, signal)).ok);
  assert.deepEqual(rt.reports, ['printZReport', 'printXReport']);
  assert.deepEqual(
    rt.receipts.map(({ kind }) => kind),
    ['sale', 'REFUND'],
  );
  assert.ok(isWhole(rt.receipts[0]!));
  assert.deepEqual(
    rt.receipts[0]!.items.map(({ department }) => department),
    ['2', '1'],
  );
  await service.close();
});

test('over HTTPS a printer is known by its own certificate, and another is told nothing', async () => {
  const own = issue({ name: 'Printer' });
  const rt = createRt(settingsOf());
  await using system = await behind(rt, { at: 'https', ...own });
  const url = `${system.url}/cgi-bin/fpmate.cgi`;
  for (const { trustPem, isTrusted } of [
    { trustPem: own.certPem, isTrusted: true },
    { trustPem: issue({ name: 'Printer' }).certPem, isTrusted: false },
    { trustPem: undefined, isTrusted: false },
  ]) {
    const stand = standIn();
    const service = fpmate.start(settingsOf({ url, trustPem }), stand.host);
    await stand.until('it is known how it is', () =>
      stand.talks.some(({ at }) => at === (isTrusted ? 'up' : 'down')),
    );
    const outcome = await service.handle(receipt(7), signal);
    assert.equal(outcome.ok, isTrusted, JSON.stringify(outcome));
    if (!outcome.ok) assert.equal(outcome.why, 'offline');
    await service.close();
  }
  assert.equal(rt.receipts.length, 1);
});

test('a printer that is gone in the middle of a receipt is not asked to print it again', async () => {
  let posts = 0;
  let pulled: Promise<void> | undefined;
  const rt = createRt(settingsOf(), {
    tellsLast: true,
    mishap: (document) => {
      if (document !== 'printerFiscalReceipt') return undefined;
      posts += 1;
      if (posts !== 2) return undefined;
      pulled = system.unplug().then(() => system.plug());
      return 'mute';
    },
  });
  await using system = await behind(rt, { at: 'http' });
  const settings = settingsOf({ url: `${system.url}/cgi-bin/fpmate.cgi` });
  const service = fpmate.start(settings, standIn().host);
  assert.ok((await service.handle(receipt(1), signal)).ok);
  const outcome = await service.handle(receipt(2), signal);
  await pulled;
  assert.deepEqual(outcome, { ok: true, body: { document: '0764-0002', isRepeat: false } });
  assert.equal(posts, 2);
  assert.equal(rt.receipts.length, 2);
  await service.close();
});

test('the document says what was sold, in departments and payment types of the map', () => {
  const settings = settingsOf({ lottery: 'direct' });
  const planned = planOf(receipt(7, { lottery: 'ABCDEFGH', texts: ['Grazie <3'] }), settings);
  assert.ok(planned.ok);
  assert.equal(
    planned.plan.document,
    '<printerFiscalReceipt>' +
      '<printRecMessage operator="1" messageType="1" index="1" message="Grazie &lt;3" />' +
      '<beginFiscalReceipt operator="1" />' +
      '<printRecItem operator="1" description="Camera &quot;B&amp;B&quot; 7" quantity="2.000" unitPrice="50.00" department="2" justification="1" />' +
      '<printRecItem operator="1" description="Acqua" quantity="3.000" unitPrice="1.10" department="1" justification="1" />' +
      '<printRecItemAdjustment operator="1" description="SCONTO" adjustmentType="0" amount="0.30" department="1" justification="1" />' +
      '<printRecSubtotal operator="1" option="1" />' +
      '<directIO command="1135" data="01ABCDEFGH        0000" />' +
      '<printRecTotal operator="1" description="cash" payment="3.00" paymentType="0" index="1" justification="1" />' +
      '<printRecTotal operator="1" description="card" payment="100.00" paymentType="2" index="1" justification="1" />' +
      '<endFiscalReceipt operator="1" />' +
      '</printerFiscalReceipt>',
  );
  const department = (taxGroup: string): string | undefined => {
    const lines = [{ text: 'a', price: '1.00', quantity: '1', taxGroup }];
    const one = planOf(
      receipt(7, { lines, payments: [{ type: 'barter', amount: '1.00' }] }),
      settings,
    );
    return one.ok ? /department="(\d+)"/.exec(one.plan.document)?.[1] : one.text;
  };
  const wanted = { '22': '1', '10': '2', '10.0': '2', '0': '11', '5': '1', '11': '1' };
  for (const [group, expected] of Object.entries(wanted))
    assert.equal(department(group), expected, group);
});

test('a receipt whose sums or groups are wrong is refused before anything is sent', async () => {
  await using one = unit();
  const line = { text: 'a', price: '1.00', quantity: '1', taxGroup: '22' };
  const cash = (amount: string) => [{ type: 'cash', amount }];
  const wrong = [
    receipt(1, { payments: cash('102.99') }),
    receipt(1, { payments: [] }),
    receipt(1, { lines: [] }),
    receipt(1, { lines: [{ ...line, price: '-1.00' }] }),
    receipt(1, { lines: [{ ...line, price: '1.001' }] }),
    receipt(1, { lines: [{ ...line, adjustment: '-2.00' }], payments: cash('1.00') }),
    receipt(1, { lottery: '"/>' }),
    receipt(1, { reversal }),
    receipt(1, { reversal: { ...reversal, report: undefined }, payments: cash('103.00') }),
    receipt(1, { reversal: { ...reversal, device: 'x" y' }, payments: cash('103.00') }),
  ];
  for (const order of wrong) {
    const outcome = await one.order(order);
    assert.ok(!outcome.ok, JSON.stringify(order));
    assert.match(outcome.why, /^(wrong|unsupported)$/, JSON.stringify(order));
  }
  assert.equal(one.rt.receipts.length, 0);
});

test('a printer that is not ready is not asked to print, and says why', async () => {
  await using one = unit();
  one.rt.hasPaper = false;
  const noPaper = await one.order(receipt(1));
  assert.ok(!noPaper.ok && noPaper.why === 'refused' && /paper/.test(noPaper.text!));
  one.rt.hasPaper = true;
  one.rt.isOpen = true;
  for (const order of [receipt(1), { kind: 'fiscal.report', report: 'z' } as const]) {
    const open = await one.order(order);
    assert.ok(!open.ok && open.why === 'refused' && /receipt is open/.test(open.text!));
  }
  one.rt.isOpen = false;
  one.isPlugged = false;
  const gone = await one.order(receipt(1));
  assert.ok(!gone.ok && gone.why === 'offline');
  one.isPlugged = true;
  assert.ok((await one.order(receipt(1))).ok);
  assert.equal(one.rt.receipts.length, 1);
});

test('the digits of the status are put in words', () => {
  for (const status of ['00110', '01110', '20110', '21110', '00140']) {
    const { isUsable, isOpen } = conditionOf(status);
    assert.deepEqual([isUsable, isOpen], [true, false], status);
  }
  for (const status of ['30110', '02110', '05110', '04110', '11110']) {
    const { isUsable, words } = conditionOf(status);
    assert.ok(!isUsable && words.length > 0, status);
  }
  for (const status of ['00100', '00120', '00130', '00150', '00180'])
    assert.ok(conditionOf(status).isOpen, status);
  assert.equal(conditionOf(undefined).isUsable, false);
});

test('answers are read, and what is none says nothing', () => {
  const soap = (inner: string): Buffer =>
    Buffer.from(
      `<?xml version="1.0"?><s:Envelope xmlns:s="x"><s:Body>${inner}</s:Body></s:Envelope>`,
    );
  const info =
    '<addInfo><fpStatus>00110</fpStatus><fiscalReceiptNumber>12</fiscalReceiptNumber>' +
    '<fiscalReceiptAmount>103,00</fiscalReceiptAmount><zRepNumber>764</zRepNumber></addInfo>';
  assert.deepEqual(
    answerOf(soap(`<response success="true" code="" status="2">${info}</response>`)),
    {
      ...{ success: true, code: '', status: '00110', receipt: 12, cents: 10_300, zReport: 764 },
    },
  );
  const bad = ['', '<response/>', '<response success="yes"/>', '<other success="true"/>'];
  for (const inner of bad) assert.equal(answerOf(soap(inner)), undefined, inner);
  assert.equal(answerOf(Buffer.from('<response success="true" code=""/>')), undefined);
});

test('the journal comes back as it was written, fits the card, and refuses what is not one', () => {
  const past = Array.from({ length: 120 }, (_none, index) => ({
    ...{
      key: `s${10_000_000 + index}`,
      digest: 'abcdefabcdef',
      is: 'unknown' as const,
      document: '0764-0001',
    },
  }));
  const job = { key: 'r1', digest: 'd', total: 10_300, before: { receipt: 1, zReport: 764 } };
  const text = textOf({ job, past });
  assert.ok(text.length <= 4_096);
  assert.deepEqual(journalOf(text, jobOf), { job, past: past.slice(-80) });
  for (const bad of [
    '',
    '{}',
    '[1,[]]',
    '[null,[1]]',
    '[{"key":"s1"},[]]',
    '[null,[["a","b",1]]]',
    '[{"key":"s1","digest":"d","total":1,"before":null},[]]',
  ])
    assert.equal(journalOf(bad, jobOf), undefined, bad);
});

test('settings have the map of the help page, say what is wrong and what may be reached; the test asks', async () => {
  const { paymentTypes, taxGroups } = settingsOf();
  assert.equal(paymentTypes['on-line'], 2);
  assert.equal(taxGroups['11'], '0.0');
  const bad = { url: 'ftp://x/y', taxGroups: { a: '0.1' }, paymentTypes: { cash: 9 } };
  const parsed = fpmate.parse(bad);
  assert.ok(!parsed.ok);
  assert.deepEqual(parsed.problems.map(({ field }) => field).toSorted(), [
    'paymentTypes.cash',
    'taxGroups',
    'url',
  ]);
  for (const url of ['http://u:p@a/b', 'http://a/b?c', 'http://a/b#c', 'http://a:99999/b', 'a/b'])
    assert.ok(!fpmate.parse({ url }).ok, url);
  assert.deepEqual(fpmate.needs(settingsOf({ url: 'http://10.1.2.3:8080/cgi-bin/fpmate.cgi' })), [
    { need: 'connect', host: '10.1.2.3', port: 8_080 },
  ]);
  await using system = await behind(
    fpmate.counterpart(settingsOf(), { clock: standIn().host.clock, random: Math.random }),
    { at: 'http' },
  );
  const settings = settingsOf({ url: `${system.url}/cgi-bin/fpmate.cgi` });
  const steps = await fpmate.test(settings, standIn().host, signal);
  assert.deepEqual(
    steps.map(({ ok }) => ok),
    [true, true],
  );
  const elsewhere = await fpmate.test(
    settingsOf({ url: `${system.url}/other` }),
    standIn().host,
    signal,
  );
  assert.match(elsewhere[0]!.text, /address/);
});
