// Receipts on a printer that behaves: what is printed in each dialect, and what is refused before anything is sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIALECTS } from '../../../../agent/interfaces/datecs/config.ts';
import { PATIENT, isWhole, receipt, unit } from './bench.ts';

for (const dialect of DIALECTS) {
  test(`${dialect}: a receipt is printed once, and a repeat of it is known again`, async () => {
    await using one = unit(dialect, { times: PATIENT });
    await one.stand.until('up', () => one.stand.talks.at(-1)?.at === 'up');
    const first = await one.order(receipt(7));
    assert.deepEqual(first, { ok: true, body: { document: '42', isRepeat: false } });
    const again = await one.order(receipt(7));
    assert.deepEqual(again, { ok: true, body: { document: '42', isRepeat: true } });
    const other = await one.order(receipt(7, { texts: ['x'] }));
    assert.equal(other.ok, false);
    await one.order(receipt(8));
    const { memory } = one.printer.device;
    assert.equal(memory.length, 2);
    assert.ok(memory.every(isWhole));
    assert.deepEqual(memory[0]!.texts, ['Фолио 7']);
    assert.deepEqual(
      memory[0]!.lines.map(({ name }) => name),
      ['Нощувка 7', 'Вода 1'],
    );
  });

  test(`${dialect}: a reversal is another receipt than the sale of the same folio`, async () => {
    await using one = unit(dialect, { times: PATIENT });
    await one.stand.until('up', () => one.stand.talks.at(-1)?.at === 'up');
    await one.order(receipt(7));
    const back = receipt(7, {
      payments: [{ type: 'cash', amount: '103.00' }],
      reversal: { document: '42', at: '2026-04-01T12:30:00', device: 'DT123456', why: 'return' },
    });
    assert.equal((await one.order(back)).ok, true);
    assert.deepEqual(
      one.printer.device.memory.map(({ kind, total }) => [kind, total]),
      [
        ['sale', 10_300],
        ['reversal', 10_300],
      ],
    );
  });

  test(`${dialect}: reports are printed, and not while a receipt is open`, async () => {
    await using one = unit(dialect, { times: PATIENT });
    await one.stand.until('up', () => one.stand.talks.at(-1)?.at === 'up');
    assert.equal((await one.order({ kind: 'fiscal.report', report: 'x' })).ok, true);
    assert.equal((await one.order({ kind: 'fiscal.report', report: 'z' })).ok, true);
    assert.deepEqual(
      one.printer.device.reports.map(({ kind }) => kind),
      ['x', 'z'],
    );
    openByHand(one.printer.device, dialect);
    for (const order of [receipt(9), { kind: 'fiscal.report', report: 'z' } as const]) {
      const outcome = await one.order(order);
      assert.ok(!outcome.ok && outcome.why === 'refused' && /another receipt/.test(outcome.text!));
    }
    assert.equal(one.printer.device.reports.length, 2);
  });
}

function openByHand(device: ReturnType<typeof unit>['printer']['device'], dialect: string): void {
  device.execute(0x30, dialect === 'datecs-x' ? '1\t1\t1\t\t' : '1,1,1');
  assert.ok(device.isOpen);
}

test('a receipt whose sums or groups are wrong is refused before anything is sent', async () => {
  await using one = unit('datecs-fp', { times: PATIENT });
  await one.stand.until('up', () => one.stand.talks.at(-1)?.at === 'up');
  const line = { text: 'a', price: '1.00', quantity: '1', taxGroup: '1' };
  const cash = (amount: string) => [{ type: 'cash', amount }];
  const wrong = [
    receipt(1, { payments: cash('102.99') }),
    receipt(1, { payments: [{ type: 'constructor', amount: '103.00' }] }),
    receipt(1, { lines: [{ ...line, taxGroup: 'toString' }], payments: cash('1.00') }),
    receipt(1, { lines: [{ ...line, price: '1.005' }], payments: cash('1.01') }),
    receipt(1, { lines: [{ ...line, price: '1e3' }], payments: cash('1000.00') }),
    receipt(1, { lines: [{ ...line, quantity: '0.3333' }], payments: cash('0.33') }),
    receipt(1, { lines: [{ ...line, price: '-1.00' }], payments: cash('1.00') }),
    receipt(1, { lines: [{ ...line, adjustment: '-2.00' }], payments: cash('1.00') }),
    receipt(1, { lines: [], payments: cash('1.00') }),
    receipt(1, { saleNumber: '1,2,3' }),
    receipt(1, { payments: [] }),
  ];
  for (const order of wrong) {
    const outcome = await one.order(order);
    assert.ok(!outcome.ok, JSON.stringify(order));
    assert.match(outcome.why, /^(wrong|unsupported)$/, JSON.stringify(order));
  }
  assert.equal(one.printer.device.memory.length, 0);
  assert.ok(!one.stand.traces.some((trace) => trace === 'out open'));
});

test('a tenth and a fifth are three tenths, and half a cent is rounded up once', async () => {
  await using one = unit('datecs-fp', { times: PATIENT });
  await one.stand.until('up', () => one.stand.talks.at(-1)?.at === 'up');
  const lines = [
    { text: 'a', price: '0.1', quantity: '1', taxGroup: '1' },
    { text: 'b', price: '0.2', quantity: '1', taxGroup: '1' },
    { text: 'c', price: '0.33', quantity: '0.5', taxGroup: '1' },
  ];
  const outcome = await one.order(
    receipt(1, { lines, payments: [{ type: 'cash', amount: '0.47' }] }),
  );
  assert.equal(outcome.ok, true);
  assert.equal(one.printer.device.memory[0]!.total, 47);
});

test('a group that the printer does not have is refused by it, and the receipt is cancelled', async () => {
  for (const dialect of DIALECTS) {
    await using one = unit(dialect, { times: PATIENT, rates: [2] });
    await one.stand.until('up', () => one.stand.talks.at(-1)?.at === 'up');
    const outcome = await one.order(receipt(2));
    assert.ok(!outcome.ok && outcome.why === 'refused', JSON.stringify(outcome));
    assert.match(outcome.text!, /cancelled, nothing was sold/);
    assert.deepEqual(
      one.printer.device.memory.map(({ kind }) => kind),
      ['cancelled'],
    );
  }
});

test('a printer without paper is not asked to print; with paper it is', async () => {
  await using one = unit('datecs-fp', { times: PATIENT });
  await one.stand.until('up', () => one.stand.talks.at(-1)?.at === 'up');
  one.printer.device.hasPaper = false;
  const outcome = await one.order(receipt(1));
  assert.ok(!outcome.ok && outcome.why === 'refused' && /paper/.test(outcome.text!));
  one.printer.device.hasPaper = true;
  assert.equal((await one.order(receipt(1))).ok, true);
  // The hotel hears of it when it changes, and only then.
  assert.deepEqual(one.stand.events, [
    { kind: 'device.status', device: 'test', problems: ['no paper: put in a roll'] },
    { kind: 'device.status', device: 'test', problems: [] },
  ]);
});

test('what is unknown is printed when a person has looked; what is printed is not, whoever says so', async () => {
  let isArmed = true;
  await using one = unit('datecs-fp', {
    // The power goes before the free text, and the printer drops what nobody paid for.
    ...{ dropsUnpaid: true, offMs: 5 },
    mishap: (cmd) => {
      if (!isArmed || cmd !== 0x36) return undefined;
      isArmed = false;
      return 'cut-before';
    },
  });
  await one.stand.until('up', () => one.stand.talks.at(-1)?.at === 'up');
  const whys: string[] = [];
  for (const isLookedAt of [false, false, true, true, false]) {
    await one.stand.until('up', () => one.stand.talks.at(-1)?.at === 'up');
    const outcome = await one.order(receipt(7, { isLookedAt }));
    whys.push(outcome.ok ? 'printed' : outcome.why);
  }
  assert.deepEqual(whys, ['unknown', 'unknown', 'printed', 'printed', 'printed']);
  const sales = one.printer.device.memory.filter(({ kind }) => kind === 'sale');
  assert.deepEqual(sales.map(isWhole), [true]);
});
