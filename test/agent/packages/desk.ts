// A unit's packages over its real store, folder and downloads; of its services only what a test says of them.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLog } from '../../../agent/core/log.ts';
import type { InstalledPackage, PackageView } from '../../../agent/core/packages.ts';
import type { Records } from '../../../agent/core/records.ts';
import { systemClock } from '../../../agent/io/clock.ts';
import { httpsFetch } from '../../../agent/io/download.ts';
import { realPackages } from '../../../agent/io/packages.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';
import type { ServiceHealth, ServiceSide } from '../../../agent/packages/ports.ts';
import { createPackages } from '../../../agent/packages/run.ts';
import type { PackageRunner } from '../../../agent/packages/run.ts';
import { openPackage, packageKeys } from '../../../agent/packages/wire.ts';
import type { PackageManifest } from '../../../agent/packages/wire.ts';

/** What services do that run a version; by the title in its manifest, so that a cut forgets nothing. */
export const BEHAVIOURS = ['well', 'worse', 'crash', 'park', 'slow', 'unfit'] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** Services of the lamp, each of which was up before. */
export class Fakes implements ServiceSide {
  ids: readonly string[] = ['lamp-1', 'lamp-2'];
  /** What each runs: a version, or "built in". */
  readonly running = new Map<string, string>();
  readonly restarts: string[] = [];
  isRestartBad = false;
  /** A slow version is up when it is let go. */
  isHeld = false;
  /** The third party of all of them is gone. */
  isDown = false;
  readonly #use: () => InstalledPackage | undefined;
  readonly #ends = new Map<string, number>();
  #title = '';

  constructor(use: () => InstalledPackage | undefined) {
    this.#use = use;
  }

  of(name: string): readonly string[] {
    return name === 'lamp' ? this.ids : [];
  }

  begin(): void {
    for (const id of this.ids) this.#start(id);
  }

  #start(id: string): void {
    const used = this.#use();
    this.#title = used?.title ?? 'well';
    this.running.set(id, used?.version ?? 'built in');
  }

  health(id: string): ServiceHealth {
    const well = { process: 'running', why: undefined, ends: this.#ends.get(id) ?? 0 } as const;
    // The first one alone shows how the version is.
    const how = id === this.ids[0] ? this.#title : 'well';
    if (this.isDown) return { ...well, talk: 'down' };
    switch (how) {
      case 'worse':
        return { ...well, talk: 'joining' };
      case 'crash':
        this.#ends.set(id, (this.#ends.get(id) ?? 0) + 1);
        return { ...well, process: 'starting', talk: 'down', why: 'exit code 1' };
      case 'park':
        return { ...well, process: 'given-up', talk: 'down', why: 'exports no interface' };
      case 'slow':
        return { ...well, talk: this.isHeld ? 'down' : 'up' };
      default:
        return { ...well, talk: 'up' };
    }
  }

  async restart(name: string): Promise<void> {
    const ids = this.of(name);
    if (this.isRestartBad) throw new Error('no systemd');
    for (const id of ids) this.#start(id);
    this.restarts.push(ids.map((id) => this.running.get(id)).join(' '));
  }

  async tryOut(candidate: InstalledPackage): Promise<string | undefined> {
    if (!existsSync(candidate.file)) return 'is not there';
    return candidate.title === 'unfit' ? 'does not load: broken' : undefined;
  }
}

export interface Desk {
  readonly packages: PackageRunner;
  readonly services: Fakes;
  readonly log: readonly string[];
  /** Ends as a power cut does it. */
  close(): Promise<void>;
}

/** `root` has `release.pub` and `roots.pem` of the downloads. */
export function openDesk(options: {
  readonly root: string;
  readonly onView?: (view: PackageView) => void;
  readonly onLog?: (line: string) => void;
  readonly wrap?: (records: Records) => Records;
  readonly agentVersion?: string;
  readonly trialMs?: number;
}): Desk {
  const { root, onView, wrap = (records) => records, trialMs = 600 } = options;
  const lines: string[] = [];
  const log = createLog((line) => {
    lines.push(line);
    options.onLog?.(line);
  });
  const outbox = createOutbox(() => openSqlite(join(root, 'state'), STORE_LIMITS), {
    ...{ clock: systemClock, log, random: Math.random },
    onReady: () => {},
  });
  const keys = packageKeys(readFileSync(join(root, 'release.pub'), 'utf8'));
  const services = new Fakes(() => packages.use('lamp'));
  const packages = createPackages({
    folder: realPackages(root),
    open: (jws): PackageManifest | undefined => openPackage(jws, keys),
    fetch: httpsFetch({
      roots: [readFileSync(join(root, 'roots.pem'), 'utf8')],
      ...{ deadlineMs: 20_000, idleMs: 10_000 },
    }),
    services,
    records: wrap(outbox.records),
    agentVersion: options.agentVersion ?? '1.5.0-abcdef12',
    trial: { trialMs, stableMs: 150 },
    clock: systemClock,
    // The shortest pause: a second.
    random: () => 0,
    log,
  });
  if (onView !== undefined) packages.onChange(onView);
  services.begin();
  packages.begin();
  return {
    ...{ packages, services, log: lines },
    close: async () => {
      await packages.close();
      outbox.close();
    },
  };
}
