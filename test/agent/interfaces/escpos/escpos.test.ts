// Receipts on simulated printers over real sockets: on paper once, refused before, or unknown; never again by itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '../../../../agent/core/errors.ts';
import { rehearse } from '../../../../agent/core/line/rehearsal.ts';
import type { OrderOutcome, ReceiptPart } from '../../../../agent/core/vocabulary.ts';
import { dialTcp } from '../../../../agent/io/dial-tcp.ts';
import { createPrinter } from '../../../../agent/interfaces/escpos/counterpart.ts';
import type { SimulatedPrinter } from '../../../../agent/interfaces/escpos/counterpart.ts';
import { escpos } from '../../../../agent/interfaces/escpos/run.ts';
import { behind } from '../../../bench/systems/behind.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import type { StandIn } from '../../../bench/systems/stand-in.ts';
import { line, PAGES, parsed } from './settings.ts';

const never = new AbortController().signal;
const RECEIPT: readonly ReceiptPart[] = [line('Бар'), line('Total 12,00 €'), { is: 'cut' }];
const PAPER = ['Бар', 'Total 12,00 €', '[cut partial]'];

interface Bar extends AsyncDisposable {
  readonly printer: SimulatedPrinter;
  readonly agent: StandIn;
  print(
    document: string,
    parts?: readonly ReceiptPart[],
    signal?: AbortSignal,
  ): Promise<OrderOutcome>;
}

/** One printer, called bar. */
async function bar({
  settings = {},
  more = {},
  agent = standIn(),
}: {
  readonly settings?: Record<string, unknown>;
  readonly more?: Record<string, unknown>;
  readonly agent?: StandIn;
} = {}): Promise<Bar> {
  const printer = createPrinter({ columns: 48, codePages: [...PAGES] });
  const system = await behind(printer, { at: 'tcp-server' });
  const at = { kind: 'tcp', host: system.host, port: system.port };
  const running = escpos.start(parsed([{ at, ...settings }], more), agent.host);
  return {
    ...{ printer, agent },
    print: async (document, parts = RECEIPT, signal = never) =>
      running.handle({ kind: 'receipt.print', printer: 'bar', document, parts }, signal),
    [Symbol.asyncDispose]: async () => {
      await running.close();
      await system[Symbol.asyncDispose]();
    },
  };
}
const whyOf = (outcome: OrderOutcome): string => (outcome.ok ? 'ok' : outcome.why);
const textOf = (outcome: OrderOutcome): string => (outcome.ok ? 'ok' : (outcome.text ?? ''));

for (const [by, settings] of [
  ['proof', { proof: true }],
  ['status', {}],
  ['none', { status: false }],
] as const) {
  test(`a receipt is on paper; known by ${by}`, async () => {
    await using here = await bar({ settings });
    assert.deepEqual(await here.print('1'), { ok: true, body: { printed: by } });
    await here.agent.until('on paper', () => here.printer.text.length === 3);
    assert.deepEqual(here.printer.text, PAPER);
  });
}

test('a document comes once; a copy that says so comes again', async () => {
  const agent = standIn();
  await using here = await bar({ settings: { proof: true }, agent });
  assert.ok((await here.print('1')).ok);
  const again = await here.print('1');
  assert.deepEqual([whyOf(again), here.printer.text], ['refused', PAPER]);
  assert.match(textOf(again), /document 1 was printed on bar: again only as a copy/);
  assert.ok((await here.print('1', [line('*** КОПИЕ ***'), ...RECEIPT])).ok);
  assert.equal(here.printer.text.length, 7);
  // The process starts anew, and remembers.
  await using later = await bar({ settings: { proof: true }, agent });
  assert.equal(whyOf(await later.print('1')), 'refused');
  assert.ok((await later.print('2')).ok);
});

test('no paper, an open cover, a jammed cutter: nothing is sent, people are told, then it prints', async () => {
  await using here = await bar();
  const { faults } = here.printer;
  const cases: readonly (readonly [() => void, () => void, RegExp, string])[] = [
    [() => (faults.paper = 0), () => (faults.paper = 99), /the paper is out/, 'paper-out'],
    [
      () => (faults.isCoverOpen = true),
      () => (faults.isCoverOpen = false),
      /cover is open/,
      'cover-open',
    ],
    [
      () => (faults.isCutterJammed = true),
      () => (faults.isCutterJammed = false),
      /jammed/,
      'cutter',
    ],
  ];
  for (const [fail, mend, words, problem] of cases) {
    fail();
    const outcome = await here.print(problem);
    assert.equal(whyOf(outcome), 'refused');
    assert.match(textOf(outcome), words);
    const told = here.agent.events.at(-1);
    assert.deepEqual(told, { kind: 'device.status', device: 'bar', problems: [problem] });
    mend();
    assert.ok((await here.print(problem)).ok);
    assert.deepEqual(here.agent.events.at(-1), { ...told, problems: [] });
  }
  faults.isPaperLow = true;
  assert.ok((await here.print('low')).ok);
  assert.deepEqual(here.agent.events.length, 7);
});

test('the paper ends in the middle: unknown, and never again by itself', async () => {
  await using here = await bar();
  here.printer.faults.paper = 1;
  const outcome = await here.print('1');
  assert.equal(whyOf(outcome), 'unknown');
  assert.match(textOf(outcome), /look at the printer: the paper is out/);
  here.printer.faults.paper = 99;
  here.printer.resume();
  assert.deepEqual(here.printer.text, PAPER);
  const again = await here.print('1');
  assert.match(textOf(again), /may have been printed/);
  assert.deepEqual(here.printer.text, PAPER);
});

test('the link breaks at any byte: nothing or unknown, and what is unknown is not printed again', async () => {
  const parts = [line('0123456789'), { is: 'cut' }] as const;
  await using whole = await bar({ settings: { proof: true } });
  assert.ok((await whole.print('whole', parts)).ok);
  // 12 bytes of status, then 20 of the receipt, then 11 that ask for proof.
  for (let bytes = 0; bytes < 43; bytes += process.env['CLOCK_TEST_LONG'] === '1' ? 1 : 5) {
    await using here = await bar({ settings: { proof: true } });
    here.printer.faults.cutAfterBytes = bytes;
    const outcome = await here.print('1', parts);
    assert.equal(
      whyOf(outcome),
      bytes < 12 ? 'offline' : 'unknown',
      `after ${bytes}: ${JSON.stringify(outcome)}`,
    );
    const again = await here.print('1', parts);
    assert.equal(whyOf(again), bytes < 12 ? 'ok' : 'refused', `again after ${bytes}`);
    assert.ok(here.printer.text.filter((text) => text === '0123456789').length <= 1);
  }
});

test('a slow printer: the proof comes when the last line is on paper; the next receipt waits', async () => {
  await using here = await bar({ settings: { proof: true } });
  here.printer.faults.speed = 1;
  const parts = Array.from({ length: 20 }, (...[, i]) => line(`line ${i}`));
  const done: string[] = [];
  const one = async (document: string): Promise<void> => {
    assert.ok((await here.print(document, parts)).ok);
    done.push(`${document} ${here.printer.text.length}`);
  };
  await Promise.all([one('a'), one('b'), one('c')]);
  assert.deepEqual(done, ['a 20', 'b 40', 'c 60']);
});

test('a proof that does not come leaves it unknown', async () => {
  // The clock runs a hundred times faster: nobody waits for the ten seconds.
  const agent = standIn();
  const fast = standIn({
    host: {
      clock: { ...agent.host.clock, nowMs: () => agent.host.clock.nowMs() * 100 },
      dialTcp: async (where, signal) => {
        const call = await dialTcp(where, signal);
        return { ...call, read: async (msMax) => call.read(msMax / 100) };
      },
    },
  });
  await using here = await bar({ settings: { proof: true, status: false }, agent: fast });
  here.printer.faults.hasProof = false;
  const outcome = await here.print('1');
  assert.equal(whyOf(outcome), 'unknown');
  assert.match(textOf(outcome), /does not say that all is printed/);
});

test('another client has the printer: it waits for it, or says that it is busy', async () => {
  await using here = await bar({ settings: { proof: true } });
  const other = here.printer.connect!(
    () => {},
    () => {},
  );
  const waiting = here.print('1');
  await new Promise((done) => setTimeout(done, 100));
  assert.deepEqual(here.printer.text, []);
  other.closed();
  assert.ok((await waiting).ok);
  // One that never gets a word.
  here.printer.faults.isSilent = true;
  const busy = await here.print('2');
  assert.equal(whyOf(busy), 'busy');
  assert.match(textOf(busy), /another program is printing/);
  here.printer.faults.isSilent = false;
  assert.ok((await here.print('2')).ok);
});

test('a printer that takes nothing in the middle is unknown, one that is not there offline', async () => {
  const slow = new OperatorError('slow', 'takes nothing');
  let written = 0;
  const agent = standIn({
    host: {
      dialTcp: async (where, signal) => {
        const call = await dialTcp(where, signal);
        return {
          ...call,
          write: async (bytes) => {
            written += 1;
            // The fifth: four ask for the status.
            if (written === 5) throw slow;
            await call.write(bytes);
          },
        };
      },
    },
  });
  await using here = await bar({ agent });
  const outcome = await here.print('1');
  assert.deepEqual([whyOf(outcome), textOf(outcome).includes('slow')], ['unknown', true]);
  assert.equal(whyOf(await here.print('1')), 'refused');
  const refused = new OperatorError('EHOSTUNREACH', 'no way');
  const off = standIn({ host: { dialTcp: async () => Promise.reject(refused) } });
  await using gone = await bar({ agent: off });
  const offline = await gone.print('1');
  assert.match(textOf(offline), /not reached \(EHOSTUNREACH\): is it switched on/);
  const told = { kind: 'device.status', device: 'bar', problems: ['not-reached'] };
  assert.deepEqual([whyOf(offline), off.events], ['offline', [told]]);
  assert.equal(off.talks.at(-1)?.at, 'down');
});

test('orders that cannot be printed: wrong, expired, or the agent is away', async () => {
  await using here = await bar();
  assert.equal(whyOf(await here.print('1', [line('日本')])), 'wrong');
  assert.equal(whyOf(await here.print('1', RECEIPT, AbortSignal.abort())), 'expired');
  here.agent.isAway = true;
  assert.equal(whyOf(await here.print('1')), 'busy');
  here.agent.isAway = false;
  assert.deepEqual(here.printer.text, []);
  const stop = new AbortController();
  here.printer.faults.speed = 1;
  const going = here.print('1', RECEIPT, stop.signal);
  await here.agent.until('begun', () => here.agent.remembered.size > 0);
  // Nobody calls a receipt back that has begun.
  stop.abort();
  assert.ok((await going).ok);
  const greek = await here.print('2', [line('ζ')]);
  assert.deepEqual(greek, { ok: true, body: { printed: 'status', transliterated: 1, lost: 0 } });
});

test('a printer at a device file: asked, printed, proved', async () => {
  const printer = createPrinter({ columns: 48, codePages: [...PAGES] });
  await using system = await behind(printer, { at: 'pty' });
  // Made by the test, and so not one of the names that a form takes.
  const at = { kind: 'usb-printer', device: '/dev/usb/lp0' } as const;
  const [form] = parsed([{ at, proof: true }]).printers;
  const usb = { ...at, device: system.device, reconnect: { firstSeconds: 1, maxSeconds: 1 } };
  const settings = { ...parsed([{ at }]), printers: [{ ...form!, at: usb }] };
  const agent = standIn();
  const running = escpos.start(settings, agent.host);
  const order = { kind: 'receipt.print', printer: 'bar', document: '1', parts: RECEIPT } as const;
  assert.deepEqual(await running.handle(order, never), { ok: true, body: { printed: 'proof' } });
  assert.deepEqual(printer.text, PAPER);
  await system.unplug();
  const gone = await running.handle({ ...order, document: '2' }, never);
  assert.deepEqual([whyOf(gone), agent.talks.at(-1)?.at], ['offline', 'down']);
  await running.close();
});

test('printers are looked at: the page and the agent know how they are', async () => {
  const agent = standIn();
  await using here = await bar({ agent, more: { watchSeconds: 1 } });
  await agent.until('up', () => agent.talks.at(-1)?.at === 'up');
  here.printer.faults.isCoverOpen = true;
  await agent.until('told', () => agent.events.length === 1);
  assert.deepEqual(here.printer.text, []);
});

test('the test prints nothing and says how each printer is', async () => {
  const settings = parsed([{ name: 'a' }, { name: 'b', status: false }]);
  const simulated = escpos.counterpart(settings, {
    clock: standIn().host.clock,
    random: Math.random,
  });
  const printer = simulated as SimulatedPrinter;
  const { dialTcp: dial } = rehearse(printer);
  const agent = standIn({ host: { dialTcp: dial } });
  printer.faults.isCoverOpen = true;
  const steps = await escpos.test(settings, agent.host, never);
  assert.deepEqual(steps, [
    { step: 'a', ok: false, text: 'the cover is open' },
    { step: 'b', ok: true, text: 'reached; it is not asked how it is' },
  ]);
  assert.deepEqual(printer.text, []);
  printer.close();
});
