// What `./build.sh check` says of machines, and that it knows the packages build.sh installs.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { judge, parsePackages, renderFindings } from '../../../image/host/machine.ts';
import type { Finding, Machine } from '../../../image/host/machine.ts';

const packages = parsePackages(
  await readFile(new URL('../../../image/host/packages', import.meta.url), 'utf8'),
);
const good: Machine = {
  architecture: 'x64',
  system: 'debian 13',
  asRoot: false,
  hasSubordinateIds: true,
  handler: 'enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: POCF\noffset 0\n',
  runsArm64: true,
  wanted: packages,
  installed: new Set(packages.map(({ name }) => name)),
  cores: 2,
  memoryBytes: 4e9,
  freeBytes: 20e9,
};
const finding = (machine: Machine, name: string): Finding =>
  judge(machine).find((found) => found.name === name)!;

test('nothing is wrong with a good machine, and what was not looked at is not called passed', () => {
  const states = new Set(judge(good).map(({ state }) => state));
  assert.deepEqual(states, new Set(['passed', 'not checked']));
  assert.match(renderFindings(judge(good)), /^- mirror and registry +not checked: /m);
});

const lacks: readonly (readonly [string, Partial<Machine>, Finding['state'], RegExp])[] = [
  ['system', { architecture: 'arm64' }, 'failed', /64-bit Intel or AMD/],
  ['system', { system: 'ubuntu 24.04' }, 'warning', /Debian 12 and 13 only/],
  ['packages: boot', { installed: new Set() }, 'failed', /apt-get install .*qemu-system-arm/],
  ['packages: pigen', { installed: new Set() }, 'warning', /apt-get install .*debootstrap/],
  ['arm64 programs', { handler: undefined }, 'failed', /as root/],
  ['arm64 programs', { handler: 'disabled\nflags: F\n' }, 'failed', /echo 1/],
  ['arm64 programs', { handler: 'enabled\nflags: OC\n' }, 'failed', /echo -1/],
  ['arm64 programs', { runsArm64: false }, 'failed', /as root/],
  ['rights', { hasSubordinateIds: false }, 'failed', /add-subuids/],
  ['space', { freeBytes: 3.9e9 }, 'failed', /needs 4 GB/],
  ['memory', { memoryBytes: 1e9 }, 'warning', /1 GB alone/],
];
for (const [name, change, state, remedy] of lacks) {
  test(`${name}: ${JSON.stringify(change)} is ${state} with a remedy`, () => {
    const found = finding({ ...good, ...change }, name);
    assert.equal(found.state, state);
    assert.match(found.remedy ?? '', remedy);
  });
}

test('without arch-test the handler is not checked', () => {
  assert.equal(finding({ ...good, runsArm64: undefined }, 'arm64 programs').state, 'not checked');
});

test('every package stands once, in known groups, with its reason', () => {
  const names = packages.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)]);
  for (const { name, groups, why } of packages) {
    assert.match(name, /^[a-z0-9][a-z0-9.+-]+$/);
    const known = ['build', 'pigen', 'boot', 'flash', 'label', 'test'];
    for (const group of groups) assert.ok(known.includes(group), name);
    assert.ok(why.length > 5, `${name} has a reason`);
  }
});
