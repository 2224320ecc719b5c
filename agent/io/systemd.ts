// Talks to systemd: readiness, watchdog, socket activation, starting a unit.
import { execFile } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import { promisify } from 'node:util';
import { codeOf } from '../core/errors.ts';
import type { Systemd } from '../host/ports.ts';

const execute = promisify(execFile);
/** A unit that starts slowly is still starting; the page must answer a person. */
const CALL_MS_MAX = 5_000;
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
    startUnit: async (name) => startUnit(name, env['DBUS_SYSTEM_BUS_ADDRESS']),
  };
}

/**
 * dbus-next has no timeouts, and calls on a dead bus never settle: every way out is raced here. Its
 * 'error' listener stays for good, since an error may come after the bus was left.
 */
async function startUnit(name: string, busAddress: string | undefined): Promise<void> {
  // Loaded when the light is first asked for: 8 MiB of memory for what most units never do.
  const { default: dbus } = await import('dbus-next');
  const bus = busAddress === undefined ? dbus.systemBus() : dbus.sessionBus({ busAddress });
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((done, fail) => {
      timer = setTimeout(() => fail(new Error('systemd did not answer')), CALL_MS_MAX);
      bus.on('error', (error) => fail(hasNoBus(error) ? noSystemd(error) : error));
      // Not in the library's types; without it a bus that hangs up is only noticed by the timer.
      const { _connection: connection } = bus as unknown as { _connection: EventEmitter };
      connection.once('end', () => fail(new Error('the system bus hung up')));
      const call = new dbus.Message({
        destination: 'org.freedesktop.systemd1',
        path: '/org/freedesktop/systemd1',
        interface: 'org.freedesktop.systemd1.Manager',
        member: 'StartUnit',
        signature: 'ss',
        body: [name, 'replace'],
      });
      bus.call(call).then(() => done(), fail);
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
