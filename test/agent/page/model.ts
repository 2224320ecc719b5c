// A page model in which all is well, for the tests of the page.
import { CHECK_IDS } from '../../../agent/diagnostics/results.ts';
import type { CheckId, CheckView, Outcome } from '../../../agent/diagnostics/results.ts';
import type { PageModel } from '../../../agent/page/wire.ts';

export const view = (id: CheckId, outcome: CheckView['outcome']): CheckView => ({
  id,
  outcome,
  measuredMsAgo: 5_000,
  passedMsAgo: outcome.state === 'passed' ? 5_000 : undefined,
});

export const well: PageModel = {
  serial: 'a'.repeat(32),
  hostName: `clockrpi-${'a'.repeat(32)}`,
  domains: [],
  ports: [{ name: 'end0', mac: 'dc:a6:32:00:00:01', up: true, addresses: ['10.1.0.20'] }],
  release: { version: '1.2.3', builtAt: '2026-01-01' },
  cloud: {
    region: 'eu-central-1',
    from: 'built-in',
    problem: undefined,
    extraRoots: 0,
    ports: undefined,
  },
  connection: undefined,
  seal: 'board',
  slot: 'a',
  bundle: undefined,
  uptimeSeconds: 100,
  wallMs: Date.UTC(2026, 5, 1),
  views: CHECK_IDS.map((id) => view(id, { state: 'passed', notes: [] })),
  running: false,
  light: { at: 'off' },
  services: [],
  hotel: undefined,
  packages: [],
};

/** The model with these checks as given. */
export function withOutcomes(outcomes: Partial<Record<CheckId, Outcome>>): PageModel {
  const views = well.views.map((one) => {
    const outcome = outcomes[one.id];
    return outcome === undefined ? one : view(one.id, outcome);
  });
  return { ...well, views };
}
