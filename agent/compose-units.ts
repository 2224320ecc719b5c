// The composition root of `agent.js units`, which root runs: the sandboxes of the services, and nothing else.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLog } from './core/log.ts';
import { Bundles } from './io/bundles.ts';
import { realUnits } from './io/units.ts';
import type { JudgeBundle } from './units/ports.ts';
import { makeSandboxes } from './units/run.ts';
import { unfitFor } from './update/choice.ts';
import type { BuiltIn } from './update/choice.ts';
import { openManifest } from './update/wire.ts';

/** Makes what the agent asked for in `root`; rejects when it cannot. */
export async function makeUnits(root: string): Promise<void> {
  const log = createLog((line) => void process.stdout.write(`${line}\n`));
  await makeSandboxes({ machine: realUnits(root), judgeBundle: judgeIn(root), log });
}

/** As launch.ts judges what the agent runs. */
export function judgeIn(root: string): JudgeBundle {
  return ({ js, jws }) => {
    const manifest = openManifest(Buffer.from(jws).toString(), new Bundles(root).key);
    if (manifest === undefined) return { ok: false, why: 'not signed by the release key' };
    const sha256 = createHash('sha256').update(js).digest('hex');
    if (js.length !== manifest.size || sha256 !== manifest.sha256) {
      return { ok: false, why: 'damaged' };
    }
    const release = readFileSync(join(root, 'usr/share/clock/release.json'), 'utf8');
    const why = unfitFor(JSON.parse(release) as BuiltIn, manifest);
    return why === undefined ? { ok: true, sha256 } : { ok: false, why };
  };
}
