// A second card for a unit that had one, as processes against the cloud's double: it pairs again under the same
// serial and goes on with what the first had not told; the first is shut out; nobody else gets in by the claim.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { registrationOf, tokenText } from '../../image/ledger/registration.ts';
import { prepare, salvage } from '../../image/unit/recover/queue.ts';
import { openCloud } from '../bench/cloud/cloud.ts';
import type { Cloud } from '../bench/cloud/api.ts';
import { SERIAL } from './running.ts';
import { THING, Unit } from './unit.ts';

const EVENTS = `clock/v1/${THING}/event/unit`;

const units: Unit[] = [];
after(async () => {
  for (const unit of units) await unit.remove();
});

/** A card of this serial, with a token of its own unless `token` says otherwise. */
async function card(cloud: Cloud, token: string | undefined): Promise<Unit> {
  const unit = await Unit.prepare(cloud);
  units.push(unit);
  if (token !== undefined) await writeFile(join(unit.folder, 'registration.token'), token);
  return unit;
}

/** The ledger has begun a card with this token. */
const announce = (cloud: Cloud, token: string): void =>
  cloud.announce([{ serial: SERIAL, registration: registrationOf(token) }]);

const statusOf = (cloud: Cloud, id: string): string | undefined =>
  cloud.view().certificates.find(({ certificateId }) => certificateId === id)?.status;
const idsAt = (cloud: Cloud): string[] =>
  cloud
    .messages(EVENTS)
    .map(({ payload }) => (JSON.parse(payload.toString()) as { id: string }).id);

test('a reflashed unit pairs again, goes on with the queue of its old card, and the old card is refused', async () => {
  await using cloud = await openCloud({ hosts: ['localhost'] });
  const [first, second] = [tokenText(randomBytes(32)), tokenText(randomBytes(32))];
  announce(cloud, first);
  const old = await card(cloud, first);
  // All it tells is heard and never acknowledged: on its card it waits.
  const deaf = cloud.inject({ at: 'send', packet: 'puback', do: 'swallow' });
  await old.start();
  await old.untilUp();
  await cloud.nextMessage(EVENTS);
  await old.pull();
  deaf.undo();
  assert.ok(!(await old.files()).includes('registration.token'), 'used up, as the claim is');
  const oldId = await old.certificateId();

  const fresh = await card(cloud, second);
  const queue = join(fresh.folder, 'outbox.db');
  await mkdir(fresh.folder, { recursive: true });
  await salvage(join(old.folder, 'outbox.db'), queue);
  const carried = prepare(queue, { isDoubted: false }).waiting.reduce(
    (n, { count }) => n + count,
    0,
  );
  assert.ok(carried > 0, 'something waits');
  const [heard] = idsAt(cloud);

  announce(cloud, second);
  await fresh.start();
  await fresh.untilUp();
  const id = await fresh.certificateId();
  assert.notEqual(id, oldId);
  await fresh.until(({ outbox }) => outbox.waiting === 0);
  assert.equal(idsAt(cloud).filter((one) => one === heard).length, 2, 'again, under the same id');
  assert.deepEqual([statusOf(cloud, oldId), statusOf(cloud, id)], ['INACTIVE', 'ACTIVE']);

  // Both have power: the old one is refused, and does not disturb the other.
  await old.start();
  await old.until(({ link }) => link.refused);
  const [connection] = cloud.view().connections.filter(({ clientId }) => clientId === THING);
  assert.equal(connection?.certificateId, id);
  assert.equal((await fresh.status()).link.at, 'up');
  await old.stop();
  await fresh.stop();
});

test('who has the claim cannot take over a serial: not without a token, not with that of an older card', async () => {
  await using cloud = await openCloud({ hosts: ['localhost'] });
  const [first, second] = [tokenText(randomBytes(32)), tokenText(randomBytes(32))];
  announce(cloud, first);
  announce(cloud, second);
  for (const token of [undefined, first, tokenText(randomBytes(32))]) {
    const thief = await card(cloud, token);
    await thief.start();
    const { provisioning } = await thief.until((status) => status.provisioning.refused);
    assert.deepEqual(
      [provisioning.step, provisioning.problem?.why],
      ['registration', 'ACCESS_DENIED'],
    );
    assert.equal(
      cloud.view().units.some(({ thing }) => thing === THING),
      false,
    );
    await thief.stop();
  }
});
