// The answer of the unit's GET /api/status (and of `agent.js diagnose --json`), as much of it as the
// tests look at: its form is promised in agent/README.md.

export interface Status {
  readonly serial: string;
  readonly hostName: string;
  readonly running: boolean;
  readonly results: readonly CheckStatus[];
  readonly agent?: { readonly copy: string; readonly version: string } | null;
  readonly services?: readonly ServiceStatus[] | null;
}

export interface ServiceStatus {
  readonly id: string;
  readonly version: string;
  readonly talk: { readonly at: string };
  readonly counters: Readonly<Record<string, number>>;
}

export interface CheckStatus {
  readonly id: string;
  readonly group: string;
  readonly state: string;
  readonly measured: string;
  readonly remedy: { readonly id: string; readonly who: string; readonly text: string } | null;
  readonly measuredSecondsAgo: number | null;
}

/** Ids of the checks in this state. */
export function idsIn(status: Status, state: string): string[] {
  return status.results.filter((result) => result.state === state).map(({ id }) => id);
}

/**
 * `id state` of the network's and the cloud's checks that are neither passed nor excused: a unit without a
 * claim has no connection to judge.
 */
export function unpassed(status: Status): string[] {
  return status.results
    .filter(({ group, state }) => group !== 'unit' && state !== 'passed')
    .filter(
      ({ id, state }) => !['connection', 'pairing', 'pms'].includes(id) || state !== 'not-checked',
    )
    .map(({ id, state }) => `${id} ${state}`);
}
