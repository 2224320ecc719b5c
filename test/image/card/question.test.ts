// What a person is told of cards before they are written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { confirm, listed } from '../../../image/card/question.ts';
import type { Found } from '../../../image/card/question.ts';
import type { CardIdentity, UnitEntry } from '../../../image/ledger/ports.ts';
import type { CardHolder } from '../../../image/ledger/units.ts';
import { recordingProgress } from '../core/progress.fake.ts';

const CID = 'ab'.repeat(16);
const found = (device: string, holds: Found['holds'], cid?: string): Found => ({
  card: {
    ...{ device, bytes: 32e9, model: 'Reader', number: cid },
    ...(cid === undefined ? {} : { cid }),
  },
  holds,
});
const hotel: UnitEntry = {
  ...{ serial: 'a407a36985b48965a3e00ab85aa1e820', name: 'Hotel Бор', state: 'done' },
  ...{ accounts: [], services: [], cards: 1, labelled: false },
};

async function told(cards: readonly Found[], { unit }: { unit?: UnitEntry } = {}) {
  const progress = recordingProgress();
  const holder = ({ cid, unit }: CardIdentity): CardHolder | undefined => {
    if (cid === CID) return { unit: hotel, isCurrent: true };
    return unit === hotel.serial ? { unit: hotel, isCurrent: false } : undefined;
  };
  const { signal } = new AbortController();
  const how = { yes: true, station: false, ...(unit === undefined ? {} : { unit }) };
  await confirm(how, cards, { progress, signal, holder });
  return progress.events.map((event) => event.replace(/^say /, '')).join('\n');
}

test('a card that is written anew is named with what is lost, and whose it is', async () => {
  const text = await told([
    found('/dev/sdb', 'new'),
    found('/dev/sdc', 'ours'),
    found('/dev/sdd', 'unreadable'),
    found('/dev/mmcblk0', 'ours', CID),
  ]);
  assert.equal(
    text,
    `/dev/sdb      32.0 GB  Reader  no number
/dev/sdc      32.0 GB  Reader  no number                         a finished unit
/dev/sdd      32.0 GB  Reader  no number                         cannot be read
/dev/mmcblk0  32.0 GB  Reader  ${CID}  a finished unit
! /dev/sdc has a finished unit's card
! /dev/sdd cannot be read: a failed unit's card perhaps, of which "recover" may save something
! /dev/mmcblk0 has the card of unit ${hotel.serial} (Hotel Бор), which needs another one then
All that is on these 4 cards is lost.`,
  );
});

test('a unit’s own card is said to be its own; a blank one is nobody’s, whatever its number', async () => {
  assert.match(
    await told([found('/dev/mmcblk0', 'ours', CID)], { unit: hotel }),
    /has the card that this unit runs with: recover it first.*\n.*\nIt becomes the card of unit a407\w+ \(Hotel Бор\)\./,
  );
  const { card, holds } = found('/dev/sdb', 'ours');
  const ofUnit = (unit: string): Promise<string> => told([{ card: { ...card, unit }, holds }]);
  assert.match(await ofUnit(hotel.serial), /has a card of unit a407.*; it may be the one/);
  assert.match(await ofUnit('0'.repeat(32)), /has a finished unit's card, of 0{32}/);
  assert.doesNotMatch(await told([found('/dev/mmcblk0', 'new', CID)]), /!/);
});

test('where nobody can be asked, nothing is written without --yes', async () => {
  const around = {
    ...{ progress: recordingProgress(), signal: new AbortController().signal },
    holder: () => undefined,
  };
  const how = { yes: false, station: false };
  await assert.rejects(confirm(how, [found('/dev/sdb', 'new')], around), { code: 'not-asked' });
  assert.equal(listed([]), 'There is no card in any reader.');
});
