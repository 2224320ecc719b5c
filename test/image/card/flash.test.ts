// Sixteen cards at once, good ones of different speeds and bad ones of each kind: the good ones hold what
// they should, bit for bit, the bad ones stand in the ledger with their reason, and start from no board.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, test } from 'node:test';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import type { CardView } from '../../../image/card/ports.ts';
import { writeOpened } from '../../../image/card/writer.ts';
import { registrationOf } from '../../../image/ledger/registration.ts';
import { seal, unseal } from '../../../image/ledger/seal.ts';
import { listOrders, listUnits, unitDetails } from '../../../image/ledger/units.ts';
import type { FlashRow } from '../../../image/ledger/units.ts';
import { verifyStore } from '../../../image/ledger/verify.ts';
import { openContent } from '../../../image/unit/content.ts';
import { MIB, NOT_FINISHED } from '../../../image/unit/layout.ts';
import { doubleCard, startingBlock } from './device.double.ts';
import type { DoubleCard, Faults } from './device.double.ts';
import { by, hotel, sample } from '../ledger/sample.ts';
import { CARD_BYTES, flashDouble, makeWorks } from './factory.ts';
import type { Flashed, FullOrder } from './factory.ts';
import { ledgerDouble } from './ledger.double.ts';

const works = await makeWorks();
after(() => rm(works.folder, { recursive: true, force: true }));

/** Throws unless the card holds exactly this content. */
async function assertHolds(card: DoubleCard, order: FullOrder): Promise<void> {
  const content = await openContent(order);
  for (const { at, bytes } of content.extents) {
    for (let done = 0; done < bytes; done += MIB) {
      const wanted = Buffer.alloc(Math.min(MIB, bytes - done));
      content.fill(at + done, wanted);
      assert.ok(card.peek(at + done, wanted.length).equals(wanted), `at byte ${at + done}`);
    }
  }
  await content.close();
}

/** Neither a partition table nor the mark of a boot sector, but words for `inspect`. */
function assertSaysNotFinished(card: DoubleCard): void {
  const first = card.peek(0, 4096);
  const words = Buffer.from(NOT_FINISHED);
  assert.deepEqual(first.subarray(0, words.length), words, 'it says so');
  assert.ok(
    first.subarray(words.length).every((byte) => byte === 0),
    'no board starts from it',
  );
}

function assertUntouched(card: DoubleCard): void {
  assert.equal(card.pages().length, 1);
  assert.deepEqual(card.peek(0, 4096), startingBlock());
}

const GOOD: readonly Faults[] = [{}, { slowMs: 1 }, { slowMs: 3 }, { slowMs: 8 }, {}, {}, {}, {}];
const BAD: readonly (readonly [string, Faults])[] = [
  ['card-failing', { after: { bytes: 9 * MIB, code: 'EIO' } }],
  ['card-pulled', { after: { bytes: 20 * MIB, code: 'ENXIO' } }],
  ['card-pulled', { after: { bytes: 1, code: 'ENOMEDIUM' } }],
  ['card-lies', { really: { bytes: 1_000 * MIB, beyond: 'forgets' } }],
  ['card-lies', { really: { bytes: 1_024 * MIB, beyond: 'wraps' } }],
  ['card-lies', { really: { bytes: 1_234_567_168, beyond: 'wraps' } }],
  ['card-differs', { flips: 150 * MIB + 77 }],
  ['card-stalled', { stallsAfter: 12 * MIB }],
];

test('of sixteen cards at once the good ones are right to the bit, the bad ones say why', async (t) => {
  const identity = await generateIdentity();
  using at = sample({ recipient: await identityToRecipient(identity) });
  const { ledger } = at;
  const escrow = (text: string): Promise<string> => seal(text, ledger.recipient!);
  const all = [...GOOD.map((faults) => ['', faults] as const), ...BAD];
  ledger.make([{ ...hotel, count: all.length }], by);
  const rowOf = (device: string): FlashRow =>
    listUnits(ledger)
      .flatMap(({ serial }) => unitDetails(ledger, serial).flashes)
      .find((row) => row.device === device)!;
  const cards = all.map(([, faults]) => doubleCard(CARD_BYTES, faults));
  const flashed = await Promise.all(
    cards.map((card, n) => {
      // A busy machine holds up a good one as long.
      const isStalling = all[n]![1].stallsAfter !== undefined;
      const patience = isStalling ? { stallMs: 3_000 } : {};
      const needs = { order: 'A-17', escrow };
      return flashDouble(card, { works, ledger, name: `card ${n}`, needs, ...patience });
    }),
  );
  const good = flashed.slice(0, GOOD.length);

  await t.test('each good one reads back what it should, and is done in the ledger', async () => {
    for (const [n, { view, order }] of good.entries()) {
      assert.equal(view.phase, 'done', JSON.stringify(view.reason));
      await assertHolds(cards[n]!, order!);
      const row = rowOf(`card ${n}`);
      assert.equal(row.state, 'done');
      assert.match(row.sha256!, /^[0-9a-f]{64}$/);
    }
    assert.deepEqual(listOrders(ledger), [{ name: 'A-17', wanted: all.length, done: good.length }]);
  });

  await t.test(
    'no two have a serial, a key, a token or an encrypted sector in common',
    async () => {
      const different = (what: string, of: (one: Flashed) => string): void => {
        assert.equal(new Set(good.map(of)).size, good.length, what);
      };
      different('serial', ({ view }) => view.serial!);
      different('volume key', ({ order }) => order!.keys.volumeKey.toString('hex'));
      different('transport key', ({ order }) => order!.keys.transportKey.toString('hex'));
      for (const name of ['serial', 'recovery.key', 'registration.token']) {
        different(name, ({ order }) => Buffer.from(order!.record[name]!).toString());
      }
      different('root image on the card', ({ view }) => {
        const card = cards[Number(view.card.device.slice(5))]!;
        return card.peek(150 * MIB, 4096).toString('hex');
      });
      for (const { order, view } of good) {
        const row = rowOf(view.card.device);
        assert.equal(row.serial, view.serial);
        const recoveryKey = Buffer.from(order!.record['recovery.key']!).toString();
        assert.equal(await unseal(row.escrow!, [identity]), recoveryKey, 'support can open it');
        assert.equal(
          row.registration,
          registrationOf(Buffer.from(order!.record['registration.token']!).toString()),
        );
      }
    },
  );

  for (const [index, [code, faults]] of BAD.entries()) {
    await t.test(`${code}: ${JSON.stringify(faults)}`, () => {
      const n = GOOD.length + index;
      const { view } = flashed[n]!;
      assert.equal(view.phase, 'bad');
      assert.equal(view.reason?.code, code, view.reason?.text);
      assert.ok(view.reason.hint.length > 10, 'it says what to do');
      assertSaysNotFinished(cards[n]!);
      const { state, code: noted, reason, serial } = rowOf(`card ${n}`);
      assert.deepEqual([state, noted, reason], ['bad', code, view.reason.text]);
      assert.equal(ledger.unit(serial).state, 'new', 'it waits for another card');
    });
  }
  await t.test('the chain of the ledger is whole', () => {
    assert.deepEqual(verifyStore(ledger.store).problems, []);
  });
});

for (const step of ['begin', 'verified', 'end'] as const) {
  test(`a ledger that is full at "${step}": the card starts from no board, or is as it was`, async () => {
    let isFull = true;
    const ledger = ledgerDouble((at) => at === step && isFull);
    const card = doubleCard(CARD_BYTES);
    const { view } = await flashDouble(card, { works, ledger });
    assert.equal(view.phase, step === 'begin' ? 'untouched' : 'bad');
    assert.equal(view.reason?.code, 'ledger-full');
    assert.equal(/unit show/.test(view.reason.text), step === 'end', 'only then it is uncertain');
    if (step === 'begin') assertUntouched(card);
    else assertSaysNotFinished(card);
    isFull = false;
    const other = await flashDouble(doubleCard(CARD_BYTES), { works, ledger });
    assert.equal(other.view.phase, 'done', 'the next one is written');
    const isSame = other.view.serial === view.serial;
    assert.equal(isSame, step === 'verified', 'a serial is given again when no card has it');
  });
}

test('Ctrl-C in the middle: the card is not finished, says so, and starts from no board', async () => {
  const ledger = ledgerDouble();
  const abort = new AbortController();
  let bytes = 0;
  const card = doubleCard(CARD_BYTES, {
    onWrite: (_at, length) => {
      bytes += length;
      if (bytes > 10 * MIB) abort.abort();
    },
  });
  const { view } = await flashDouble(card, { works, ledger, signal: abort.signal });
  assert.equal(view.reason?.code, 'stopped');
  assertSaysNotFinished(card);
  assert.equal(ledger.rows[0]?.end?.result, 'bad');
});

test('Ctrl-C while the first block is written: the card is finished, or says itself what was wrong', async () => {
  for (const isFailing of [false, true]) {
    const ledger = ledgerDouble();
    const abort = new AbortController();
    const card = doubleCard(CARD_BYTES, {
      onWrite: () => {
        if (isFailing && abort.signal.aborted)
          throw Object.assign(new Error('I/O'), { code: 'EIO' });
      },
    });
    const show = ({ phase }: CardView): void => {
      if (phase === 'finishing') abort.abort();
    };
    const { signal } = abort;
    const { view, order } = await flashDouble(card, { works, ledger, signal, needs: { show } });
    const end = ledger.rows[0]?.end;
    if (!isFailing) {
      assert.deepEqual([view.phase, end?.result], ['done', 'done'], view.reason?.text);
      await assertHolds(card, order!);
      continue;
    }
    assert.deepEqual([view.reason?.code, end?.result], ['card-failing', 'bad']);
    assert.doesNotMatch(view.reason!.text, /no board/, 'nobody knows');
    assert.match(view.reason!.text, /uncertain: see/);
  }
});

test('a card that was changed for a smaller one is not written', async () => {
  const card = doubleCard(CARD_BYTES);
  const swapped = { ...card, bytes: CARD_BYTES - 4096 };
  const { view } = await flashDouble(card, {
    works,
    ledger: ledgerDouble(),
    needs: {
      write: (_card, order, hooks) => writeOpened(swapped, order, hooks),
    },
  });
  assert.equal(view.reason?.code, 'card-pulled');
  assertUntouched(card);
});

test('views tell phase, share and rate; the last one is the end', async () => {
  const { views, view } = await flashDouble(doubleCard(CARD_BYTES, { slowMs: 2 }), {
    works,
    ledger: ledgerDouble(),
  });
  const phases = [...new Set(views.map(({ phase }) => phase))];
  assert.deepEqual(phases, ['preparing', 'writing', 'reading', 'finishing', 'done']);
  assert.deepEqual(views.at(-1), view);
  for (const { done, bytesPerSecond } of views) {
    assert.ok(done >= 0 && done <= 1);
    assert.ok(bytesPerSecond >= 0);
  }
});
