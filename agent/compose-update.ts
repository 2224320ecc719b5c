// The composition root's part for replacing the agent's bundle: its folder, its key, its downloads.
import type { Clock } from './core/clock.ts';
import type { CloudView } from './core/cloud.ts';
import { codeOf } from './core/errors.ts';
import type { Log } from './core/log.ts';
import { Bundles } from './io/bundles.ts';
import { httpsFetch } from './io/download.ts';
import type { Proxy } from './io/proxy.ts';
import { systemRandom } from './io/random.ts';
import type { BuiltIn } from './update/choice.ts';
import { DOWNLOAD_IDLE_MS_MAX, DOWNLOAD_MS_MAX, TRIAL_MS } from './update/limits.ts';
import { createUpdate } from './update/run.ts';
import type { UpdateRunner } from './update/run.ts';
import { openManifest, parseLaunched } from './update/wire.ts';

export function startUpdate(options: {
  readonly root: string;
  readonly builtIn: BuiltIn;
  /** Authorities of whoever keeps the packages, PEM. */
  readonly roots: readonly string[];
  readonly proxy: Proxy | undefined;
  /** undefined: well. Else what is not, in a word. */
  readonly health: () => string | undefined;
  /** Ends this process, to be started anew. */
  readonly restart: () => void;
  readonly clock: Clock;
  readonly log: Log;
}): UpdateRunner {
  const { root, roots, proxy, health, log } = options;
  const folder = new Bundles(root);
  const open: Parameters<typeof createUpdate>[0]['open'] = (jws) => {
    try {
      return openManifest(jws, folder.key);
    } catch (error) {
      log.error(`update: no key to verify with: ${codeOf(error)}`);
      return undefined;
    }
  };
  return createUpdate({
    ...options,
    ...{ folder, open, random: systemRandom },
    fetch: httpsFetch({ roots, proxy, deadlineMs: DOWNLOAD_MS_MAX, idleMs: DOWNLOAD_IDLE_MS_MAX }),
    health: async () => health(),
    launched: parseLaunched(process.env['CLOCK_LAUNCH'], TRIAL_MS),
  });
}

/** Why a new bundle has not proved itself: it must hear the cloud and keep what it is told. */
export function unwell(
  cloud:
    | {
        readonly link: Pick<CloudView['link'], 'at' | 'route'>;
        readonly outbox: Pick<CloudView['outbox'], 'at'>;
      }
    | undefined,
): string | undefined {
  if (cloud === undefined) return 'no cloud';
  if (cloud.outbox.at !== 'open') return 'queue closed';
  if (cloud.link.at !== 'up') return 'not connected';
  // By this way it could be told of no other bundle.
  return cloud.link.route === 'https-8443' ? 'connected for publishing only' : undefined;
}
