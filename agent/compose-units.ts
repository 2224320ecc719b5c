// The composition root of `agent.js units`, which root runs: the sandboxes of the services, and nothing else.
import { createLog } from './core/log.ts';
import { realUnits } from './io/units.ts';
import { makeSandboxes } from './units/run.ts';

/** Makes what the agent asked for in `root`; rejects when it cannot. */
export async function makeUnits(root: string): Promise<void> {
  const log = createLog((line) => void process.stdout.write(`${line}\n`));
  await makeSandboxes({ machine: realUnits(root), log });
}
