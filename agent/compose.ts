// The composition root: builds the adapters and the capabilities and connects them.
import { join } from 'node:path';
import { RUN_MS_EVERY, RUN_MS_MIN } from './core/limits.ts';
import { runChecks } from './diagnostics/run.ts';
import type { DiagnosticsNeeds } from './diagnostics/run.ts';
import { CHECK_IDS } from './diagnostics/wire.ts';
import type { CheckResult } from './diagnostics/wire.ts';
import { readIdentity } from './identity/run.ts';
import { realHost } from './io/host.ts';
import { realNetwork } from './io/network.ts';
import { inheritedSocket, notify, startUnit, watchdogPeriodMs } from './io/systemd.ts';
import { createPage } from './page/run.ts';
import type { PageModel } from './page/wire.ts';

export interface AgentOptions {
  /** "/" on the unit; a prepared folder on a workstation. */
  readonly root: string;
  /** Used without systemd's socket. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly log: (line: string) => void;
}

/** Identity and diagnostics without the page: for `diagnose`. */
export async function composeDiagnostics(
  root: string,
): Promise<{ needs: DiagnosticsNeeds; identity: Awaited<ReturnType<typeof readIdentity>> }> {
  const identity = await readIdentity(root);
  const network = realNetwork();
  const host = realHost({ stateFolder: join(root, 'var/lib/clock') });
  const seal = identity.boot['SEAL'];
  return { needs: { network, host, endpoints: identity.endpoints, seal }, identity };
}

/** Starts the agent; resolves when the page answers. */
export async function startAgent(options: AgentOptions): Promise<{ close(): Promise<void> }> {
  const { needs, identity } = await composeDiagnostics(options.root);
  const results = new Map<string, CheckResult>();
  let running = false;
  let lastStartMs = -Infinity;

  const model = (): PageModel => ({
    serial: identity.serial,
    hostName: identity.hostName,
    addresses: needs.network.addresses(),
    version: identity.release.version,
    results: [...results.values()],
    running,
  });
  const startChecks = (): boolean => {
    if (running || performance.now() - lastStartMs < RUN_MS_MIN) return false;
    running = true;
    lastStartMs = performance.now();
    for (const id of CHECK_IDS) {
      if (!results.has(id)) results.set(id, { id, state: 'running', measured: '' });
    }
    void runChecks(needs, (result) => results.set(result.id, result)).finally(() => {
      running = false;
    });
    return true;
  };

  const page = createPage({
    model,
    startChecks,
    identify: () => startUnit('clock-identify.service'),
  });
  await new Promise<void>((done, fail) => {
    page.once('error', fail);
    page.listen(inheritedSocket(process.env) ?? options.listen, done);
  });
  startChecks();
  const timers = [setInterval(startChecks, RUN_MS_EVERY)];
  const periodMs = watchdogPeriodMs(process.env);
  // A timer runs only while the event loop does: a blocked agent is restarted by systemd.
  if (periodMs !== undefined) {
    timers.push(setInterval(() => void notify('WATCHDOG=1').catch(() => {}), periodMs));
  }
  await notify('READY=1');
  options.log(`page ready, unit ${identity.hostName}, release ${identity.release.version}`);
  return {
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      page.closeAllConnections();
      await new Promise<void>((done) => page.close(() => done()));
    },
  };
}
