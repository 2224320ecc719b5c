// The root helper's hands: files in /run, nft, systemctl. What it reads was written by the agent, which may have
// been taken over: a link, a pipe or somebody else's file is never read in the name of root.
import { execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import {
  chmod,
  mkdir,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../core/errors.ts';
import { PACKAGE_BYTES_MAX } from '../core/packages.ts';
import type { Bundle, Credentials, UnitsMachine } from '../units/ports.ts';
import type { Device } from '../units/state.ts';
import {
  DEVICE_NODE,
  BUNDLE_BYTES_MAX,
  JWS_BYTES_MAX,
  REQUEST_BYTES_MAX,
  SERVICE_ID,
  SETTINGS_BYTES_MAX,
  TOKEN_BYTES_MAX,
} from '../units/wire.ts';

/** nft takes milliseconds, systemd's reload up to a second on a Pi; an emulated board is far slower. */
const COMMAND_MS_MAX = 60_000;
const DROP_IN = '50-needs.conf';
const DROP_IN_FOLDER = /^clock-service@(.+)\.service\.d$/;

/** `root` is "/" on the unit. `run` is replaced in tests. */
export function realUnits(root: string, run = command): UnitsMachine {
  const agent = join(root, 'run/clock-agent');
  const own = join(root, 'run/clock-units');
  const system = join(root, 'run/systemd/system');
  const dropIns = (id: string): string => join(system, `clock-service@${id}.service.d`);
  const served = (id: string): string => join(own, 'services', id);
  return {
    request: async () => {
      try {
        return (await readOf(agent, 'units.json', REQUEST_BYTES_MAX)).toString('utf8');
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    credentials: async (id) => {
      const own = `services/${id}`;
      return {
        token: await readOf(agent, `${own}/token`, TOKEN_BYTES_MAX),
        settings: await readOf(agent, `${own}/settings.json`, SETTINGS_BYTES_MAX),
        ...(await packageOf(agent, own)),
      };
    },
    bundle: async () => bothOf(agent, 'bundle', BUNDLE_BYTES_MAX),
    writeBundle: async (js) => {
      await mkdir(own, { recursive: true, mode: 0o711 });
      await replace(join(own, 'agent.js'), js, 0o644);
    },
    device: async (path) => deviceAt(root, path),
    existing: async () => {
      const names = await readdir(system).catch(() => []);
      const ids = names.flatMap((name) => DROP_IN_FOLDER.exec(name)?.[1] ?? []);
      const left = await readdir(join(own, 'services')).catch(() => []);
      return [...new Set([...ids, ...left])].filter((id) => SERVICE_ID.test(id));
    },
    write: async (id, { dropIn, hosts, token, settings, package: packaged }) => {
      // Only systemd reads here: it hands them to the process as its credentials, and binds its names.
      await mkdir(served(id), { recursive: true, mode: 0o700 });
      await chmod(join(own, 'services'), 0o700);
      await replace(join(served(id), 'settings.json'), settings, 0o600);
      for (const name of ['js', 'jws'] as const) {
        const path = join(served(id), `package.${name}`);
        if (packaged === undefined) await rm(path, { force: true });
        else await replace(path, packaged[name], 0o600);
      }
      await mkdir(dropIns(id), { recursive: true, mode: 0o755 });
      const isOther = [
        await replace(join(served(id), 'hosts'), hosts, 0o644),
        await replace(join(dropIns(id), DROP_IN), dropIn, 0o644),
      ];
      // Last: without it the unit does not start.
      await replace(join(served(id), 'token'), token, 0o600);
      return isOther.includes(true);
    },
    remove: async (id) => {
      await rm(served(id), { recursive: true, force: true });
      await rm(join(dropIns(id), DROP_IN), { force: true });
      // Another's drop-in stays.
      const left = await readdir(dropIns(id)).catch(() => ['']);
      if (left.length === 0) await rm(dropIns(id), { recursive: true });
    },
    firewall: async (commands) => run(['nft', '-f', '-'], commands),
    reload: async () => run(['systemctl', 'daemon-reload']),
    restart: async (ids) => run(['systemctl', '--no-block', 'try-restart', '--', ...unitsOf(ids)]),
    stop: async (ids) => run(['systemctl', '--no-block', 'stop', '--', ...unitsOf(ids)]),
    answer: async (text) => {
      await mkdir(own, { recursive: true, mode: 0o711 });
      await replace(join(own, 'answer.json'), text, 0o644);
    },
  };
}

const unitsOf = (ids: readonly string[]): string[] =>
  ids.map((id) => `clock-service@${id}.service`);

async function packageOf(agent: string, own: string): Promise<Pick<Credentials, 'package'>> {
  const both = await bothOf(agent, `${own}/package`, PACKAGE_BYTES_MAX);
  return both === undefined ? {} : { package: both };
}

/** A program and its signed manifest, or none. */
async function bothOf(agent: string, name: string, bytesMax: number): Promise<Bundle | undefined> {
  try {
    const js = await readOf(agent, `${name}.js`, bytesMax);
    return { js, jws: await readOf(agent, `${name}.jws`, JWS_BYTES_MAX) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A file of the agent's own, and no more of it than `bytesMax`. */
async function readOf(agent: string, name: string, bytesMax: number): Promise<Buffer> {
  // systemd made the folder for the agent's user; it lies in one where the agent cannot exchange it.
  const { uid } = await stat(agent);
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(join(agent, name), flags);
  try {
    const info = await file.stat();
    if (!info.isFile() || info.uid !== uid) throw new Error(`${name} is not a file of the agent`);
    if (info.size > bytesMax)
      throw new Error(`${name} has ${info.size} bytes, more than ${bytesMax}`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesMax + 1), 0, bytesMax + 1, 0);
    if (bytesRead > bytesMax) throw new Error(`${name} has more than ${bytesMax} bytes`);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** As a whole: a reader sees the old file or the new one. Resolves with whether it was another. */
async function replace(path: string, content: string | Uint8Array, mode: number): Promise<boolean> {
  const before = await readFile(path).catch(() => undefined);
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  return before === undefined || !before.equals(Buffer.from(content));
}

async function deviceAt(root: string, path: string): Promise<Device> {
  let node: string;
  try {
    node = await realpath(join(root, path));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { at: 'absent' };
    return { at: 'refused', why: `cannot be looked at: ${codeOf(error)}` };
  }
  const inside = root === '/' ? node : node.slice((await realpath(root)).length);
  const info = await stat(node);
  if (!DEVICE_NODE.test(inside) || !info.isCharacterDevice()) {
    return { at: 'refused', why: 'is no serial port and no printer' };
  }
  const consoles = await readFile(join(root, 'sys/class/tty/console/active'), 'utf8').catch(
    () => '',
  );
  if (consoles.trim().split(' ').includes(inside.slice('/dev/'.length))) {
    return { at: 'refused', why: "is the unit's console" };
  }
  // glibc's dev_t: twelve bits of major from bit 8, the low eight of minor, the rest of it above.
  const number = `${(info.rdev >> 8) & 0xfff}:${(info.rdev & 0xff) | ((info.rdev >> 12) & 0xfff00)}`;
  return { at: 'there', node: inside, number };
}

/** Rejects with the program's own words. */
async function command(argv: readonly string[], input = ''): Promise<void> {
  const [program, ...args] = argv;
  await new Promise<void>((done, fail) => {
    const child: ChildProcess = execFile(
      program!,
      args,
      { timeout: COMMAND_MS_MAX, maxBuffer: 1 << 20, env: { PATH: '/usr/sbin:/usr/bin' } },
      (error, _stdout, stderr) => {
        if (error === null) return done();
        fail(new Error(`${program}: ${stderr.trim().split('\n')[0] || error.message}`));
      },
    );
    // It may have ended before it read all; its exit code tells more than EPIPE.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
