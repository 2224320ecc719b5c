// What all cards of a flasher share, and what they do not: each card is looked at once more, and support's key is asked
// for at each card, so that a station that runs for days follows the ledger.
import assert from 'node:assert/strict';
import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { contentWithin } from '../../../image/card/contents.ts';
import { prepareFlasher } from '../../../image/card/prepare.ts';
import type { Flasher } from '../../../image/card/prepare.ts';
import { createLedger, openLedger } from '../../../image/ledger/ledger.ts';
import type { Ledger } from '../../../image/ledger/ledger.ts';
import { seal, unseal } from '../../../image/ledger/seal.ts';
import { newestEvents, setRecipient, unitDetails } from '../../../image/ledger/units.ts';
import { makeKeys } from '../../../image/unit/keys.ts';
import { recordingProgress } from '../core/progress.fake.ts';
import { doubleCard } from './device.double.ts';
import { CARD_BYTES, flashDouble, makeWorks } from './factory.ts';

const works = await makeWorks();
after(() => rm(works.folder, { recursive: true, force: true }));
const at = (name: string): string => join(works.folder, name);
process.env['XDG_CACHE_HOME'] = at('cache');
await writeFile(at('signer.pem'), works.key.publicKeyPem);
const BY = { operator: 'ada', station: 'bench' };

async function newCard(name: string): Promise<string> {
  const handle = await open(at(name), 'w');
  await handle.truncate(CARD_BYTES);
  await handle.close();
  return at(name);
}

const ASKED = { order: undefined, show: () => {}, shown: 'new' } as const;

const flasherFor = (ledger: Ledger): Promise<Flasher> =>
  prepareFlasher(
    {
      ...{ claim: undefined, endpoints: undefined, release: works.release, releases: at('none') },
      ...{ signer: at('signer.pem'), by: BY },
    },
    { progress: recordingProgress(), signal: new AbortController().signal, ledger },
  );

test('a card that was written meanwhile is left as it is, and the ledger with its unit', async () => {
  const ledger = createLedger(at('meanwhile.db'), { recipient: undefined, by: BY });
  const flasher = await flasherFor(ledger);
  const card = { device: await newCard('meanwhile'), bytes: CARD_BYTES, model: 'a file' };
  const first = await flasher.flash(card, ASKED);
  assert.equal(first.phase, 'done', first.reason?.text);
  const events = (): number => newestEvents(ledger, 100).length;
  const before = events();
  const second = await flasher.flash(card, ASKED);
  assert.deepEqual([second.phase, second.reason?.code], ['untouched', 'card-changed']);
  const [gone, smaller] = [
    { ...card, device: at('nothing') },
    { ...card, bytes: CARD_BYTES + 4096 },
  ];
  for (const wrong of [gone, smaller]) {
    const view = await flasher.flash(wrong, { ...ASKED, shown: 'ours' });
    assert.deepEqual([view.phase, view.reason?.code], ['untouched', 'card-pulled']);
  }
  const unit = first.serial!;
  assert.deepEqual(await contentWithin(card.device), { holds: 'ours', unit });
  const stranger = await flasher.flash(
    { ...card, unit: '0'.repeat(32) },
    { ...ASKED, shown: 'ours' },
  );
  assert.equal(stranger.reason?.code, 'card-changed', 'another unit’s');
  assert.equal(events(), before, 'nothing is told of what did not happen');
  assert.equal(ledger.unit(first.serial!).state, 'done');
  const third = await flasher.flash({ ...card, unit }, { ...ASKED, shown: 'ours' });
  assert.equal(third.phase, 'done', third.reason?.text);
  assert.equal(ledger.unit(first.serial!).state, 'overwritten');
  ledger.close();
});

test('each card’s recovery key is sealed to the key that support has then', async () => {
  const [first, second] = [await generateIdentity(), await generateIdentity()];
  const ledger = createLedger(at('ledger.db'), { recipient: undefined, by: BY });
  // The command that sets it is another process.
  const command = openLedger(at('ledger.db'));
  const flasher = await flasherFor(ledger);
  const escrowOf = async (name: string): Promise<string | null> => {
    const device = await newCard(name);
    const card = { device, bytes: CARD_BYTES, model: 'a file' };
    const view = await flasher.flash(card, ASKED);
    assert.equal(view.phase, 'done', view.reason?.text);
    return unitDetails(ledger, view.serial!).flashes.at(-1)!.escrow;
  };
  assert.equal(await escrowOf('one'), null);
  setRecipient(command, await identityToRecipient(first), BY);
  assert.match(await unseal((await escrowOf('two'))!, [first]), /^[0-9a-f]{64}/);
  setRecipient(command, await identityToRecipient(second), BY);
  assert.match(await unseal((await escrowOf('three'))!, [second]), /^[0-9a-f]{64}/);
  setRecipient(command, undefined, BY);
  assert.equal(await escrowOf('four'), null);
  command.close();
  ledger.close();
});

test('support’s key that is set while a card’s keys are made is the one that counts', async () => {
  const identity = await generateIdentity();
  const recipient = await identityToRecipient(identity);
  const ledger = createLedger(at('other.db'), { recipient: undefined, by: BY });
  const { view } = await flashDouble(doubleCard(CARD_BYTES), {
    ...{ works, ledger },
    needs: {
      makeKeys: async (signal) => {
        setRecipient(ledger, recipient, BY);
        return makeKeys(signal);
      },
      escrow: async (text) =>
        ledger.recipient === undefined ? undefined : seal(text, ledger.recipient),
    },
  });
  assert.equal(view.phase, 'done', view.reason?.text);
  const { escrow } = unitDetails(ledger, view.serial!).flashes[0]!;
  assert.match(await unseal(escrow!, [identity]), /^[0-9a-f]{64}/);
  ledger.close();
});
