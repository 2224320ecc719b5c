// The composition root's part for interface packages: their folder, their keys, their downloads, their jobs.
import type { Clock } from './core/clock.ts';
import { codeOf } from './core/errors.ts';
import type { Job, JobHandler, JobOutcome } from './core/jobs.ts';
import type { Log } from './core/log.ts';
import type { PackageView } from './core/packages.ts';
import type { Records } from './core/records.ts';
import type { ServiceView } from './core/services.ts';
import { httpsFetch } from './io/download.ts';
import { readPackageKeys, realPackages } from './io/packages.ts';
import type { Proxy } from './io/proxy.ts';
import { systemRandom } from './io/random.ts';
import { DOWNLOAD_IDLE_MS_MAX, DOWNLOAD_MS_MAX, STABLE_MS, TRIAL_MS } from './packages/limits.ts';
import type { ServiceHealth, ServiceSide } from './packages/ports.ts';
import { createPackages } from './packages/run.ts';
import type { PackageRunner } from './packages/run.ts';
import { openPackage, parseRemoval } from './packages/wire.ts';
import type { ServicesRunner } from './services/run.ts';

type ServicesOfPackages = Pick<ServicesRunner, 'views' | 'renew' | 'tryOut'>;

export function startPackages(options: {
  readonly root: string;
  /** Of the release: should an agent installed since be left again, services run the one that is built in. */
  readonly agentVersion: string;
  /** Authorities of whoever keeps the packages, PEM. */
  readonly roots: readonly string[];
  readonly proxy: Proxy | undefined;
  /** They are made with the packages; nothing is asked of them before `begin`. */
  readonly services: () => ServicesOfPackages;
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Log;
}): PackageRunner {
  const { root, roots, proxy, log, services } = options;
  return createPackages({
    ...options,
    random: systemRandom,
    folder: realPackages(root),
    open: (jws) => {
      try {
        return openPackage(jws, readPackageKeys(root));
      } catch (error) {
        log.error(`packages: no key to verify with: ${codeOf(error)}`);
        return undefined;
      }
    },
    fetch: httpsFetch({ roots, proxy, deadlineMs: DOWNLOAD_MS_MAX, idleMs: DOWNLOAD_IDLE_MS_MAX }),
    services: sideOf(services),
    trial: trialOf(process.env['CLOCK_PACKAGE_TRIAL_MS']),
  });
}

/** A bench shortens the one, and with it the other. */
function trialOf(text: string | undefined): {
  readonly trialMs: number;
  readonly stableMs: number;
} {
  const trialMs = /^\d{1,9}$/.test(text ?? '') ? Number(text) : TRIAL_MS;
  return { trialMs, stableMs: Math.min(STABLE_MS, trialMs / 6) };
}

function sideOf(services: () => ServicesOfPackages): ServiceSide {
  const views = (): readonly ServiceView[] => services().views(() => ({ waiting: 0, dropped: 0 }));
  return {
    of: (name) =>
      views()
        .filter((view) => view.interface === name && view.process.at !== 'off')
        .map(({ id }) => id),
    health: (service) => {
      const view = views().find(({ id }) => id === service);
      return view === undefined ? undefined : healthOf(view);
    },
    restart: async (name) => services().renew(name),
    tryOut: async (candidate) => services().tryOut(candidate),
  };
}

function healthOf({ process, talk, restarts }: ServiceView): ServiceHealth {
  const why = 'why' in process ? process.why : undefined;
  const base = { why, talk: talk.at, ends: restarts };
  switch (process.at) {
    case 'running':
      return { ...base, process: 'running' };
    case 'refused':
    case 'parked':
      return { ...base, process: 'given-up' };
    case 'off':
    case 'starting':
    case 'waiting':
    case 'testing':
      return { ...base, process: 'starting' };
  }
}

/** The jobs `install-package` and `remove-package`. */
export function packageHandlers(packages: PackageRunner): readonly JobHandler[] {
  return [
    {
      ...{ operation: 'install-package', isRepeatable: true, keepsCount: true },
      run: async (job, signal) => installPackage(packages, job, signal),
    },
    {
      ...{ operation: 'remove-package', isRepeatable: true },
      run: async ({ parameters }) => {
        const name = parseRemoval(parameters);
        if (name === undefined) return { state: 'rejected', why: 'bad-parameters: name' };
        const answer = await packages.remove(name);
        return answer.ok ? { state: 'succeeded' } : { state: answer.kind, why: answer.why };
      },
    },
  ];
}

/** Ends when the version has proved itself, or the one before runs again: perhaps in a later process. */
async function installPackage(
  packages: PackageRunner,
  { parameters, fresh }: Job,
  signal: AbortSignal,
): Promise<JobOutcome> {
  const freshUrl = async (): Promise<string | undefined> => {
    const { url } = ((await fresh()) ?? {}) as { readonly url?: unknown };
    return typeof url === 'string' ? url : undefined;
  };
  const answer = await packages.install(parameters, { freshUrl });
  if (!answer.ok) return { state: answer.kind, why: answer.why };
  const { name } = answer;
  const { promise, resolve: done } = Promise.withResolvers<JobOutcome>();
  const look = (view: PackageView | undefined): void => {
    if (view?.name !== name) return;
    const { at, version, counter, why } = view;
    const details = { name, version, counter: String(counter), is: at };
    if (at === 'confirmed') done({ state: 'succeeded', details });
    if (at === 'failed' || at === 'returned') done({ state: 'failed', why: why ?? at, details });
  };
  const stop = packages.onChange(look);
  const giveUp = (): void => {
    packages.cancel(name);
    // A trial goes on: its end is what the card says.
    done({ state: 'failed', why: 'stopped' });
  };
  signal.addEventListener('abort', giveUp, { once: true });
  look(packages.view(name));
  return promise.finally(stop);
}
