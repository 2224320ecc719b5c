// What makes the base root quick: the native dpkg, and the order in which base.sh binds and installs.
// The real thing is compared by reproducible.test.ts and `./build.sh image --no-twins`.
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../../image/core/run.ts';
import { checkTwins, forArm64, toolsFolder } from '../../../image/release/tools.ts';

const HOME = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

test('forArm64() changes the word for the architecture and no other byte', () => {
  const program = Buffer.from('\x7FELF\xFF\0amd64\0Debian (amd64) version\0xamd64\0');
  const changed = forArm64(program);
  assert.equal(changed.length, program.length);
  assert.deepEqual(changed, Buffer.from('\x7FELF\xFF\0arm64\0Debian (amd64) version\0xamd64\0'));
});

test('checkTwins() fails where the changed dpkg is still for amd64, and says what builds anyway', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-twins-'));
  const loader = join(folder.path, 'usr/lib64/ld-linux-x86-64.so.2');
  await mkdir(dirname(loader), { recursive: true });
  const says = async (architecture: string): Promise<void> => {
    await writeFile(loader, `#!/bin/sh\necho ${architecture}\n`);
    await chmod(loader, 0o755);
  };
  await says('arm64');
  await checkTwins(folder.path);
  await says('amd64');
  await assert.rejects(checkTwins(folder.path), { code: 'dpkg-changed', hint: /--no-twins/ });
});

test('toolsFolder() is another one as soon as apt plans another version of a twin', () => {
  const folder = (...planned: string[]): string => toolsFolder({ cache: '/cache', planned });
  const first = folder(
    'Inst dash (0.5.12-12 Debian [arm64])',
    'Inst nftables (257 Debian [arm64])',
  );
  assert.match(first, /^\/cache\/tools-trixie-[0-9a-f]{8}$/);
  assert.equal(
    folder('Inst nftables (258 Debian [arm64])', 'Inst dash (0.5.12-12 Debian [arm64])'),
    folder('Inst dash (0.5.12-12 Debian [arm64])', 'Inst nftables (258 Debian [arm64])'),
  );
  assert.notEqual(
    first,
    folder('Inst dash (0.5.12-13 Debian [arm64])', 'Inst nftables (257 Debian [arm64])'),
  );
});

/** Runs base.sh on a root that a package has been unpacked into; returns what it called, in order. */
async function calls(twins: boolean): Promise<string[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-twins-'));
  const at = (...names: string[]): string => join(folder.path, ...names);
  for (const name of [
    'bin',
    'root/usr/bin',
    'root/usr/lib',
    'root/etc/dpkg/dpkg.cfg.d',
    'root/etc/apt/apt.conf.d',
  ]) {
    await mkdir(at(name), { recursive: true });
  }
  await mkdir(at('root/var/lib/dpkg/info'), { recursive: true });
  await mkdir(at('tools/usr/bin'), { recursive: true });
  for (const place of ['root', 'tools']) {
    for (const name of ['dash', 'sha256sum']) await writeFile(at(place, 'usr/bin', name), place);
  }
  await writeFile(at('root/var/lib/dpkg/info/dash.list'), '/.\n/bin/dash\n/usr/bin/gone\n');
  await writeFile(at('root/var/lib/dpkg/info/coreutils.list'), '/usr/bin/sha256sum\n');
  for (const name of ['mount', 'chroot']) {
    await writeFile(at('bin', name), `#!/bin/sh\necho "${name} $*" >>"${at('calls')}"\n`);
    await chmod(at('bin', name), 0o755);
  }
  await run(['bash', join(HOME, 'image/release/base.sh'), 'extract', at('root')], {
    env: {
      PATH: `${at('bin')}:${process.env['PATH'] ?? ''}`,
      CLOCK_TWINS: twins ? at('tools') : '',
      MMDEBSTRAP_ESSENTIAL: '/a.deb /b.deb',
    },
  });
  // apt reads it when it calls dpkg, for all packages but the essential ones.
  const aptPath = await readFile(at('root/etc/apt/apt.conf.d/clock-path'), 'utf8').catch(() => '');
  assert.equal(aptPath.startsWith(`DPkg::Path "${at('bin')}:/usr/sbin:`), twins);
  const lines = (await readFile(at('calls'), 'utf8')).trim().split('\n');
  return lines.map((line) => line.replaceAll(at('root'), 'ROOT').replaceAll(at('tools'), 'TOOLS'));
}

test('base.sh binds programs when they are unpacked and before they are set up, and never sha256sum', async () => {
  const bind = (path: string): string[] => [
    `mount --bind TOOLS${path} ROOT${path}`,
    `mount -o remount,bind,ro ROOT${path}`,
  ];
  assert.deepEqual(await calls(true), [
    ...bind('/usr/lib/x86_64-linux-gnu'),
    ...bind('/usr/lib64'),
    'chroot ROOT dpkg --unpack --force-depends /a.deb /b.deb',
    ...bind('/usr/bin/dash'),
    'chroot ROOT dpkg --configure --force-depends --pending',
  ]);
});

test('base.sh installs in the same order without twins, and mounts nothing', async () => {
  assert.deepEqual(await calls(false), [
    'chroot ROOT dpkg --unpack --force-depends /a.deb /b.deb',
    'chroot ROOT dpkg --configure --force-depends --pending',
  ]);
});
