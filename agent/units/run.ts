// The root helper: reads the agent's request, makes the sandboxes, answers. It may be ended at any moment and be
// started again: each start does everything.
import type { Log } from '../core/log.ts';
import { ROUNDS_MAX } from './limits.ts';
import type { Credentials, UnitsMachine } from './ports.ts';
import { plan } from './state.ts';
import type { Device } from './state.ts';
import { parseRequest, renderAnswer } from './wire.ts';
import type { Refusal, SandboxRequest } from './wire.ts';

/**
 * Rejects when a sandbox could not be made; a request that cannot be read is answered by nothing, changes nothing
 * and rejects as well.
 */
export async function makeSandboxes(needs: {
  readonly machine: UnitsMachine;
  readonly log: Log;
}): Promise<void> {
  const { machine, log } = needs;
  let text = await machine.request();
  for (let round = 0; text !== undefined && round < ROUNDS_MAX; round += 1) {
    const read = parseRequest(text);
    if (!read.ok) {
      throw new Error(`the request is not understood: ${read.why} (${read.field ?? 'as a whole'})`);
    }
    const devices = await devicesOf(read.request, machine);
    await apply(read.request, devices, { machine, log });
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
  { machine, log }: { readonly machine: UnitsMachine; readonly log: Log },
): Promise<void> {
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
