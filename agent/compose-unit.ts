// The composition root's part for what the unit itself does when the cloud asks: its light, its checks, what it reports.
import type { CommandHandler, Outcome } from './core/commands.ts';
import { verdictOf } from './diagnostics/results.ts';
import type { DiagnosticsRunner } from './diagnostics/run.ts';
import type { CheckView } from './diagnostics/results.ts';
import type { Machine, Network } from './diagnostics/ports.ts';
import type { Host } from './host/run.ts';
import type { Identity } from './identity/run.ts';

/** The commands of service `unit`. All of them may be done twice. */
export function unitHandlers(
  host: Pick<Host, 'identify' | 'light'>,
  diagnostics: Pick<DiagnosticsRunner, 'ask' | 'settled' | 'views'>,
): readonly CommandHandler[] {
  const run = async (kind: string): Promise<Outcome> => {
    if (kind === 'unit.diagnose') {
      return { state: 'processed', body: await diagnose(diagnostics) };
    }
    await host.identify();
    const light = host.light();
    if (light.at !== 'refused') return { state: 'processed' };
    return { state: 'error', why: 'no-light', text: light.why };
  };
  return [
    {
      service: 'unit',
      kinds: ['identify', 'unit.diagnose'],
      isRepeatable: true,
      run: async ({ kind }) => run(kind),
    },
  ];
}

/** A run of all checks, or the results of one that is seconds old. */
export async function diagnose(
  diagnostics: Pick<DiagnosticsRunner, 'ask' | 'settled' | 'views'>,
): Promise<{ verdict: string; failed: string[]; warnings: string[] }> {
  diagnostics.ask('person');
  await diagnostics.settled();
  return summaryOf(diagnostics.views());
}

function summaryOf(views: readonly CheckView[]): {
  verdict: string;
  failed: string[];
  warnings: string[];
} {
  const idsOf = (state: string): string[] =>
    views.filter(({ outcome }) => outcome.state === state).map(({ id }) => id);
  return { verdict: verdictOf(views), failed: idsOf('failed'), warnings: idsOf('warning') };
}

/** Of the state partition. */
export type Disk = Awaited<ReturnType<Machine['storage']>>;

/** In tenths: nearer, and the outbox at work would be reported again and again. */
const diskOf = ({ freeBytes, totalBytes }: Disk): { totalMiB: number; usedPercent: number } => ({
  totalMiB: Math.round(totalBytes / 2 ** 20),
  usedPercent: totalBytes > 0 ? Math.ceil((1 - freeBytes / totalBytes) * 10) * 10 : 100,
});

/** What shadow `unit` says of the machine. Nothing that changes by itself: each change costs messages. */
export function reportOf(
  { identity, network }: { readonly identity: Identity; readonly network: Network },
  views: readonly CheckView[],
  disk: Disk | undefined,
): Readonly<Record<string, unknown>> {
  const { release, boot } = identity;
  return {
    release: release?.version ?? 'unknown',
    slot: boot['SLOT'] ?? 'unknown',
    seal: boot['SEAL'] ?? 'unknown',
    addresses: network.interfaces().map(({ name, address }) => `${name} ${address}`),
    ...(disk !== undefined && { disk: diskOf(disk) }),
    checks: summaryOf(views),
  };
}
