// The composition root's part for what the unit itself does when the cloud asks: its light, its checks.
import type { CommandHandler, Outcome } from './core/commands.ts';
import { verdictOf } from './diagnostics/results.ts';
import type { DiagnosticsRunner } from './diagnostics/run.ts';
import type { Host } from './host/run.ts';

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
async function diagnose(
  diagnostics: Pick<DiagnosticsRunner, 'ask' | 'settled' | 'views'>,
): Promise<{ verdict: string; failed: string[]; warnings: string[] }> {
  diagnostics.ask('person');
  await diagnostics.settled();
  const views = diagnostics.views();
  const idsOf = (state: string): string[] =>
    views.filter(({ outcome }) => outcome.state === state).map(({ id }) => id);
  return { verdict: verdictOf(views), failed: idsOf('failed'), warnings: idsOf('warning') };
}
