// What is concluded from what a printer shows, case by case; the limits of one exchange; status bits in words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fresh, next as heard, nextSeq } from '../../../../agent/interfaces/datecs/exchange.ts';
import type { Exchange, Heard } from '../../../../agent/interfaces/datecs/exchange.ts';
import { journalOf, textOf } from '../../../../agent/core/fiscal/journal.ts';
import { jobOf } from '../../../../agent/interfaces/datecs/journal.ts';
import { judgeFound, judgeStep } from '../../../../agent/interfaces/datecs/judge.ts';
import type { AfterStep, Phase, Shown } from '../../../../agent/interfaces/datecs/judge.ts';
import { planOf } from '../../../../agent/interfaces/datecs/plan.ts';
import { condensed, replyOf, transactionOf } from '../../../../agent/interfaces/datecs/wire.ts';
import { isl } from '../../../../agent/core/frames/isl.ts';
import { receipt, settingsOf } from './bench.ts';

const FINE = { refused: undefined, isFiscalOpen: false, isTextOpen: false, conditions: [] };
const shown = (more: Partial<Shown>): Shown => ({
  ...{ isOpen: false, amount: 0, paid: 0, document: 41, grown: 0, status: FINE },
  ...more,
});
const planned = planOf(receipt(7), settingsOf('datecs-fp'));
assert.ok(planned.ok);
const { steps } = planned.plan;
const at = (name: string): number => steps.findIndex((step) => step.name === name);
const found = steps.slice(steps.findIndex(({ name }) => name === 'sum'));
const after = (name: string, more: Partial<AfterStep> = {}): AfterStep => ({
  ...{ steps, index: at(name), cause: 'lost', tries: 1, words: '' },
  ...more,
});
const told = (verdict: ReturnType<typeof judgeStep>): string =>
  verdict.is === 'end' ? verdict.ending.is : verdict.is;

test('judgeStep() says of a missing answer only what the printer shows', () => {
  const table: readonly (readonly [string, Partial<Shown>, string])[] = [
    ['open', {}, 'again'],
    ['open', { isOpen: true }, 'done'],
    ['open', { isOpen: true, amount: 100 }, 'unknown'],
    ['open', { grown: 1 }, 'not-printed'],
    ['sale', { isOpen: true }, 'again'],
    ['sale', { isOpen: true, amount: 10_000 }, 'done'],
    ['sale', { isOpen: true, amount: 20_000 }, 'cancel'],
    ['sale', { isOpen: true, amount: 10_000, grown: 2 }, 'unknown'],
    ['sale', {}, 'not-printed'],
    // A new number, and no cancel of ours: somebody may have finished it by hand.
    ['sale', { grown: 1 }, 'unknown'],
    ['pay', { isOpen: true, amount: 10_300 }, 'again'],
    ['pay', { isOpen: true, amount: 10_300, paid: 300 }, 'done'],
    ['pay', { isOpen: true, amount: 10_300, paid: 10_300 }, 'unknown'],
    ['pay', {}, 'unknown'],
    ['pay', { grown: 1 }, 'unknown'],
    ['close', { isOpen: true, amount: 10_300, paid: 10_300 }, 'again'],
    ['close', { isOpen: true, amount: 10_300, paid: 300 }, 'unknown'],
    ['close', { grown: 1 }, 'printed'],
    ['close', { grown: 0 }, 'unknown'],
    ['close', { grown: 2 }, 'unknown'],
    ['close', { grown: -41 }, 'unknown'],
  ];
  for (const [name, more, expected] of table) {
    assert.equal(
      told(judgeStep(shown(more), after(name))),
      expected,
      `${name} ${JSON.stringify(more)}`,
    );
  }
});

test('judgeStep() never sends again what was refused, nor for ever what was not taken', () => {
  const before = shown({ isOpen: true, amount: 0 });
  assert.equal(told(judgeStep(before, after('sale', { cause: 'refused' }))), 'cancel');
  assert.equal(told(judgeStep(before, after('sale', { tries: 3 }))), 'cancel');
  const unpaid = shown({ isOpen: true, amount: 10_300, paid: 300 });
  const second = after('pay', { index: at('pay') + 1, cause: 'refused' });
  assert.equal(told(judgeStep(unpaid, second)), 'unknown');
  const noPaper = { ...FINE, conditions: ['no-paper'] as const };
  assert.equal(told(judgeStep({ ...unpaid, status: noPaper }, second)), 'wait');
});

test('judgeFound() after a restart finishes only what is paid, and cancels only what is not', () => {
  const table: readonly (readonly [Phase, Partial<Shown>, string])[] = [
    ['open', {}, 'not-printed'],
    ['open', { grown: 1 }, 'unknown'],
    ['open', { isOpen: true, amount: 10_000 }, 'cancel'],
    ['open', { isOpen: true, amount: 10_300, paid: 10_300 }, 'unknown'],
    ['paying', {}, 'unknown'],
    ['paying', { grown: 1 }, 'unknown'],
    ['paying', { isOpen: true, amount: 10_300 }, 'cancel'],
    ['paying', { isOpen: true, amount: 10_300, paid: 300 }, 'at'],
    ['paying', { isOpen: true, amount: 10_300, paid: 200 }, 'unknown'],
    ['paying', { isOpen: true, amount: 10_200, paid: 300 }, 'unknown'],
    ['paying', { isOpen: true, amount: 10_300, paid: 10_300 }, 'at'],
    ['closing', {}, 'unknown'],
    ['closing', { grown: 1 }, 'printed'],
    ['closing', { grown: 2 }, 'unknown'],
    ['closing', { isOpen: true, amount: 10_300, paid: 10_300 }, 'at'],
    ['closing', { isOpen: true, amount: 10_300, paid: 300 }, 'unknown'],
    ['closing', { isOpen: true, amount: 10_300, paid: 10_300, grown: 2 }, 'unknown'],
    ['closing', { isOpen: true, amount: 500 }, 'unknown'],
    ['cancelling', { grown: 1 }, 'not-printed'],
    ['cancelling', { isOpen: true, amount: 500 }, 'cancel'],
  ];
  for (const [phase, more, expected] of table) {
    const verdict = judgeFound(shown(more), { phase, steps: found });
    assert.equal(told(verdict), expected, `${phase} ${JSON.stringify(more)}`);
  }
});

test('one exchange keeps to its limits, and an action goes again after NAK alone', () => {
  const count = (isAction: boolean, event: (turn: number) => Heard): [number, string] => {
    let exchange: Exchange = fresh(isAction);
    for (let resends = 0, turn = 1; turn < 1_000; turn += 1) {
      const then = heard(exchange, event(turn));
      if (then.go === 'lose') return [resends, then.why];
      if (then.go === 'resend') resends += 1;
      exchange = then.exchange;
    }
    return [Infinity, 'never'];
  };
  for (const isAction of [true, false]) {
    assert.deepEqual(
      count(isAction, () => ({ heard: 'nak' })),
      [3, 'naks'],
    );
    assert.deepEqual(
      count(isAction, (turn) => ({ heard: 'busy', nowMs: turn * 1_000 })),
      [0, 'busy'],
    );
    assert.deepEqual(
      count(isAction, () => ({ heard: 'busy', nowMs: 5 })),
      [Infinity, 'never'],
    );
  }
  assert.deepEqual(
    count(true, () => ({ heard: 'broken' })),
    [0, 'broken'],
  );
  assert.deepEqual(
    count(false, () => ({ heard: 'broken' })),
    [6, 'broken'],
  );
  assert.deepEqual(
    count(true, () => ({ heard: 'silence' })),
    [0, 'silent'],
  );
  assert.deepEqual(
    count(false, () => ({ heard: 'silence' })),
    [2, 'silent'],
  );
  assert.deepEqual([nextSeq(0x20), nextSeq(0x7e), nextSeq(0x7f)], [0x21, 0x7f, 0x20]);
});

const replyTo = (hex: string) => {
  const [piece] = isl('classic').push(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  assert.ok(piece?.is === 'frame');
  return replyOf(piece.body, 'datecs-fp')!;
};

test('the answers of real printers are read: their data, an open receipt, little paper', () => {
  const open = replyTo(
    '01 38 21 30 30 30 30 30 35 30 2C 30 30 30 30 34 39 04 80 80 88 80 80 B8 05 30 36 35 30 03',
  );
  assert.deepEqual([open.seq, open.cmd, open.data], [0x21, 0x30, '000050,000049']);
  assert.deepEqual(condensed(open, 'datecs-fp'), { ...FINE, isFiscalOpen: true });
  const low = replyTo('01 2B 20 4A 04 80 80 92 8F 80 B2 05 30 33 3F 31 03');
  assert.deepEqual(condensed(low, 'datecs-fp').conditions, ['low-paper']);
  const cut = replyTo('01 2C 2F 2D 50 04 88 80 C0 80 80 B0 05 30 34 35 39 03');
  assert.equal(cut.data, 'P');
  assert.equal(condensed(cut, 'datecs-fp').refused, undefined);
});

test('each status bit has its words, and what cannot be read says nothing', () => {
  const refusedBy = (byte: number, bit: number, dialect: 'datecs-fp' | 'daisy' = 'datecs-fp') => {
    const status = Buffer.alloc(6, 0x80);
    status[byte]! |= bit;
    return condensed({ seq: 0x20, cmd: 0x31, data: '', status }, dialect).refused;
  };
  assert.match(refusedBy(0, 0x01)!, /data/);
  assert.match(refusedBy(0, 0x02)!, /command/);
  assert.match(refusedBy(0, 0x20)!, /error/);
  assert.match(refusedBy(1, 0x01)!, /sum/);
  assert.match(refusedBy(1, 0x02)!, /allow/);
  assert.match(refusedBy(1, 0x40, 'daisy')!, /password/);
  assert.equal(refusedBy(1, 0x40), undefined);
  assert.equal(refusedBy(2, 0x02), undefined);
  for (const data of ['', 'x', '1', '1,2,x,0', '1,1,1.234,0', ',,,', '-1,0,0,0']) {
    assert.equal(transactionOf(data, 'datecs-fp'), undefined, data);
  }
  assert.deepEqual(transactionOf('1,0002,000010300,000000300', 'datecs-fp'), {
    ...{ isOpen: true, amount: 10_300, paid: 300, document: undefined },
  });
  assert.deepEqual(transactionOf('0\t1\t12\t2\t103.00\t3\t', 'datecs-x'), {
    ...{ isOpen: true, amount: 10_300, paid: 300, document: 12 },
  });
});

test('the journal comes back as it was written, fits the card, and refuses what is not one', () => {
  const past = Array.from({ length: 120 }, (_none, index) => ({
    ...{
      key: `s${10_000_000 + index}`,
      digest: 'abcdefabcdef',
      is: 'printed' as const,
      document: '9999999',
    },
  }));
  const job = {
    key: 'r1',
    digest: 'd',
    total: 10_300,
    before: 41,
    phase: 'paying' as const,
    payments: [['\tP3.00', 300]] as const,
  };
  const text = textOf({ job, past });
  assert.ok(text.length <= 4_096);
  assert.deepEqual(journalOf(text, jobOf), { job, past: past.slice(-80) });
  assert.deepEqual(journalOf('[null,[]]', jobOf), { job: undefined, past: [] });
  for (const bad of ['', '{}', '[]', '[1,[]]', '[null,[1]]', '[{"key":"s1"},[]]']) {
    assert.equal(journalOf(bad, jobOf), undefined, bad);
  }
});
