// What all cards of a flasher share, and what they do not: support's key is asked for at each card, so that a station
// that runs for days follows the ledger.
import assert from 'node:assert/strict';
import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { prepareFlasher } from '../../../image/card/prepare.ts';
import { createLedger, openLedger } from '../../../image/ledger/ledger.ts';
import { seal, unseal } from '../../../image/ledger/seal.ts';
import { setRecipient, unitDetails } from '../../../image/ledger/units.ts';
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

test('each card’s recovery key is sealed to the key that support has then', async () => {
  const [first, second] = [await generateIdentity(), await generateIdentity()];
  const ledger = createLedger(at('ledger.db'), { recipient: undefined, by: BY });
  // The command that sets it is another process.
  const command = openLedger(at('ledger.db'));
  const { signal } = new AbortController();
  const flasher = await prepareFlasher(
    {
      ...{ claim: undefined, endpoints: undefined, release: works.release, releases: at('none') },
      ...{ signer: at('signer.pem'), by: BY },
    },
    { progress: recordingProgress(), signal, ledger },
  );
  const escrowOf = async (name: string): Promise<string | null> => {
    const device = await newCard(name);
    const card = { device, bytes: CARD_BYTES, model: 'a file' };
    const view = await flasher.flash(card, { order: undefined, show: () => {} });
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
