// What lies in the image's root, read by the image's own programs: how exposed its services are.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
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

test('systemd knows every setting it is given, and makes no unit at a start', async () => {
  const systemd = await readFile(join(root, 'usr/lib/systemd/systemd'), 'latin1');
  const settings = await readFile(join(root, 'etc/systemd/system.conf.d/clock.conf'), 'utf8');
  const names: readonly string[] = settings.match(/^\w+(?==)/gm) ?? [];
  assert.ok(names.includes('CrashAction'));
  // It passes over what it does not know, with a line that nobody reads.
  for (const name of names) assert.ok(systemd.includes(`\0${name}\0`), name);
  await assert.rejects(readdir(join(root, 'usr/lib/systemd/system-generators')), {
    code: 'ENOENT',
  });
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
