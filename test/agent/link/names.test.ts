// The link and name servers that fail: no such name, no answer, a late one. The system's own resolver is
// replaced in this process, since no test asks the outside world.
import assert from 'node:assert/strict';
import dns from 'node:dns';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, mock, test } from 'node:test';
import type { Cloud } from '../../bench/cloud/api.ts';
import { openCloud } from '../../bench/cloud/cloud.ts';
import { openRig } from './rig.ts';
import type { Rig } from './rig.ts';

const MISSING = 'missing.example';
const SILENT = 'silent.example';
const SLOW = 'slow.example';
const SLOW_MS = 3_000;
/** Longer than a dial may take. */
const SILENT_MS = 11_000;
let cloud: Cloud;
let isBroken = true;
const units: Rig[] = [];
const home = await mkdtemp(join(tmpdir(), 'link-'));

const systemLookup = dns.lookup;
type Done = (
  error: Error | null,
  addresses: readonly { address: string; family: number }[],
) => void;

/** As node:net asks: all addresses of a name. */
function lookup(host: string, options: object, done: Done): void {
  if (!host.endsWith('.example')) {
    systemLookup(host, options, done as never);
    return;
  }
  const good = (): void => done(null, [{ address: '127.0.0.1', family: 4 }]);
  const bad = (code: string) => (): void => done(Object.assign(new Error(code), { code }), []);
  if (host === SLOW) setTimeout(good, SLOW_MS);
  else if (!isBroken) setImmediate(good);
  else if (host === MISSING) setImmediate(bad('ENOTFOUND'));
  else setTimeout(bad('EAI_AGAIN'), SILENT_MS);
}

before(async () => {
  mock.method(dns, 'lookup', lookup as typeof dns.lookup);
  cloud = await openCloud({ hosts: [MISSING, SILENT, SLOW] });
});
after(async () => {
  for (const unit of units) unit.close();
  await cloud.close();
  mock.restoreAll();
  await rm(home, { recursive: true, force: true });
});

function rig(thing: string, host: string): Rig {
  const place = { host, ports: cloud.ports, roots: [cloud.rootsPem] };
  const credentials = cloud.addThing(thing);
  const unit = openRig(thing, { place, credentials, home, random: () => 0 });
  units.push(unit);
  return unit;
}
const isUp = (unit: Rig) => (): boolean => unit.link.view().at === 'up';

describe('with a name server', { concurrency: true }, () => {
  test('that is slow, the link comes up late', async () => {
    const unit = rig('late', SLOW);
    await unit.until(isUp(unit), 40_000);
    assert.equal(unit.link.view().failures, 0);
  });

  test('that does not know the name, or is silent, it says so, and comes up when it is mended', async () => {
    const [lost, deaf] = [rig('lost', MISSING), rig('deaf', SILENT)];
    await lost.until(() => lost.link.view().failures >= 2);
    await deaf.until(() => deaf.link.view().problem !== undefined, 40_000);
    isBroken = false;
    assert.equal(lost.link.view().problem?.why, 'ENOTFOUND');
    assert.match(deaf.link.view().problem?.why ?? '', /^(ETIMEDOUT|EAI_AGAIN)$/);
    assert.equal(deaf.link.view().refused, false);
    for (const unit of [lost, deaf]) await unit.until(isUp(unit), 40_000);
  });
});
