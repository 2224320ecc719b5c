// What a service says that it needs, as the agent believes it: a package's code never runs in the agent, so its
// needs come from a process of its own, and are read here as what they are, a stranger's words. Pure.
import * as v from 'valibot';
import type { Need } from '../interface.ts';
import { Host, Port, Sources } from '../line/config.ts';
import { needsBeyond } from '../packages.ts';
import type { Permission } from '../packages.ts';

/** Settings of one service name at most some dozen places. */
const NEEDS_MAX = 64;

const Needs = v.pipe(
  v.array(
    v.variant('need', [
      v.strictObject({ need: v.literal('connect'), host: Host, port: Port }),
      v.strictObject({
        need: v.literal('listen'),
        port: v.pipe(Port, v.minValue(1_024)),
        from: Sources,
      }),
      v.strictObject({
        need: v.literal('device'),
        path: v.pipe(v.string(), v.maxLength(300), v.regex(/^\/dev\/[A-Za-z0-9_.:+/-]+$/)),
      }),
    ]),
  ),
  v.maxLength(NEEDS_MAX),
);

/** `problem` is for people: nothing of it is the stranger's own text. */
export type Admitted =
  | { readonly ok: true; readonly needs: readonly Need[] }
  | { readonly ok: false; readonly problem: string };

/** Of a package: what it asks for exists, and a person approved its kind. */
export function admitNeeds(needs: unknown, permissions: readonly Permission[]): Admitted {
  const parsed = v.safeParse(Needs, needs);
  if (!parsed.success) return { ok: false, problem: 'asks for something that does not exist' };
  const [first] = needsBeyond(parsed.output, permissions);
  if (first === undefined) return { ok: true, needs: parsed.output };
  return { ok: false, problem: `not approved for this package: ${shown(first)}` };
}

function shown(need: Need): string {
  switch (need.need) {
    case 'connect':
      return `connecting to ${need.host}:${need.port}`;
    case 'listen':
      return `listening on port ${need.port}`;
    case 'device':
      return need.path;
  }
}
