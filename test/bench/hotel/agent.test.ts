// The real agent bundle on a device in the simulated hotel: every check passes in an open network, and
// each thing that a hotel's firewall does turns exactly one check to failed.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bundleAgent } from '../../../image/release/bundle.ts';
import { TROUBLES, endTrouble } from '../expected.ts';
import { idsIn, unpassed } from '../status.ts';
import type { Status } from '../status.ts';
import { makeUnitRoot } from '../unit-root.ts';
import { PORT } from './device.ts';
import type { Device } from './device.ts';
import { openHotel } from './hotel.ts';
import type { Hotel } from './hotel.ts';

const SERIAL = '0123456789abcdef'.repeat(2);
/** Two silent time servers and a silent name server take 20 s; a busy machine longer. */
const DIAGNOSE_MS_MAX = 90_000;
/** The checks wait for silence most of the time; a hotel each, so that none sees another's trouble. */
const HOTELS_AT_ONCE = 4;

let outDir = '';
let bundle = '';

before(async () => {
  outDir = await mkdtemp(join(tmpdir(), 'hotel-agent-'));
  bundle = (await bundleAgent({ outDir, minify: false })).file;
});
after(() => rm(outDir, { recursive: true, force: true }));

interface Unit {
  readonly hotel: Hotel;
  readonly device: Device;
}

async function plugIn(hotel: Hotel): Promise<Unit> {
  return { hotel, device: await hotel.plugDevice(`clockrpi-${SERIAL}`) };
}

/** One run of all checks on the device; `endpoints` is the factory record's, if there is one. */
async function diagnose({ hotel, device }: Unit, endpoints?: string): Promise<Status> {
  const { mac, lease } = device;
  const root = await mkdtemp(join(hotel.folder, 'root-'));
  await makeUnitRoot(root, { serial: SERIAL, endpoints, lease, port: { name: PORT, mac } });
  const argv = [process.execPath, bundle, 'diagnose', '--json', '--root', root];
  const signal = AbortSignal.timeout(DIAGNOSE_MS_MAX);
  const { stdout } = await device.exec(argv, { accept: [0, 1], signal });
  return JSON.parse(stdout) as Status;
}

describe('the agent in a hotel', { concurrency: HOTELS_AT_ONCE }, () => {
  test('in an open network every check of network and cloud passes', async () => {
    await using hotel = await openHotel();
    const status = await diagnose(await plugIn(hotel), hotel.endpointsOverride());
    assert.equal(status.hostName, `clockrpi-${SERIAL}`);
    assert.deepEqual(unpassed(status), []);
    assert.deepEqual(idsIn(status, 'failed'), []);
  });

  for (const { name, begin, failed, notNeeded, remedy } of TROUBLES) {
    const outcome = failed === undefined ? `${notNeeded} is not needed` : `exactly ${failed} fails`;
    test(`when ${name}, ${outcome}; afterwards all is well again`, async () => {
      await using hotel = await openHotel();
      const unit = await plugIn(hotel);
      await begin(hotel);
      const status = await diagnose(unit, hotel.endpointsOverride());
      assert.deepEqual(idsIn(status, 'failed'), failed === undefined ? [] : [failed]);
      assert.deepEqual(idsIn(status, 'not-needed'), notNeeded === undefined ? [] : [notNeeded]);
      const told = status.results.find(({ id }) => id === failed)?.remedy;
      if (remedy !== undefined) {
        assert.match(told?.text ?? '', remedy.en);
        assert.equal(told?.who, 'network');
      }
      await endTrouble(hotel);
      assert.deepEqual(unpassed(await diagnose(unit, hotel.endpointsOverride())), []);
    });
  }

  test("without the bench's CA the same servers are strangers", async () => {
    await using hotel = await openHotel();
    assert.deepEqual(idsIn(await diagnose(await plugIn(hotel)), 'failed'), ['tls']);
  });
});
