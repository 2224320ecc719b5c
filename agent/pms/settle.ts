// What became of a write whose answer did not come: it is looked for before it is written again.
import { REREAD_MS } from './limits.ts';
import type { Reply } from './ports.ts';

/** Begins the code where there was an answer, if none that tells: never written again, only looked for. */
export const SERVER_CODE = 'HTTP';

export interface Write<T> {
  write(): Promise<Reply<T>>;
  /** undefined in a reply: it is not there. */
  look(): Promise<Reply<T | undefined>>;
  /** Twice is as once: it may be written again after the first look. */
  readonly isRepeatable: boolean;
  /** False when there is nothing to wait for any more. */
  pause(ms: number): Promise<boolean>;
}

/** Written again at most once; `unknown` stays when nobody can tell. */
export async function settle<T>(what: Write<T>): Promise<Reply<T>> {
  const first = await what.write();
  const found = await sought(first, what);
  if (found !== undefined) return found;
  const second = await what.write();
  return (await sought(second, what)) ?? second;
}

/** undefined: surely not there. */
async function sought<T>(reply: Reply<T>, what: Write<T>): Promise<Reply<T> | undefined> {
  if (reply.ok || reply.why !== 'unknown') return reply;
  const looks = what.isRepeatable ? REREAD_MS.slice(0, 1) : REREAD_MS;
  let isAbsent = false;
  for (const ms of looks) {
    if (!(await what.pause(ms))) return reply;
    const seen = await what.look();
    isAbsent = seen.ok && seen.value === undefined;
    if (seen.ok && seen.value !== undefined) return { ok: true, value: seen.value };
  }
  return isAbsent && !reply.code.startsWith(SERVER_CODE) ? undefined : reply;
}
