// The composition root's part for services: their processes, and how the cloud reaches them.
import { join } from 'node:path';
import type { CommandHandler, Outcome } from './core/commands.ts';
import { orderOf } from './core/orders/wire.ts';
import type { Parsed } from './core/interface.ts';
import type { Log } from './core/log.ts';
import type { InstalledPackage } from './core/packages.ts';
import type { Records } from './core/records.ts';
import type { HotelSide } from './core/services.ts';
import type { OrderKind } from './core/vocabulary.ts';
import { INTERFACES } from './interfaces.ts';
import { systemClock } from './io/clock.ts';
import { Bundles } from './io/bundles.ts';
import { listenIpc } from './io/ipc.ts';
import { systemRandom, systemRandomBytes } from './io/random.ts';
import { createChildRunner } from './io/runner-child.ts';
import { systemdRunner } from './io/runner-systemd.ts';
import { realUnitsOf } from './io/systemd.ts';
import type { Judge, Runner } from './services/ports.ts';
import { createServices } from './services/run.ts';
import type { ServicesRunner } from './services/run.ts';
import type { Owner } from './shadows/ports.ts';
import { TRIAL_MS } from './update/limits.ts';
import { parseLaunched } from './update/wire.ts';

const RUN = 'run/clock-agent';
/** Until services are begun anew when that failed: a full disk in RAM, a systemd that is busy. */
const BEGIN_MS = 30_000;

export interface ServicesSide {
  readonly owner: Owner;
  readonly services: ServicesRunner;
  /** The services of the last time are begun. */
  readonly ready: Promise<void>;
  /** Of the services that are there just now. */
  handlers(): readonly CommandHandler[];
  close(): void;
}

export function startServices(options: {
  readonly root: string;
  readonly log: Log;
  readonly sink: (line: string) => void;
  readonly records: Records;
  readonly hotel: HotelSide;
  readonly packaged: (interfaceName: string) => InstalledPackage | undefined;
}): ServicesSide {
  const { root, log, records, hotel, packaged } = options;
  const socket = join(root, RUN, 'services.sock');
  const runner = runnerOf(root, socket, options.sink);
  const services = createServices({
    ...{ clock: systemClock, random: systemRandom, randomBytes: systemRandomBytes, log, records },
    ...{ runner, judge, hotel, packaged },
    listen: async (greet) => listenIpc(socket, greet),
  });
  let again: NodeJS.Timeout | undefined;
  const begin = async (): Promise<void> =>
    services.begin().catch((error: unknown) => {
      log.error(`services: ${error instanceof Error ? error.message : 'failed'}`);
      again = setTimeout(() => void begin(), BEGIN_MS);
    });
  const ready = begin();
  return {
    owner: {
      name: 'services',
      report: () => services.report(),
      desire: async (desired) => services.desire(desired),
    },
    services,
    ready,
    handlers: () => services.list().flatMap(({ id, takes }) => handlersOf(services, id, takes)),
    close: () => {
      clearTimeout(again);
      services.close();
      runner.close();
    },
  };
}

/** Units of systemd where the agent's own unit says so (clock-agent.service), else child processes. */
function runnerOf(
  root: string,
  socket: string,
  sink: (line: string) => void,
): Runner & { close(): void } {
  if (process.env['CLOCK_RUNNER'] !== 'systemd') {
    return createChildRunner({ folder: join(root, RUN, 'services'), root, socket, sink });
  }
  const units = realUnitsOf(process.env);
  const runner = systemdRunner({ root, units, clock: systemClock, bundle: runningBundle(root) });
  // They outlive the agent: it finds them again.
  return { ...runner, close: () => {} };
}

/** launch.ts says which copy it has started. */
function runningBundle(root: string): { readonly js: string; readonly jws: string } | undefined {
  const { copy } = parseLaunched(process.env['CLOCK_LAUNCH'], TRIAL_MS);
  if (copy === 'built-in') return undefined;
  const js = new Bundles(root).file(copy);
  return { js, jws: js.replace(/\.js$/, '.jws') };
}

const judge: Judge = async (name, settings) => {
  const load = Object.hasOwn(INTERFACES, name) ? INTERFACES[name] : undefined;
  if (load === undefined) {
    return { ok: false, problems: [{ field: 'interface', problem: `there is no ${name}` }] };
  }
  const one = await load();
  const parsed: Parsed<unknown> = one.parse(settings);
  if (!parsed.ok) return parsed;
  const { title, texts, takes, emits } = one;
  return {
    ...{ ok: true, title, texts, takes, emits, version: 'built in' },
    needs: one.needs(parsed.settings),
    targets: one.targets?.(parsed.settings) ?? [],
  };
};

/** What a power cut may repeat. */
const REPEATABLE: ReadonlySet<OrderKind> = new Set([
  ...(['wakeup.set', 'wakeup.clear', 'message.light', 'resync', 'room.barring'] as const),
  ...(['room.privacy', 'key.read'] as const),
]);

/** The orders that the cloud may give a service: its commands, by the vocabulary's names. */
function handlersOf(
  services: ServicesRunner,
  service: string,
  takes: readonly OrderKind[],
): readonly CommandHandler[] {
  const run: CommandHandler['run'] = async ({ kind, body }, signal): Promise<Outcome> => {
    const order = orderOf(kind, body);
    if (!order.ok) return { state: 'error', why: 'wrong', text: order.text };
    const outcome = await services.order(service, order.value, signal);
    if (!outcome.ok) {
      const { why, text } = outcome;
      return { state: 'error', why, ...(text !== undefined && { text }) };
    }
    return { state: 'processed', ...(outcome.body !== undefined && { body: outcome.body }) };
  };
  return [true, false].map((isRepeatable) => ({
    ...{ service, isRepeatable, run },
    kinds: takes.filter((kind) => REPEATABLE.has(kind) === isRepeatable),
  }));
}
