// Tries a vendor with these settings: waits for it, says LS, hears what it wants, says LE. No data passes.
import type { ServiceHost, TestStep } from '../../core/interface.ts';
import type { Settings } from './config.ts';
import { TRY_MS_MAX } from './limits.ts';
import { createSession } from './session.ts';
import type { Vendor } from './state.ts';

export async function tryLink(
  settings: Settings,
  host: ServiceHost,
  signal: AbortSignal,
): Promise<readonly TestStep[]> {
  const agreed = Promise.withResolvers<Vendor | undefined>();
  let connected: string | undefined;
  let last = '';
  const watched: ServiceHost = {
    ...host,
    talk: (now) => {
      if (now.at === 'joining') connected ??= now.with;
      if (now.at === 'down') last = now.why;
      host.talk(now);
    },
    trace: (direction, text) => {
      if (direction === 'note') last = text;
      host.trace(direction, text);
    },
  };
  const session = createSession(settings, watched, {
    up: agreed.resolve,
    data: () => {},
    down: () => {},
  });
  const giveUp = (): void => agreed.resolve(undefined);
  const timer = setTimeout(giveUp, TRY_MS_MAX);
  signal.addEventListener('abort', giveUp);
  const vendor = await agreed.promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', giveUp);
  await session.close();
  return [connection(settings, { connected, last }), ...link(vendor, { connected, last })];
}

interface Seen {
  readonly connected: string | undefined;
  readonly last: string;
}

function connection({ line }: Settings, { connected, last }: Seen): TestStep {
  const step = 'Connection';
  if (connected !== undefined) return { step, ok: true, text: connected };
  const hint =
    line.kind === 'tcp-server'
      ? `Nobody connected to port ${line.port}: enter this unit's address at the vendor's system`
      : `No connection: ${last}`;
  return { step, ok: false, text: hint };
}

function link(vendor: Vendor | undefined, { connected, last }: Seen): readonly TestStep[] {
  if (connected === undefined) return [];
  if (vendor === undefined)
    return [{ step: 'Link (LS, LD, LR, LA)', ok: false, text: last || 'The vendor says nothing' }];
  const named = `${vendor.family} ${vendor.version}`.trim();
  const wanted = [...vendor.described].map(([id, fields]) => `${id} (${fields.join(' ')})`);
  return [
    { step: 'Link (LS, LD, LR, LA)', ok: true, text: named === '' ? 'Agreed' : named },
    { step: 'Records that it wants', ok: wanted.length > 0, text: wanted.join(', ') },
  ];
}
