// A renewal by order, with the real link and the real adapters against the bench's cloud: what the
// capability for remote work gets told, and what becomes of the certificate.
import assert from 'node:assert/strict';
import { mkdtempDisposable, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { portOf } from '../../../agent/core/connection.ts';
import type { Dial } from '../../../agent/core/connection.ts';
import { createLog } from '../../../agent/core/log.ts';
import { realCertificates } from '../../../agent/io/certificates.ts';
import { realFolder } from '../../../agent/io/folder.ts';
import { dialMqtt } from '../../../agent/io/mqtt.ts';
import { createLink } from '../../../agent/link/run.ts';
import { createRenewal } from '../../../agent/provisioning/renew.ts';
import { parseSaved, renderSaved } from '../../../agent/provisioning/wire.ts';
import { openCloud } from '../../bench/cloud/cloud.ts';

const SERIAL = '00112233445566778899aabbccddeeff';
const THING = `clockrpi-${SERIAL}`;

test('an order renews a certificate that is not due; it is not taken before, or without the time', async () => {
  await using cloud = await openCloud({ hosts: ['localhost'] });
  await using home = await mkdtempDisposable(`${tmpdir()}/renew-`);
  const { certificateId, certPem: certificatePem, keyPem } = cloud.addThing(THING);
  const folder = realFolder(home.path);
  const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };
  const place = { host: 'localhost', ports: cloud.ports, roots: [cloud.rootsPem] };
  const dial: Dial = (how, hear) => dialMqtt(place, how, hear);
  const base = { clock, random: Math.random, log: createLog(() => {}), dial };
  let isSet = false;
  const told: string[] = [];
  const renewal = createRenewal({
    ...{ ...base, folder, certificates: realCertificates, serial: SERIAL, thing: THING },
    link: {
      send: (topic, body) => link.send(topic, body),
      pause: () => link.pause(),
      start: (credentials) => link.start(credentials),
    },
    isClockSet: async () => isSet,
    onRenewed: (id) => told.push(id),
  });
  const link = createLink({
    ...base,
    portOf: (route) => portOf(route, cloud.ports),
    source: { take: () => [], settle: () => {}, bury: () => {} },
    remotes: [renewal.remote],
    clientId: THING,
    onChange: () => {},
  });
  try {
    assert.deepEqual(await renewal.order(), { taken: false, why: 'not-provisioned' });
    await folder.write('unit.key', keyPem);
    await folder.write(
      'provisioning.json',
      renderSaved({ v: 1, at: 'done', certificateId, certificatePem }),
    );
    link.start({ certificatePem, keyPem });
    renewal.begin();
    await cloud.connected(THING, { withinMs: 20_000 });
    // The state is read by now: connecting takes a second.
    assert.deepEqual(await renewal.order(), { taken: false, why: 'clock-not-set' });
    isSet = true;
    const both = await Promise.all([renewal.order(), renewal.order()]);
    assert.deepEqual(both, [{ taken: true }, { taken: true }]);
    for (let i = 0; i < 3_000 && told.length === 0; i += 1) await sleep(10);
    const saved = parseSaved(await readFile(`${home.path}/provisioning.json`, 'utf8'));
    assert.ok(saved.at === 'done' && saved.next === undefined);
    assert.deepEqual([saved.certificateId, saved.key], [told[0], 'unit-2.key']);
    assert.notEqual(saved.certificateId, certificateId);
    await cloud.connected(THING, { withinMs: 20_000 });
    for (let i = 0; i < 500 && (await folder.read('unit.key')) !== undefined; i += 1) {
      await sleep(10);
    }
    assert.equal(await folder.read('unit.key'), undefined, 'the old key is gone');
    await sleep(1_000);
    assert.deepEqual(told, [saved.certificateId], 'twice ordered, once renewed');
  } finally {
    renewal.close();
    link.close();
  }
});
