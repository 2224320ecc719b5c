// Talks to systemd: readiness, watchdog, socket activation, starting and stopping units and asking after them.
import { execFile } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import { promisify } from 'node:util';
import { codeOf } from '../core/errors.ts';
import type { Systemd } from '../host/ports.ts';

const execute = promisify(execFile);
/** While it reads its units again systemd answers nobody: a second on a Pi, six on an emulated board. */
const CALL_MS_MAX = 20_000;
/** systemd-notify waits up to 5 s for the manager to take the message (systemd-notify(1)). */
const NOTIFY_MS_MAX = 10_000;

/** The socket that systemd listens on for us (sd_listen_fds(3)), or undefined. */
export function inheritedSocket(env: NodeJS.ProcessEnv): { fd: number } | undefined {
  return env['LISTEN_FDS'] === '1' ? { fd: 3 } : undefined;
}

export function realSystemd(env: NodeJS.ProcessEnv): Systemd {
  const microseconds = Number(env['WATCHDOG_USEC'] ?? 0);
  return {
    // A quarter of WatchdogSec: one bad moment is forgiven, three in a row are not.
    watchdogMs: microseconds > 0 ? microseconds / 4_000 : undefined,
    // By a child: Node has no datagram unix sockets. It must wait until systemd has read the
    // message: of a sender that is gone systemd no longer knows the unit, and drops it.
    notify: async (state) => {
      if (env['NOTIFY_SOCKET'] === undefined) return;
      await execute('systemd-notify', [state], { timeout: NOTIFY_MS_MAX, env });
    },
    startUnit: async (name) =>
      askFor('StartUnit', name, {
        address: env['DBUS_SYSTEM_BUS_ADDRESS'],
        msMax: CALL_MS_MAX,
      }),
  };
}

/** A unit as systemd sees it (org.freedesktop.systemd1(5)). */
export interface UnitState {
  /** "active", "activating", "deactivating", "inactive", "failed". One that is not loaded is "inactive". */
  readonly activeState: string;
  /** How its process ended: "success", "oom-kill", "exit-code", "signal", "timeout". */
  readonly result: string;
  /** Of its control group; undefined: it has none. */
  readonly memoryBytes: number | undefined;
  readonly mainPid: number | undefined;
}

/** Units by their names. Each call rejects with systemd's reason, or after some seconds. */
export interface Units {
  /** Resolves when systemd has taken the job: `state` tells what came of it. */
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  state(name: string): Promise<UnitState>;
}

export function realUnitsOf(env: NodeJS.ProcessEnv): Units {
  const to = { address: env['DBUS_SYSTEM_BUS_ADDRESS'], msMax: CALL_MS_MAX };
  return {
    start: async (name) => askFor('StartUnit', name, to),
    stop: async (name) => askFor('StopUnit', name, to),
    state: async (name) => withBus(to, async (call) => stateOf(call, name)),
  };
}

interface Bus {
  /** undefined: the system's. */
  readonly address: string | undefined;
  readonly msMax: number;
}

async function askFor(member: 'StartUnit' | 'StopUnit', name: string, to: Bus): Promise<void> {
  await withBus(to, async (call) => void (await manager(call, member, [name, 'replace'])));
}

interface Method {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: readonly string[];
}
/** Calls a method of systemd whose arguments are strings; resolves with its first result. */
type Call = (method: Method) => Promise<unknown>;

const manager = async (call: Call, member: string, body: readonly string[]): Promise<unknown> =>
  call({
    path: '/org/freedesktop/systemd1',
    interface: 'org.freedesktop.systemd1.Manager',
    member,
    body,
  });

const GONE: UnitState = {
  activeState: 'inactive',
  result: 'success',
  memoryBytes: undefined,
  mainPid: undefined,
};
/** CGROUP_LIMIT_MAX: there is no control group. */
const NO_NUMBER = 2n ** 64n - 1n;

async function stateOf(call: Call, name: string): Promise<UnitState> {
  let path: string;
  try {
    path = String(await manager(call, 'GetUnit', [name]));
  } catch (error) {
    if (typeOf(error) === 'org.freedesktop.systemd1.NoSuchUnit') return GONE;
    throw error;
  }
  const get = async (of: 'Unit' | 'Service', property: string): Promise<unknown> => {
    const variant = (await call({
      path,
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      body: [`org.freedesktop.systemd1.${of}`, property],
    })) as { readonly value: unknown };
    return variant.value;
  };
  const [activeState, result, memory, pid] = await Promise.all([
    get('Unit', 'ActiveState'),
    get('Service', 'Result'),
    get('Service', 'MemoryCurrent'),
    get('Service', 'MainPID'),
  ]);
  return {
    activeState: String(activeState),
    result: String(result),
    memoryBytes: memory === NO_NUMBER ? undefined : Number(memory),
    mainPid: pid === 0 ? undefined : Number(pid),
  };
}

/** DBusError of dbus-next carries the error's name in `type`. */
const typeOf = (error: unknown): unknown =>
  error instanceof Error && 'type' in error ? error.type : undefined;

/**
 * dbus-next has no timeouts, and calls on a dead bus never settle: every way out is raced here. Its
 * 'error' listener stays for good, since an error may come after the bus was left.
 */
async function withBus<T>({ address, msMax }: Bus, ask: (call: Call) => Promise<T>): Promise<T> {
  // Loaded when systemd is first asked: 8 MiB of memory for what many units never do.
  const { default: dbus } = await import('dbus-next');
  const bus = address === undefined ? dbus.systemBus() : dbus.sessionBus({ busAddress: address });
  const call: Call = async ({ body, ...method }) => {
    const message = new dbus.Message({
      ...method,
      destination: 'org.freedesktop.systemd1',
      signature: 's'.repeat(body.length),
      body: [...body],
    });
    return (await bus.call(message))?.body[0];
  };
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<T>((done, fail) => {
      timer = setTimeout(() => fail(new Error('systemd did not answer')), msMax);
      bus.on('error', (error) => fail(hasNoBus(error) ? noSystemd(error) : error));
      // Not in the library's types; without it a bus that hangs up is only noticed by the timer.
      const { _connection: connection } = bus as unknown as { _connection: EventEmitter };
      connection.once('end', () => fail(new Error('the system bus hung up')));
      ask(call).then(done, fail);
    });
  } finally {
    clearTimeout(timer);
    bus.disconnect();
  }
}

const hasNoBus = (error: unknown): boolean => ['ENOENT', 'ECONNREFUSED'].includes(codeOf(error));

function noSystemd(cause: unknown): Error {
  return Object.assign(new Error('no system bus', { cause }), { code: 'NO_SYSTEMD' });
}
