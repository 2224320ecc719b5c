// Commands that flow to a unit while something is done to it, and what became of them: each must end once,
// whatever the power, the card or the network do meanwhile.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cloud } from './cloud/api.ts';
import { heard } from './cloud/owner.ts';

/** The session's queue in the cloud holds some thousand; a test is over long before. */
const COUNT_MAX = 20_000;

export interface Flow {
  /** No more commands from now on. */
  stop(): void;
  /** Ids that have no end yet. */
  open(): readonly string[];
  /** Ids that ended in more than one way, repeats of one and the same result left out. */
  twice(): readonly string[];
  readonly sent: number;
}

/** Takes away an account that the unit does not have: done at once, and nothing of it stays. */
const HARMLESS = { kind: 'pairing.remove', body: { kind: 'pos', accountId: 1 } };

export function startFlow(cloud: Cloud, thing: string, perSecond: number): Flow {
  const ids: string[] = [];
  const stopper = new AbortController();
  const { signal } = stopper;
  const run = async (): Promise<void> => {
    while (!signal.aborted && ids.length < COUNT_MAX) {
      const id = `flow-${ids.length}-${Date.now().toString(36)}`;
      ids.push(id);
      cloud.publish(`clock/v1/${thing}/command/unit`, { v: 1, id, ...HARMLESS });
      // A test that failed before it stopped this may still end.
      await sleep(1_000 / perSecond, undefined, { ref: false });
    }
  };
  void run();
  const ends = (): Map<string, Set<string>> => {
    const found = new Map<string, Set<string>>();
    for (const { thing: by, body } of heard(cloud)) {
      const { command, state } = body;
      if (by !== thing || typeof command !== 'string') continue;
      if (typeof state !== 'string' || !['processed', 'error', 'cancelled'].includes(state))
        continue;
      // `busy` is for that time only: a repeat of the command may be carried out.
      const ended = found.get(command) ?? new Set();
      found.set(command, body['why'] === 'busy' ? ended : ended.add(state));
    }
    return found;
  };
  return {
    stop: () => stopper.abort(),
    open: () => {
      const found = ends();
      return ids.filter((id) => !found.has(id));
    },
    twice: () => {
      const found = ends();
      return ids.filter((id) => (found.get(id)?.size ?? 0) > 1);
    },
    get sent() {
      return ids.length;
    },
  };
}
