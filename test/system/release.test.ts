// What lies in the image's root, read by the image's own programs: how exposed its services are.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../image/core/run.ts';
import { cacheFolder } from '../../image/release/inputs.ts';
import { toolOfSuite } from '../../image/release/tools.ts';
import { IMAGE } from './units.ts';

/** systemd's scale: 0 is best, 10 worst. The agent needs D-Bus, the network and a JIT compiler. */
const EXPOSURE_MAX: Readonly<Record<string, number>> = {
  'clock-agent.service': 2.0,
  'clock-identify.service': 3.0,
  'clock-restart.service': 3.0,
};

const version = basename(IMAGE, '.img').replace('clock-iot-unit-', '');
const release = join(dirname(IMAGE), 'release', version);
const folder = await mkdtemp(join(tmpdir(), 'clock-root-'));
const root = join(folder, 'root');
after(() => rm(folder, { recursive: true, force: true }));
await run([
  ...toolOfSuite(cacheFolder(), 'fsck.erofs'),
  `--extract=${root}`,
  join(release, 'root.erofs'),
]);

for (const [unit, max] of Object.entries(EXPOSURE_MAX)) {
  test(`${unit} is exposed by ${max} at most, says the image's own systemd-analyze`, async (t) => {
    const argv = ['systemd-analyze', 'security', '--offline=true', '--no-pager', unit];
    const { stdout } = await run(['chroot', root, ...argv]);
    const level = /Overall exposure level for \S+: ([0-9.]+)/.exec(stdout)?.[1];
    t.diagnostic(`${unit}: ${level}`);
    assert.ok(Number(level) <= max, stdout);
  });
}

test('every unit file of ours is one that systemd understands', async () => {
  const units = [
    'clock-agent.service',
    'clock-agent.socket',
    'clock-identify.service',
    'clock-restart.service',
  ];
  const argv = ['systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', ...units];
  const { stderr } = await run(['chroot', root, ...argv]);
  assert.doesNotMatch(stderr, /Unknown|Failed|invalid/i);
});

test('the firewall is one that nft accepts', async () => {
  await run(['nft', '--check', '--file', join(root, 'etc/nftables.conf')]);
});

test('release.json says what the manifest says', async () => {
  const { version: of } = JSON.parse(
    await readFile(join(root, 'usr/share/clock/release.json'), 'utf8'),
  ) as { version: string };
  assert.equal(of, version);
});
