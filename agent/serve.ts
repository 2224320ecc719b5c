// The root of a service's process: builds its adapters and starts its interface.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from './core/errors.ts';
import { parseSetup } from './core/ipc/wire.ts';
import { createLog } from './core/log.ts';
import { INTERFACES } from './interfaces.ts';
import { systemClock } from './io/clock.ts';
import { dialTcp } from './io/dial-tcp.ts';
import { dialIpc } from './io/ipc.ts';
import { lanHttp } from './io/lan-http.ts';
import { createOpenLine } from './io/line.ts';
import { createListenHttp } from './io/listen-http.ts';
import { systemRandom } from './io/random.ts';
import { runService } from './service/run.ts';

interface ServeOptions {
  /** Of the service, as systemd's unit and the settings name it. */
  readonly id: string;
  readonly socket: string;
  /** Where systemd, or the agent on a workstation, has put `token` and `settings.json`. */
  readonly credentials: string;
  readonly sink: (line: string) => void;
  readonly end: (code: number) => void;
}

/** Rejects when there is nothing to start. */
export async function serve(options: ServeOptions): Promise<{ close(): Promise<void> }> {
  const { id, socket, credentials, sink, end } = options;
  const read = (name: string): string => readFileSync(join(credentials, name), 'utf8');
  const text = read('settings.json');
  const setup = parseSetup(text);
  if (setup === undefined || setup.service !== id) {
    throw new OperatorError('wrong-settings', `settings.json is none of service ${id}`);
  }
  const load = Object.hasOwn(INTERFACES, setup.interface) ? INTERFACES[setup.interface] : undefined;
  if (load === undefined) {
    throw new OperatorError('no-interface', `There is no interface ${setup.interface}`);
  }
  return runService({
    setup,
    setupHash: createHash('sha256').update(text).digest('hex'),
    token: read('token').trim(),
    interface: await load(),
    world: {
      openLine: createOpenLine(systemRandom),
      dialTcp,
      http: lanHttp,
      listenHttp: createListenHttp(systemRandom),
    },
    dial: async (hears) => dialIpc(socket, hears),
    clock: systemClock,
    random: systemRandom,
    log: createLog(sink),
    end,
  });
}
