// The root helper: reads the agent's request, makes the sandboxes, answers. It may be ended at any moment and be
// started again: each start does everything.
import type { Log } from '../core/log.ts';
import { ROUNDS_MAX } from './limits.ts';
import type { Credentials, JudgeBundle, UnitsMachine } from './ports.ts';
import { plan } from './state.ts';
import type { Device } from './state.ts';
import { parseRequest, renderAnswer } from './wire.ts';
import type { Refusal, SandboxRequest } from './wire.ts';

interface Needs {
  readonly machine: UnitsMachine;
  readonly judgeBundle: JudgeBundle;
  readonly log: Log;
}

/**
 * Rejects when a sandbox could not be made; a request that cannot be read is answered by nothing, changes nothing
 * and rejects as well.
 */
export async function makeSandboxes(needs: Needs): Promise<void> {
  const { machine } = needs;
  let text = await machine.request();
  for (let round = 0; text !== undefined && round < ROUNDS_MAX; round += 1) {
    const read = parseRequest(text);
    if (!read.ok) {
      throw new Error(`the request is not understood: ${read.why} (${read.field ?? 'as a whole'})`);
    }
    const devices = await devicesOf(read.request, machine);
    await apply(read.request, devices, needs);
    // What was asked or plugged in meanwhile has started nothing: systemd saw that this unit runs already.
    const again = await machine.request();
    const now = await devicesOf(read.request, machine);
    const isSame = again === text && JSON.stringify([...now]) === JSON.stringify([...devices]);
    text = isSame ? undefined : again;
  }
}

async function apply(
  request: SandboxRequest,
  devices: ReadonlyMap<string, Device>,
  needs: Needs,
): Promise<void> {
  const { machine, log } = needs;
  const credentials = new Map<string, Credentials>();
  const refusals = new Map<string, Refusal>();
  for (const { id } of request.services) {
    try {
      credentials.set(id, await machine.credentials(id));
    } catch (error) {
      refusals.set(id, { why: `no settings: ${(error as Error).message}` });
    }
  }
  const { sandboxes, gone, firewall, answers } = plan(request, {
    deviceOf: (path) => devices.get(path) ?? { at: 'absent' },
    refusalOf: (id) => refusals.get(id),
    isPackaged: (id) => credentials.get(id)?.package !== undefined,
    existing: await machine.existing(),
    bundle: await bundleOf(needs),
  });
  // The firewall first: closed for what is gone, and the sets are there before systemd fills them.
  await machine.firewall(firewall);
  const changed: string[] = [];
  for (const { id, dropIn, hosts } of sandboxes) {
    const isOther = await machine.write(id, { dropIn, hosts, ...credentials.get(id)! });
    if (isOther) changed.push(id);
  }
  for (const id of gone) await machine.remove(id);
  await machine.reload();
  if (changed.length > 0) await machine.restart(changed);
  if (gone.length > 0) await machine.stop(gone);
  await machine.answer(renderAnswer(request.request, answers));
  for (const [id, refusal] of answers) {
    if (refusal !== undefined) log.warning(`${id} has no sandbox: ${refusal.why}`);
  }
  log.info(`${sandboxes.length} sandboxes, ${gone.length} removed`);
}

/** Puts the agent's bundle in its place, when it is one of ours; resolves with its SHA-256. */
async function bundleOf({ machine, judgeBundle, log }: Needs): Promise<string | undefined> {
  let why: string;
  try {
    const bundle = await machine.bundle();
    if (bundle === undefined) return undefined;
    const judged = judgeBundle(bundle);
    if (judged.ok) {
      await machine.writeBundle(bundle.js);
      return judged.sha256;
    }
    ({ why } = judged);
  } catch (error) {
    why = (error as Error).message;
  }
  log.warning(`services run the program in the root, not the agent's: ${why}`);
  return undefined;
}

async function devicesOf(
  { services }: SandboxRequest,
  machine: UnitsMachine,
): Promise<Map<string, Device>> {
  const devices = new Map<string, Device>();
  for (const need of services.flatMap((service) => service.needs)) {
    if (need.need === 'device') devices.set(need.path, await machine.device(need.path));
  }
  return devices;
}
