// Talks to systemd: readiness, watchdog, socket activation, starting the identify unit.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import dbus from 'dbus-next';

const execute = promisify(execFile);
const CALL_MS_MAX = 5_000;

/** The socket that systemd listens on for us (sd_listen_fds(3)), or undefined. */
export function inheritedSocket(env: NodeJS.ProcessEnv): { fd: number } | undefined {
  return env['LISTEN_FDS'] === '1' ? { fd: 3 } : undefined;
}

/** sd_notify(3) by systemd-notify: Node has no datagram unix sockets. Does nothing elsewhere. */
export async function notify(state: 'READY=1' | 'WATCHDOG=1' | 'STOPPING=1'): Promise<void> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return;
  await execute('systemd-notify', ['--no-block', state], { timeout: CALL_MS_MAX });
}

/** Half of WatchdogSec in milliseconds, or undefined without a watchdog. */
export function watchdogPeriodMs(env: NodeJS.ProcessEnv): number | undefined {
  const microseconds = Number(env['WATCHDOG_USEC'] ?? 0);
  return microseconds > 0 ? microseconds / 2_000 : undefined;
}

/** Starts a unit that the polkit rule allows. Rejects with systemd's reason, or after 5 s. */
export async function startUnit(name: string): Promise<void> {
  const bus = dbus.systemBus();
  try {
    await new Promise<void>((done, fail) => {
      const timer = setTimeout(() => fail(new Error('systemd did not answer')), CALL_MS_MAX);
      timer.unref();
      bus.on('error', fail);
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
    bus.disconnect();
  }
}
