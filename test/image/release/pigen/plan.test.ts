// What pi-gen is told, for both bases. The Raspberry Pi archive cannot be asked here, so this is what stands
// between its base and a mistake: the configuration as bash reads it, stages, what is left out.
import assert from 'node:assert/strict';
import { mkdtempDisposable, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../../../image/core/run.ts';
import {
  LEFT_OUT,
  OWN_STAGES,
  STAGES,
  archivesOf,
  baseStage,
  configText,
  noteOf,
  parseDepends,
  quoted,
} from '../../../../image/release/pigen/plan.ts';
import { planStage } from '../../../../image/release/stages.ts';
import type { Base } from '../../../../image/unit/layout.ts';

const HOME = fileURLToPath(new URL('../../../..', import.meta.url));
const CONFIG = {
  ...{ suite: 'trixie', commit: 'c0ffee', workDir: '/w/work', proxy: undefined },
  env: { CLOCK_INPUTS: "/w/it's $HOME", SOURCE_DATE_EPOCH: '1' },
};
const config = (base: Base): string =>
  configText({ ...CONFIG, base, stages: STAGES[base].map((name) => `/w/${name}`) });

/** What bash makes of the configuration, as build.sh sources it; `child` sees exported ones alone. */
async function sourced(text: string, names: readonly string[], child: boolean): Promise<string[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-config-'));
  const file = join(folder.path, 'config');
  await writeFile(file, text);
  const show = names.map((name) => `printf '%s\\n' "\${${name}-unset}"`).join('; ');
  const script = child
    ? `. "$1"; exec bash -c '${show.replaceAll("'", String.raw`'\''`)}'`
    : `. "$1"; ${show}`;
  const { stdout } = await run(['bash', '-euc', script, 'bash', file]);
  return stdout.trimEnd().split('\n');
}

test('raspios runs stage0 to stage2 of pi-gen and then ours, debian ours alone', () => {
  assert.deepEqual(STAGES.raspios, ['stage0', 'stage1', 'stage2', 'stage-raspios', 'stage-clock']);
  assert.deepEqual(STAGES.debian, ['stage-debian', 'stage-clock']);
  assert.equal(baseStage('raspios'), 'stage-raspios');
  assert.equal(baseStage('debian'), 'stage-debian');
});

for (const base of ['debian', 'raspios'] as const) {
  test(`${base}: bash reads the configuration as it was meant`, async () => {
    const names = [
      'RELEASE',
      'STAGE_LIST',
      'WORK_DIR',
      'GIT_HASH',
      'ENABLE_SSH',
      'ENABLE_CLOUD_INIT',
    ];
    assert.deepEqual(await sourced(config(base), names, false), [
      'trixie',
      STAGES[base].map((name) => `/w/${name}`).join(' '),
      ...['/w/work', 'c0ffee', '0', '0'],
    ]);
  });

  test(`${base}: no password, no Wi-Fi, no user of somebody's is configured`, async () => {
    const names = ['FIRST_USER_PASS', 'PASSWORDLESS_SUDO', 'WPA_COUNTRY', 'PUBKEY_SSH_FIRST_USER'];
    assert.deepEqual(await sourced(config(base), names, false), ['unset', '0', 'unset', 'unset']);
  });

  test(`${base}: what our scripts read is exported, whatever is in it`, async () => {
    const seen = await sourced(config(base), ['CLOCK_INPUTS', 'SOURCE_DATE_EPOCH'], true);
    assert.deepEqual(seen, ["/w/it's $HOME", '1']);
  });
}

test('a proxy of this machine is used, and none is asked for where there is none', async () => {
  const proxied = configText({
    ...CONFIG,
    base: 'debian',
    stages: [],
    proxy: 'http://127.0.0.1:1',
  });
  assert.deepEqual(await sourced(proxied, ['APT_PROXY'], false), ['http://127.0.0.1:1']);
  assert.deepEqual(await sourced(config('debian'), ['APT_PROXY'], false), ['unset']);
});

test('quoted() gives bash exactly these characters', async () => {
  const text = `a'b"c $(exit 1) \\ \`d\` *`;
  const { stdout } = await run(['bash', '-euc', `printf %s ${quoted(text)}`]);
  assert.equal(stdout, text);
});

for (const [danger, folder] of Object.entries({
  'the resize of the root partition, and the swap file': 'stage2/01-sys-tweaks',
  'cloud-init': 'stage2/04-cloud-init',
  'the user rename and default passwords': 'stage1/01-sys-tweaks',
  'Wi-Fi': 'stage2/02-net-tweaks',
})) {
  test(`raspios leaves out ${danger}`, () => {
    assert.ok(LEFT_OUT.some((left) => left.folder === folder && left.why.length > 10));
  });
}

test('raspios keeps the kernel, the firmware and the sources of apt', () => {
  for (const folder of [
    'stage0/00-configure-apt',
    'stage0/02-firmware',
    'stage1/03-install-packages',
  ])
    assert.ok(!LEFT_OUT.some((left) => left.folder === folder), folder);
});

for (const [name, folder] of Object.entries(OWN_STAGES)) {
  test(`${name} keeps to the contract of stages, and starts where the one before it ended`, async () => {
    const steps = await planStage(join(HOME, folder));
    assert.equal(steps[0]?.file, 'prerun.sh');
    assert.ok(((await stat(join(HOME, folder, 'prerun.sh'))).mode & 0o111) !== 0);
    const prerun = await readFile(join(HOME, folder, 'prerun.sh'), 'utf8');
    assert.match(prerun, name === 'stage-debian' ? /\bbootstrap\b/ : /\bcopy_previous\b/);
    for (const step of steps) {
      // pi-gen's on_chroot takes a script on standard input; a command would be taken for a script's name.
      if (step.do !== 'script') continue;
      const script = await readFile(join(step.folder, step.file), 'utf8');
      assert.doesNotMatch(script, /^\s*on_chroot (?!<)/m, `${step.folder}/${step.file}`);
    }
  });
}

test('raspios installs the tools of the OTP key by name', async () => {
  const steps = await planStage(join(HOME, OWN_STAGES['stage-raspios']!));
  const names = steps.flatMap((step) => (step.do === 'packages' ? step.names : []));
  assert.ok(names.includes('rpifwcrypto'));
});

test('no stage of ours makes an image of its own', async () => {
  for (const folder of Object.values(OWN_STAGES)) {
    const names = await readdir(join(HOME, folder));
    assert.ok(!names.includes('EXPORT_IMAGE') && !names.includes('SKIP'), folder);
  }
});

for (const [line, note] of [
  [
    '[19:29:24] Begin /b/stages/stage-debian/01-base/00-packages-nr',
    'stage-debian/01-base/00-packages-nr',
  ],
  ['[19:29:24] Begin /b/stages/stage-debian/prerun.sh', 'stage-debian/prerun.sh'],
  ['I: Retrieving zlib1g 1:1.3', 'retrieving zlib1g'],
  ['I: Unpacking libgmp10:arm64...', 'unpacking libgmp10'],
  ['Setting up udev (257.13-1~deb13u1) ...', 'setting up udev'],
  ['[19:29:24] End /b/stages/stage-debian/prerun.sh', undefined],
  ['Reading package lists...', undefined],
] as const) {
  test(`"${line}" is ${note === undefined ? 'no note' : `the note "${note}"`}`, () => {
    assert.equal(noteOf(line), note);
  });
}

test('parseDepends() tells tool and package', () => {
  assert.deepEqual(parseDepends('quilt\n# no\nmkdosfs:dosfstools\n\n'), [
    { tool: 'quilt', name: 'quilt' },
    { tool: 'mkdosfs', name: 'dosfstools' },
  ]);
});

test('archivesOf() finds every archive of deb822 sources, under the release of today', () => {
  const text =
    'Types: deb\nURIs: http://one.test/debian/\nSuites: RELEASE RELEASE-updates\n\nTypes: deb\nURIs: http://two.test\nSuites: RELEASE\n';
  assert.deepEqual(archivesOf(text, 'trixie'), [
    'http://one.test/debian/dists/trixie',
    'http://one.test/debian/dists/trixie-updates',
    'http://two.test/dists/trixie',
  ]);
});
