// The composition root: builds the adapters and the capabilities and connects them.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startCloud } from './compose-cloud.ts';
import { startHotel } from './compose-hotel.ts';
import { jobHandlers } from './compose-jobs.ts';
import { packageHandlers, startPackages } from './compose-packages.ts';
import { startServices } from './compose-services.ts';
import { startUpdate, unwell } from './compose-update.ts';
import type { Disk } from './compose-unit.ts';
import { diagnose, reportOf, unitHandlers } from './compose-unit.ts';
import { OperatorError, codeOf } from './core/errors.ts';
import { createLog } from './core/log.ts';
import type { Log } from './core/log.ts';
import { createRing } from './core/ring.ts';
import type { Needs } from './diagnostics/checks/facts.ts';
import type { EthernetPort, Machine, Network } from './diagnostics/ports.ts';
import { createDiagnostics } from './diagnostics/run.ts';
import { watchAddresses } from './diagnostics/watch.ts';
import type { DiagnosticsRunner } from './diagnostics/run.ts';
import { createHost } from './host/run.ts';
import type { Light } from './host/state.ts';
import { readIdentity } from './identity/run.ts';
import type { Identity } from './identity/run.ts';
import { splitPem } from './identity/wire.ts';
import { systemClock } from './io/clock.ts';
import { realFiles } from './io/files.ts';
import { realMachine } from './io/machine.ts';
import { amazonRoots, publicRoots, realNetwork } from './io/network.ts';
import { inheritedSocket, realSystemd } from './io/systemd.ts';
import type { PackageRunner } from './packages/run.ts';
import { createPage } from './page/run.ts';
import { renderReport } from './page/wire.ts';
import type { PageModel } from './page/wire.ts';
import type { RunningBundle } from './core/update.ts';

export interface AgentOptions {
  /** "/" on the unit; a prepared folder on a workstation. */
  readonly root: string;
  /** Used without systemd's socket. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly sink: (line: string) => void;
  /** Ends this process so that launch.ts chooses the bundle anew. */
  readonly restart: () => void;
}

interface Parts {
  readonly identity: Identity;
  readonly network: Network;
  readonly machine: Machine;
  readonly needs: Needs;
}

async function buildParts(root: string, cloud: Needs['cloud']): Promise<Parts> {
  const identity = await readIdentity(realFiles(root));
  const network = realNetwork(systemClock, identity.endpoints?.proxy);
  const machine = realMachine(root, systemClock);
  const extra = splitPem(identity.endpoints?.rootsPem ?? '');
  const builtMs = Date.parse(identity.release?.builtAt ?? '');
  const needs: Needs = {
    network,
    machine,
    clock: systemClock,
    cloud,
    roots: { amazon: [...amazonRoots(), ...extra], public: [...publicRoots, ...extra] },
    settings: {
      ...identity,
      extraRoots: extra.length,
      seal: identity.boot['SEAL'],
      builtMs: Number.isNaN(builtMs) ? undefined : builtMs,
    },
  };
  return { identity, network, machine, needs };
}

/** What the page and the reports show, put together from all capabilities. */
function modelOf(
  { identity, network, needs }: Parts,
  now: {
    readonly diagnostics: DiagnosticsRunner;
    readonly light: Light;
    readonly ports: readonly EthernetPort[];
    readonly domains: readonly string[];
    readonly bundle: RunningBundle | undefined;
    readonly hotel: Pick<PageModel, 'services' | 'hotel' | 'packages'>;
  },
): PageModel {
  const { serial, release, endpoints, endpointsFrom, endpointsProblem, boot } = identity;
  const addresses = network.interfaces();
  const inView = new Map(now.ports.map(({ name, mac, up }) => [name, { mac, up }]));
  const names = new Set([...inView.keys(), ...addresses.map(({ name }) => name)]);
  return {
    serial,
    hostName: `clockrpi-${serial ?? 'unknown'}`,
    domains: now.domains,
    ports: [...names].map((name) => ({
      name,
      mac: inView.get(name)?.mac ?? addresses.find((one) => one.name === name)?.mac ?? '',
      up: inView.get(name)?.up ?? true,
      addresses: addresses.filter((one) => one.name === name).map(({ address }) => address),
    })),
    release,
    cloud: {
      region: endpoints?.region,
      from: endpointsFrom,
      problem: endpointsProblem,
      extraRoots: needs.settings.extraRoots,
      ports: endpoints?.aws.ports,
    },
    connection: needs.cloud(),
    seal: boot['SEAL'],
    slot: boot['SLOT'],
    bundle: now.bundle,
    wallMs: systemClock.wallMs(),
    uptimeSeconds: systemClock.nowMs() / 1_000,
    views: now.diagnostics.views(),
    running: now.diagnostics.isRunning(),
    light: now.light,
    ...now.hotel,
  };
}

/** One run of all checks, for `diagnose`. */
export async function diagnoseOnce(root: string): Promise<PageModel> {
  const parts = await buildParts(root, () => undefined);
  const silent = createLog(() => {});
  const diagnostics = createDiagnostics(() => parts.needs, { log: silent, repeat: false });
  diagnostics.ask('timer');
  await diagnostics.settled();
  const ports = await parts.machine.ethernetPorts();
  return modelOf(parts, {
    ...{ diagnostics, ports, domains: [] },
    light: { at: 'off' },
    bundle: undefined,
    hotel: { services: undefined, hotel: undefined, packages: undefined },
  });
}

/** Starts the agent; resolves when the page answers. */
export async function startAgent(options: AgentOptions): Promise<{ close(): Promise<void> }> {
  const ring = createRing(() => new Date(systemClock.wallMs()).toISOString());
  const sink = (line: string): void => {
    ring.push(line);
    options.sink(line);
  };
  const log = createLog(sink);
  let cloud: ReturnType<typeof startCloud>;
  let packages: PackageRunner | undefined;
  const parts = await buildParts(options.root, () => cloud?.view());
  const systemd = realSystemd(process.env);
  const host = createHost({ systemd, clock: systemClock, log });
  const diagnostics = createDiagnostics(() => parts.needs, { log, repeat: true });
  let ports = await parts.machine.ethernetPorts();
  let domains: readonly string[] = [];
  let disk: Disk | undefined;
  /** Ports and domains change with the lease, the disk slowly; the page must not read files for every request. */
  const look = async (): Promise<void> => {
    ports = await parts.machine.ethernetPorts();
    disk = await parts.machine.storage().catch(() => undefined);
    domains = ((await parts.machine.leases()) ?? []).flatMap((lease) => lease.domains);
  };
  const startChecks = (by: 'person' | 'visit' | 'timer'): ReturnType<typeof diagnostics.ask> => {
    const begun = diagnostics.ask(by);
    if ('started' in begun) void diagnostics.settled().then(look);
    return begun;
  };
  const update = startUpdate({
    root: options.root,
    builtIn: parts.identity.release ?? { version: 'unknown', builtAt: new Date(0).toISOString() },
    roots: parts.needs.roots.public,
    proxy: parts.identity.endpoints?.proxy,
    health: () => unwell(cloud?.view()),
    restart: options.restart,
    clock: systemClock,
    log,
  });
  const model = (): PageModel =>
    modelOf(parts, {
      ...{ diagnostics, ports, domains },
      light: host.light(),
      bundle: update.running,
      hotel: {
        ...(cloud?.hotel() ?? { services: [], hotel: undefined }),
        packages: packages?.rows() ?? [],
      },
    });
  const page = createPage(
    {
      model,
      startChecks,
      identify: async () => host.identify(),
      trace: (service) => cloud?.trace(service),
      tryService: (service, how) => cloud?.tryService(service, how),
      lookAtPairing: (how) => cloud?.pairing.look(how),
    },
    { clock: systemClock, onError: (error) => log.error(`page: ${codeOf(error)}`) },
  );
  const where = await listen(page, options);
  await look();
  startChecks('timer');
  const unwatch = watchAddresses({
    network: parts.network,
    isRunning: () => diagnostics.isRunning(),
    start: () => startChecks('timer'),
  });
  await host.ready();
  announce(log, { parts, where });
  // Last: whatever becomes of it, the page is there.
  cloud = startCloud(parts.identity, {
    root: options.root,
    log,
    roots: parts.needs.roots.amazon,
    publicRoots: parts.needs.roots.public,
    isClockSet: async () => parts.machine.timeSynchronised(),
    onChange: () => startChecks('visit'),
    handlers: unitHandlers(host, diagnostics),
    report: () => ({ ...reportOf(parts, diagnostics.views(), disk), agent: update.running }),
    hotel: startHotel,
    services: (own) => {
      const installed = startPackages({
        ...{ ...own, root: options.root, log, clock: systemClock },
        agentVersion: parts.identity.release?.version ?? 'unknown',
        roots: parts.needs.roots.public,
        proxy: parts.identity.endpoints?.proxy,
        services: () => side.services,
      });
      packages = installed;
      const side = startServices({
        ...{ ...own, root: options.root, log, sink },
        packaged: (name) => installed.use(name),
      });
      void side.ready.then(() => installed.begin());
      return side;
    },
    jobs: (own) => [
      ...(packages === undefined ? [] : packageHandlers(packages)),
      ...jobHandlers({
        ...own,
        diagnose: async () => diagnose(diagnostics),
        collect: () => [renderReport(model(), 'en'), ...ring.lines(), ''].join('\n'),
        restart: async () => host.restart(),
        update,
      }),
    ],
  });
  update.begin();
  return {
    close: async () => {
      unwatch();
      update.close();
      void packages?.close();
      await host.close();
      cloud?.close();
      diagnostics.close();
      await new Promise<void>((done) => {
        page.close(() => done());
        page.closeAllConnections();
      });
    },
  };
}

async function listen(page: Server, { listen }: AgentOptions): Promise<string> {
  const inherited = inheritedSocket(process.env);
  await new Promise<void>((done, fail) => {
    page.once('error', (cause) => {
      const message = `Cannot listen on port ${listen.port}: ${codeOf(cause)}`;
      fail(new OperatorError('cannot-listen', message, { hint: 'Try --listen 0', cause }));
    });
    page.listen(inherited ?? listen, done);
  });
  const { address, family, port } = page.address() as AddressInfo;
  return family === 'IPv6' ? `http://[${address}]:${port}/` : `http://${address}:${port}/`;
}

function announce(log: Log, { parts, where }: { parts: Parts; where: string }): void {
  const { identity, needs } = parts;
  const { serialProblem, releaseProblem, endpointsProblem } = identity;
  for (const problem of [serialProblem, releaseProblem, endpointsProblem]) {
    if (problem !== undefined) log.error(problem);
  }
  if (identity.endpointsFrom === 'override') log.warning('cloud settings: override in force');
  if (needs.settings.extraRoots > 0) {
    log.warning(`cloud settings: ${needs.settings.extraRoots} additional roots trusted`);
  }
  log.info(
    `page ready at ${where}, serial ${identity.serial ?? 'unknown'}, ` +
      `release ${identity.release?.version ?? 'unknown'}`,
  );
}
