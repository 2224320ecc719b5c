// The agent's request for sandboxes and the root helper's answer, between JSON and typed values. Pure. Whatever is
// not known to be harmless is refused here: behind this file nothing is checked again.
import * as v from 'valibot';
import { lanAddress, lanRange } from '../core/lan.ts';
import type { LanRange } from '../core/lan.ts';
import {
  ADDRESSES_MAX,
  LISTEN_PORTS_OWN,
  LISTEN_PORT_MIN,
  MEMORY_MB_MAX,
  MEMORY_MB_MIN,
  NEEDS_MAX,
  SERVICES_MAX,
  SOURCES_MAX,
} from './limits.ts';

export {
  ADDRESSES_MAX,
  BUNDLE_BYTES_MAX,
  JWS_BYTES_MAX,
  REQUEST_BYTES_MAX,
  SETTINGS_BYTES_MAX,
  TOKEN_BYTES_MAX,
} from './limits.ts';

/** Part of names of units, files and firewall sets: nothing that any of them reads as more than a name. */
export const SERVICE_ID = /^[a-z][a-z0-9-]{0,31}$/;
const DEVICE =
  /^\/dev\/(serial\/by-(id|path)\/[A-Za-z0-9_.:+-]{1,200}|tty(AMA|S|USB|ACM)\d{1,3}|usb\/lp\d{1,2})$/;
/** What such a path may lead to. */
export const DEVICE_NODE = /^\/dev\/(tty(AMA|S|USB|ACM)\d{1,3}|usb\/lp\d{1,2})$/;
const NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

const range = (parse: (text: string) => LanRange | undefined, problem: string) =>
  v.pipe(
    v.string(),
    v.check((text) => parse(text) !== undefined, problem),
    v.transform((text) => parse(text)!),
  );
const Address = range(lanAddress, 'not an address of a local network');
const Source = range(lanRange, 'not an address or a network within local networks');
const Port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));

const Need = v.variant('need', [
  v.strictObject({
    need: v.literal('connect'),
    /** The name in the settings; the process finds these addresses under it, without asking a name server. */
    name: v.optional(v.pipe(v.string(), v.regex(NAME, 'not a host name'))),
    addresses: v.pipe(v.array(Address), v.minLength(1), v.maxLength(ADDRESSES_MAX)),
    port: Port,
  }),
  v.strictObject({
    need: v.literal('listen'),
    port: v.pipe(
      Port,
      v.minValue(LISTEN_PORT_MIN, `below ${LISTEN_PORT_MIN}`),
      v.check((port) => !LISTEN_PORTS_OWN.includes(port), "the unit's own port"),
    ),
    from: v.pipe(v.array(Source), v.minLength(1), v.maxLength(SOURCES_MAX)),
  }),
  v.strictObject({
    need: v.literal('device'),
    path: v.pipe(
      v.string(),
      v.regex(DEVICE, 'not a serial port or printer'),
      v.check((path) => !path.includes('/..'), 'not a serial port or printer'),
    ),
  }),
]);
export type SandboxNeed = v.InferOutput<typeof Need>;

const Id = v.pipe(v.string(), v.regex(SERVICE_ID, 'not a service id'));
const Service = v.strictObject({
  id: Id,
  interface: v.pipe(v.string(), v.regex(SERVICE_ID, 'not an interface')),
  memoryMb: v.pipe(v.number(), v.integer(), v.minValue(MEMORY_MB_MIN), v.maxValue(MEMORY_MB_MAX)),
  needs: v.pipe(v.array(Need), v.maxLength(NEEDS_MAX)),
});
export type SandboxService = v.InferOutput<typeof Service>;

const RequestId = v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/, 'not a request id'));
const Request = v.strictObject({
  v: v.literal(1),
  request: RequestId,
  services: v.pipe(v.array(v.looseObject({ id: Id })), v.maxLength(SERVICES_MAX)),
});

/** `field` as in the request of this service: "needs.0.port". */
export interface Refusal {
  readonly why: string;
  readonly field?: string | undefined;
}
export interface SandboxRequest {
  readonly request: string;
  readonly services: readonly SandboxService[];
  readonly refused: ReadonlyMap<string, Refusal>;
}

/** What is wrong with one service stops that service; a request that cannot be read stops all. */
export function parseRequest(
  text: string,
): { readonly ok: true; readonly request: SandboxRequest } | ({ readonly ok: false } & Refusal) {
  const read = v.safeParse(Request, json(text));
  if (!read.success) return { ok: false, ...refusalOf(read.issues[0]) };
  const services: SandboxService[] = [];
  const refused = new Map<string, Refusal>();
  const seen = new Set<string>();
  for (const raw of read.output.services) {
    if (seen.has(raw.id)) return { ok: false, why: `two services are called ${raw.id}` };
    seen.add(raw.id);
    const one = v.safeParse(Service, raw);
    if (one.success) services.push(one.output);
    else refused.set(raw.id, refusalOf(one.issues[0]));
  }
  return { ok: true, request: { request: read.output.request, services, refused } };
}

function refusalOf(issue: v.BaseIssue<unknown>): Refusal {
  const field = v.getDotPath(issue);
  return { why: issue.message, ...(field !== null && { field }) };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How the agent writes a request. */
export function renderRequest(
  request: string,
  services: readonly v.InferInput<typeof Service>[],
): string {
  return `${JSON.stringify({ v: 1, request, services })}\n`;
}
export type RequestedService = v.InferInput<typeof Service>;

/** undefined: it has its sandbox. */
export type Answers = ReadonlyMap<string, Refusal | undefined>;

export function renderAnswer(request: string, answers: Answers): string {
  const services = Object.fromEntries(
    [...answers].map(([id, refusal]) => [id, refusal ?? { ok: true }]),
  );
  return `${JSON.stringify({ v: 1, request, services })}\n`;
}

const Answer = v.object({
  v: v.literal(1),
  request: v.string(),
  services: v.record(
    v.string(),
    v.union([
      v.object({ ok: v.literal(true) }),
      v.object({ why: v.string(), field: v.optional(v.string()) }),
    ]),
  ),
});

/** The answer to this request; undefined when it is another's, or none. */
export function parseAnswer(text: string, request: string): Answers | undefined {
  const read = v.safeParse(Answer, json(text));
  if (!read.success || read.output.request !== request) return undefined;
  const answers = new Map<string, Refusal | undefined>();
  for (const [id, one] of Object.entries(read.output.services)) {
    answers.set(id, 'ok' in one ? undefined : one);
  }
  return answers;
}
