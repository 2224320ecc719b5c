// The composition root's part for the cloud: identity, queue, connection and what talks over it.
import { join } from 'node:path';
import { createCommands } from './commands/run.ts';
import { trustedTime } from './core/clock.ts';
import type { Clock } from './core/clock.ts';
import type { CommandHandler } from './core/commands.ts';
import type { CloudView } from './core/cloud.ts';
import { AWS_PORTS, portOf } from './core/connection.ts';
import type { Dial } from './core/connection.ts';
import type { JobHandler } from './core/jobs.ts';
import type { Log } from './core/log.ts';
import { envelope, uuidV7 } from './core/messages.ts';
import type { MakeMessage } from './core/messages.ts';
import type { Records } from './core/records.ts';
import type { Send } from './core/remote.ts';
import type { OrderRenewal } from './core/renewal.ts';
import type { Identity } from './identity/run.ts';
import { realCertificates } from './io/certificates.ts';
import { systemClock } from './io/clock.ts';
import { realFolder } from './io/folder.ts';
import { createHttps } from './io/https.ts';
import { dialMqtt } from './io/mqtt.ts';
import { dialHttps } from './io/publish.ts';
import { systemRandom, systemRandomBytes } from './io/random.ts';
import { openSqlite } from './io/sqlite.ts';
import { createAlive } from './link/alive.ts';
import { createJobs } from './jobs/run.ts';
import { createLink } from './link/run.ts';
import { STORE_LIMITS } from './outbox/limits.ts';
import { createOutbox } from './outbox/run.ts';
import { createPairing } from './pairing/run.ts';
import type { PairingRunner } from './pairing/run.ts';
import { createPms } from './pms/run.ts';
import { createRenewal } from './provisioning/renew.ts';
import { certificateFromMs, createProvisioning } from './provisioning/run.ts';
import type { ProvisioningRunner } from './provisioning/run.ts';
import type { ServicesRunner } from './services/run.ts';
import type { HotelWorld } from './compose-hotel.ts';
import type { ServicesSide } from './compose-services.ts';
import type { HotelSide, HotelView, ServiceView } from './core/services.ts';
import type { Hotel } from './hotel/run.ts';
import type { Owner } from './shadows/ports.ts';
import { createShadow } from './shadows/run.ts';
import type { ShadowRunner } from './shadows/run.ts';
import { createSettings } from './shadows/settings.ts';
import { createTime } from './time/run.ts';

interface Cloud {
  view(): CloudView;
  readonly pairing: Pick<PairingRunner, 'look'>;
  hotel(): { readonly services: readonly ServiceView[]; readonly hotel: HotelView | undefined };
  trace(service: string): readonly string[] | undefined;
  tryService(service: string, how: 'test' | 'rehearse'): void;
  close(): void;
}

/** What jobs need of this part. */
export interface CloudSide {
  /** Which start of the machine this is. */
  readonly boot: string;
  readonly renew: OrderRenewal;
  readonly shadows: readonly { readonly owner: Owner; readonly shadow: ShadowRunner }[];
  readonly records: Records;
  readonly makeMessage: MakeMessage;
  readonly services: ServicesRunner;
}

/** What every capability that works for the cloud is given. */
interface World {
  readonly thing: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly records: Records;
  readonly makeMessage: MakeMessage;
}

const STATE = 'var/lib/clock/agent';
const TELL_MS = 1_000;
const TRY_MS_MIN = 30_000;

/** Without a serial or endpoints there is nobody to connect, nowhere. */
export function startCloud(
  identity: Identity,
  options: {
    readonly root: string;
    readonly log: Log;
    /** Authorities of the cloud's servers, PEM. */
    readonly roots: readonly string[];
    /** Of everybody else's, PEM: Clock's. */
    readonly publicRoots: readonly string[];
    /** By a time server; undefined where nobody tells. */
    readonly isClockSet: () => Promise<boolean | undefined>;
    /** The connection came up or went down, or the card makes trouble. */
    readonly onChange: () => void;
    /** Who carries out commands. */
    readonly handlers: readonly CommandHandler[];
    /** What the unit is, for its shadow. */
    readonly report: () => Readonly<Record<string, unknown>>;
    readonly hotel: (own: HotelWorld) => Hotel;
    readonly services: (own: {
      readonly records: Records;
      readonly hotel: HotelSide;
    }) => ServicesSide;
    readonly jobs: (own: CloudSide) => readonly JobHandler[];
  },
): Cloud | undefined {
  const { serial, endpoints } = identity;
  if (serial === undefined || endpoints === undefined) return undefined;
  const { root, log, roots, isClockSet, onChange } = options;
  const thing = `clockrpi-${serial}`;
  const ports = endpoints.aws.ports ?? AWS_PORTS;
  const { proxy } = endpoints;
  const place = { host: endpoints.aws.host, ports, roots, proxy };
  const dial: Dial = (how, hear) =>
    (how.route === 'https-8443' ? dialHttps : dialMqtt)(place, how, hear);
  const folder = join(root, STATE);
  const base = { clock: systemClock, random: systemRandom, log };
  const outbox = createOutbox(() => openSqlite(folder, STORE_LIMITS), {
    ...base,
    onReady: () => link.ready(),
    onTrouble: onChange,
  });
  const makeMessage: MakeMessage = (said) => {
    const atMs = systemClock.wallMs();
    return envelope({ ...said, thing, atMs, id: uuidV7(atMs, systemRandomBytes(10)) });
  };
  const own = { folder: realFolder(folder), certificates: realCertificates };
  const renewal = createRenewal({
    ...{ ...base, ...own, dial, serial, thing, isClockSet },
    link: {
      send: (topic, body) => link.send(topic, body),
      pause: () => link.pause(),
      start: (credentials) => link.start(credentials),
    },
    onRenewed: (certificateId) => void outbox.append(makeMessage(renewed(certificateId))),
  });
  const world: World = { ...base, thing, makeMessage, records: outbox.records };
  const trustedWallMs = trustedTime(isClockSet, systemClock);
  const hotel = options.hotel({
    ...{ ...world, trustedWallMs, onChange },
    account: () => pms.account('pms'),
    services: () => services.services,
  });
  const https = createHttps(options.publicRoots, proxy);
  const pms = createPms({
    ...{ ...world, http: https.http, port: endpoints.clock.port ?? 443, onChange },
    randomBytes: systemRandomBytes,
    consumers: (kind) => (kind === 'pms' ? hotel.consumers() : []),
    onNewDay: (kind) => {
      if (kind === 'pms') hotel.newDay();
    },
  });
  /** Not before the clock can be gone by: certificates are judged by it. */
  const syncPms = (): void => {
    if (provisioning !== undefined) pms.sync(pairing.accounts());
    // The house as it was known last is there before the PMS is.
    hotel.sync(pairing.accounts().some(({ kind }) => kind === 'pms'));
  };
  const pairing = createPairing({
    ...{ ...base, makeMessage },
    onChange: () => {
      syncPms();
      onChange();
    },
    records: outbox.records,
    folder: own.folder,
    belongings: {
      keysOf: ({ kind, accountId }) => [
        ...outbox.records.list(`pms/cursor/${kind}-${accountId}/`).map(({ key }) => key),
        ...(kind === 'pms' ? hotel.belongings() : []),
      ],
      dropWaiting: () => outbox.forget(['business', 'records']),
    },
    isConnected: () => link.view().at === 'up' && link.view().route !== 'https-8443',
    randomBytes: systemRandomBytes,
    services: {
      recorded: (wanted) => services.services.recorded(wanted),
      reload: () => services.services.reload(),
    },
  });
  const services = options.services({ ...world, hotel: hotel.side });
  const commands = createCommands({
    ...world,
    trustedWallMs,
    handlers: () => [...options.handlers, pairing.handler, hotel.handler, ...services.handlers()],
  });
  const settings = createSettings(world);
  const unit: Owner = {
    name: 'unit',
    report: () => ({
      ...options.report(),
      ...settings.report(),
      port: link.view().port,
      accounts: pairing.accounts().map(({ kind, host, accountId }) => ({ kind, host, accountId })),
    }),
    desire: async (desired) => settings.desire(desired),
  };
  const send: Send = (topic, body) => link.send(topic, body);
  const shadows = [unit, services.owner].map((owner) => ({
    owner,
    shadow: createShadow({ ...world, owner, send }),
  }));
  // A person at the cloud's end sees a service come up within seconds, and one that flaps costs a message a second.
  let telling: NodeJS.Timeout | undefined;
  services.services.onChange(() => {
    telling ??= setTimeout(() => {
      telling = undefined;
      shadows[1]?.shadow.look();
    }, TELL_MS);
  });
  const boot = identity.boot['BOOT_ID'] ?? 'unknown';
  const renew: OrderRenewal = async () => renewal.order();
  const jobs = createJobs({
    ...{ ...world, send, boot },
    handlers: options.jobs({ ...world, boot, renew, shadows, services: services.services }),
  });
  const alive = createAlive({
    make: () => makeMessage(aliveNow(outbox.view().waiting)),
    mention: (message) => link.mention(message),
    everyMs: () => settings.aliveMs(),
  });
  const link = createLink({
    ...base,
    dial,
    portOf: (route) => portOf(route, ports),
    source: outbox,
    remotes: [
      ...[commands.remote, renewal.remote, alive, jobs.remote],
      ...shadows.map(({ shadow }) => shadow.remote),
    ],
    clientId: thing,
    onChange,
  });
  // A closed outbox may be another agent's: two of one name drive each other out of the cloud.
  let provisioning: ProvisioningRunner | undefined;
  const provision = (): void => {
    provisioning = createProvisioning({ ...base, ...own, dial, serial, thing }, (credentials) => {
      link.start(credentials);
      renewal.begin();
    });
    syncPms();
  };
  const isOurs = outbox.view().at === 'open';
  const floorMs = async (): Promise<number> =>
    Math.max(builtMs(identity), (await certificateFromMs(own)) ?? 0);
  const time = isOurs ? createTime({ ...base, isClockSet, floorMs }, provision) : undefined;
  if (isOurs) void pairing.begin().then(syncPms);
  void outbox.append(makeMessage(started(identity)));
  const step = (): 'time' | 'off' => (time?.isWaiting() === true ? 'time' : 'off');
  const none = { failures: 0, refused: false, problem: undefined };
  return {
    view: () => ({
      provisioning: provisioning?.view() ?? { ...none, step: step() },
      renewal: renewal.view(),
      link: link.view(),
      pairing: pairing.view(),
      pms: pms.view(),
      outbox: outbox.view(),
      recentWork: { commands: commands.recent(), jobs: jobs.recent() },
    }),
    pairing,
    hotel: () => ({
      services: services.services.views((service) => ({
        waiting: hotel.waiting(service),
        dropped: outbox.droppedOf(service),
      })),
      hotel: pairing.accounts().some(({ kind }) => kind === 'pms') ? hotel.view() : undefined,
    }),
    trace: (service) => services.services.trace(service),
    tryService: (service, how) => {
      const { trials } = services.services;
      const last = trials.last(service);
      // Each stops the service for its time: people who press again and again wait.
      if (last === undefined || last.msAgo >= TRY_MS_MIN) void trials.run(service, how);
    },
    close: () => {
      time?.close();
      for (const { shadow } of shadows) shadow.close();
      hotel.close();
      services.close();
      jobs.close();
      pms.close();
      https.close();
      commands.close();
      provisioning?.close();
      renewal.close();
      link.close();
      outbox.close();
    },
  };
}

/** The date of the software; 0 where it is not known. */
const builtMs = ({ release }: Identity): number => {
  const ms = Date.parse(release?.builtAt ?? '');
  return Number.isNaN(ms) ? 0 : ms;
};

/** The cloud may forget the certificate before this one. */
const renewed = (certificateId: string): Parameters<MakeMessage>[0] => ({
  direction: 'event',
  lane: 'health',
  service: 'unit',
  kind: 'certificate.renewed',
  body: { certificateId },
});

/** What the unit says of itself at its start. */
const started = ({ release, boot }: Identity): Parameters<MakeMessage>[0] => ({
  direction: 'event',
  lane: 'health',
  service: 'unit',
  kind: 'unit.started',
  body: {
    release: release?.version ?? null,
    slot: boot['SLOT'] ?? null,
    seal: boot['SEAL'] ?? null,
  },
});

/** How the unit is; memory is what its process has in use. */
const aliveNow = (waiting: number): Parameters<MakeMessage>[0] => ({
  direction: 'event',
  lane: 'health',
  service: 'unit',
  kind: 'unit.alive',
  body: {
    uptimeSeconds: Math.round(systemClock.nowMs() / 1_000),
    memoryBytes: process.memoryUsage.rss(),
    waiting,
  },
});
