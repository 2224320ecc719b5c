// The messages of named shadows (AWS IoT: device-shadow-mqtt, device-shadow-document), and the difference
// between two states as an update says it. Pure.
import * as v from 'valibot';
import { DEPTH_MAX, DOCUMENT_BYTES_MAX } from './limits.ts';
import type { State } from './ports.ts';

const prefixOf = (thing: string, name: string): string =>
  `$aws/things/${thing}/shadow/name/${name}`;

/** AWS warns against `shadow/#`: each answer by its name. */
const ANSWERS = [
  'get/accepted',
  'get/rejected',
  'update/accepted',
  'update/rejected',
  'update/delta',
  'delete/accepted',
] as const;
type Answer = (typeof ANSWERS)[number];

export interface Topics {
  readonly get: string;
  readonly update: string;
  readonly answers: ReadonlyMap<string, Answer>;
}

export function topicsOf(thing: string, name: string): Topics {
  const prefix = prefixOf(thing, name);
  const answers = new Map(ANSWERS.map((answer) => [`${prefix}/${answer}`, answer] as const));
  return { get: `${prefix}/get`, update: `${prefix}/update`, answers };
}

const Any = v.record(v.string(), v.unknown());
const Token = v.optional(v.pipe(v.string(), v.maxLength(64)));
const Document = v.object({
  state: v.optional(v.object({ desired: v.nullish(Any), reported: v.nullish(Any) }), {}),
  clientToken: Token,
});
const Rejection = v.object({
  code: v.number(),
  message: v.optional(v.string(), ''),
  clientToken: Token,
});
const Accepted = v.object({ clientToken: Token });

/** undefined: not what AWS sends, or too large. */
export function parseDocument(
  payload: Buffer,
): { desired: State; reported: State; token: string | undefined } | undefined {
  const parsed = v.safeParse(Document, fromJson(payload));
  if (!parsed.success) return undefined;
  const { state, clientToken } = parsed.output;
  return { desired: state.desired ?? {}, reported: state.reported ?? {}, token: clientToken };
}

export function parseRejection(
  payload: Buffer,
): { code: number; message: string; token: string | undefined } | undefined {
  const parsed = v.safeParse(Rejection, fromJson(payload));
  if (!parsed.success) return undefined;
  const { code, message, clientToken } = parsed.output;
  return { code, message: message.slice(0, 200), token: clientToken };
}

export function parseToken(payload: Buffer): string | undefined {
  const parsed = v.safeParse(Accepted, fromJson(payload));
  return parsed.success ? parsed.output.clientToken : undefined;
}

function fromJson(payload: Buffer): unknown {
  if (payload.length > DOCUMENT_BYTES_MAX) return undefined;
  try {
    return JSON.parse(payload.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is State =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What makes `known` into `wanted` when merged: `null` deletes a key. undefined: they are the same. */
export function difference(wanted: State, known: State, depth = DEPTH_MAX): State | undefined {
  const changes: [string, unknown][] = [];
  for (const [key, value] of Object.entries(wanted)) {
    const old = Object.hasOwn(known, key) ? known[key] : undefined;
    if (isObject(value) && isObject(old) && depth > 1) {
      const inner = difference(value, old, depth - 1);
      if (inner !== undefined) changes.push([key, inner]);
    } else if (JSON.stringify(value) !== JSON.stringify(old)) changes.push([key, value]);
  }
  for (const key of Object.keys(known)) {
    if (!Object.hasOwn(wanted, key)) changes.push([key, null]);
  }
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}
