// The root of a service's process: builds its adapters and starts its interface.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from './core/errors.ts';
import type { AnyInterface } from './core/interface.ts';
import { parseSetup } from './core/ipc/wire.ts';
import type { Setup } from './core/ipc/wire.ts';
import { createLog } from './core/log.ts';
import { INTERFACES } from './interfaces.ts';
import { systemClock } from './io/clock.ts';
import { dialTcp } from './io/dial-tcp.ts';
import { dialIpc } from './io/ipc.ts';
import { lanHttp } from './io/lan-http.ts';
import { createOpenLine } from './io/line.ts';
import { createListenHttp } from './io/listen-http.ts';
import { closeDoors, loadPackage } from './io/load-package.ts';
import { readPackageKeys } from './io/packages.ts';
import { systemRandom } from './io/random.ts';
import { runService } from './service/run.ts';

interface ServeOptions {
  /** Where the keys of packages lie: "/" on the unit. */
  readonly root: string;
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
  return runService({
    setup,
    setupHash: createHash('sha256').update(text).digest('hex'),
    token: read('token').trim(),
    interface: setup.package === undefined ? await builtIn(setup) : packaged(setup, options),
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

async function builtIn({ interface: name }: Setup): Promise<AnyInterface> {
  const load = Object.hasOwn(INTERFACES, name) ? INTERFACES[name] : undefined;
  if (load !== undefined) return load();
  throw new OperatorError('no-interface', `There is no interface ${name}`);
}

/** The very package that the settings name, and nothing that is not signed. */
function packaged(setup: Setup, { root, credentials }: ServeOptions): AnyInterface {
  const { interface: name, task } = setup;
  closeDoors();
  const bytes = readFileSync(join(credentials, 'package.js'));
  const jws = readFileSync(join(credentials, 'package.jws'), 'utf8');
  const loaded = loadPackage({ bytes, jws, name }, readPackageKeys(root));
  if (loaded.ok && loaded.manifest.sha256 === setup.package) return loaded.interface;
  const problem = loaded.ok ? 'is another than was asked for' : loaded.why;
  if (task !== 'check') throw new OperatorError('package', `Package of ${name}: ${problem}`);
  return unloaded(name, problem);
}

/** Says why, to whoever only asks. */
function unloaded(name: string, problem: string): AnyInterface {
  const never = (): never => {
    throw new OperatorError('package', problem);
  };
  return {
    ...{ name, title: name, takes: [], emits: [], needs: never, start: never },
    ...{ test: never, counterpart: never },
    parse: () => ({ ok: false, problems: [{ field: 'interface', problem }] }),
  };
}
