// The bundle and serialport's native part, laid out as on the unit: found beside the bundle's folder or beside the
// runtime; and without it a bundle that still runs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { AS_BUNDLED, addSerialDriver } from '../../../image/release/bundle.ts';
import { createEcho } from '../../agent/io/third-party.ts';
import { behind } from '../../bench/systems/behind.ts';

const run = promisify(execFile);

async function bundleProbe(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'serial-'));
  const probe = 'test/image/release/serial-probe.ts';
  const outfile = join(path, 'agent/probe.js');
  await build({ ...AS_BUNDLED, entryPoints: [probe], outfile, minify: true });
  return { path, [Symbol.asyncDispose]: async () => rm(path, { recursive: true }) };
}

test('a bundle opens a serial port with the driver beside its folder', async () => {
  await using folder = await bundleProbe();
  await using port = await behind(createEcho(), { at: 'pty' });
  await addSerialDriver(folder.path, 'linux-x64');
  const { stdout } = await run(process.execPath, [
    join(folder.path, 'agent/probe.js'),
    port.device,
  ]);
  assert.equal(stdout, 'loaded\nhello\n');
});

test('a bundle opens a serial port with the driver beside the runtime, as on the unit', async () => {
  await using folder = await bundleProbe();
  await using port = await behind(createEcho(), { at: 'pty' });
  const runtime = join(folder.path, 'runtime');
  await mkdir(runtime);
  await copyFile(process.execPath, join(runtime, 'node'));
  await addSerialDriver(runtime, 'linux-x64');
  const probe = join(folder.path, 'agent/probe.js');
  const { stdout } = await run(join(runtime, 'node'), [probe, port.device]);
  assert.equal(stdout, 'loaded\nhello\n');
});

test('a bundle without the driver runs, and the line says what is missing', async () => {
  await using folder = await bundleProbe();
  const { stdout } = await run(process.execPath, [
    join(folder.path, 'agent/probe.js'),
    '/dev/ttyS9',
  ]);
  assert.equal(stdout, 'loaded\nno-serial-driver\n');
});

test('the stage lays the unit’s driver beside its runtime', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stage-'));
  const [inputs, root] = [join(folder, 'inputs'), join(folder, 'root')];
  await addSerialDriver(inputs, 'linux-arm64');
  for (const name of ['node', 'agent.js', 'launch.js', 'release.pub', 'release.json'])
    await copyFile('/dev/null', join(inputs, name));
  const env = { ...process.env, CLOCK_INPUTS: inputs, ROOTFS_DIR: root };
  await mkdir(root);
  const cwd = 'stage-clock/01-agent';
  await run('bash', ['-e', './00-run.sh'], { cwd, env });
  const drivers = join(root, 'usr/lib/clock/prebuilds/linux-arm64');
  const [driver = '', ...others] = await readdir(drivers);
  assert.deepEqual(others, []);
  const elf = await readFile(join(drivers, driver));
  // e_machine: AArch64.
  assert.equal(elf.readUInt16LE(18), 183);
  await rm(folder, { recursive: true });
});
