// The conversation between the agent and a service's process: JSON-RPC 2.0, a line each, over a unix socket
// (https://www.jsonrpc.org/specification; no batches). Pure.
import * as v from 'valibot';
import type { Order } from '../vocabulary.ts';
import { COUNTERS_MAX, TEXT_CHARS_MAX } from './limits.ts';

export type Packet =
  | {
      readonly is: 'request';
      readonly id: number;
      readonly method: string;
      readonly params: unknown;
    }
  | { readonly is: 'notification'; readonly method: string; readonly params: unknown }
  | { readonly is: 'result'; readonly id: number; readonly result: unknown }
  | { readonly is: 'error'; readonly id: number; readonly message: string };

const Id = v.pipe(v.number(), v.safeInteger());
const Method = v.pipe(v.string(), v.maxLength(40));
const Version = v.literal('2.0');
const Raw = v.union([
  v.strictObject({
    jsonrpc: Version,
    method: Method,
    id: v.exactOptional(Id),
    params: v.exactOptional(v.unknown()),
  }),
  v.strictObject({ jsonrpc: Version, id: Id, result: v.unknown() }),
  v.strictObject({
    jsonrpc: Version,
    id: Id,
    error: v.object({ code: v.number(), message: v.pipe(v.string(), v.maxLength(TEXT_CHARS_MAX)) }),
  }),
]);

/** undefined: not a message of JSON-RPC 2.0. */
export function parsePacket(line: Buffer): Packet | undefined {
  const result = v.safeParse(Raw, json(line.toString()));
  if (!result.success) return undefined;
  const raw = result.output;
  if ('error' in raw) return { is: 'error', id: raw.id, message: raw.error.message };
  if ('result' in raw) return { is: 'result', id: raw.id, result: raw.result };
  const { method, params, id } = raw;
  return id === undefined
    ? { is: 'notification', method, params }
    : { is: 'request', id, method, params };
}

export function renderPacket(packet: Packet): string {
  const jsonrpc = '2.0';
  switch (packet.is) {
    case 'request': {
      const { id, method, params } = packet;
      return JSON.stringify({ jsonrpc, id, method, params });
    }
    case 'notification': {
      const { method, params } = packet;
      return JSON.stringify({ jsonrpc, method, params });
    }
    case 'result':
      return JSON.stringify({ jsonrpc, id: packet.id, result: packet.result ?? null });
    case 'error': {
      // -32000: an error of the server's own ("Server error" range of the specification).
      const error = { code: -32_000, message: packet.message.slice(0, TEXT_CHARS_MAX) };
      return JSON.stringify({ jsonrpc, id: packet.id, error });
    }
  }
}

/** What a process is there for. `check` says only whether the settings are right, and what they need. */
const TASKS = ['serve', 'test', 'rehearse', 'check'] as const;

/** Shown in logs, reports and on the page, whoever wrote it: one line of text. */
const Short = v.pipe(
  v.string(),
  v.maxLength(TEXT_CHARS_MAX),
  v.transform((text) => text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')),
);
/** The last moment that has a date (ECMAScript's time range), in milliseconds. */
const WALL_MS_MAX = 8.64e15;
const ServiceId = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,31}$/));
/** The file `settings.json` beside a service's token. */
const Setup = v.strictObject({
  v: v.literal(1),
  service: ServiceId,
  interface: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,31}$/)),
  task: v.picklist(TASKS),
  /** SHA-256 of the signed package that is its interface, hex; else it is built in. */
  package: v.exactOptional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  settings: v.unknown(),
});
export type Setup = Readonly<v.InferOutput<typeof Setup>>;

const Hello = v.strictObject({
  token: v.pipe(v.string(), v.maxLength(128)),
  service: ServiceId,
  /** SHA-256 of the settings file it runs with, hex. */
  setup: v.pipe(v.string(), v.length(64)),
});
/** What the agent tells of the hotel at once. */
const Welcome = v.strictObject({ timeZone: Short });

const Talk = v.variant('at', [
  v.strictObject({ at: v.literal('down'), why: Short }),
  v.strictObject({ at: v.literal('joining'), with: Short }),
  v.strictObject({ at: v.literal('up'), with: Short }),
]);

const TraceEntry = v.strictObject({
  atMs: v.pipe(v.number(), v.minValue(0), v.maxValue(WALL_MS_MAX)),
  direction: v.picklist(['in', 'out', 'note']),
  text: Short,
});
export type TraceEntry = Readonly<v.InferOutput<typeof TraceEntry>>;

/** Ages in milliseconds; what changed since the last one. */
const Report = v.strictObject({
  talk: Talk,
  lastInMs: v.exactOptional(v.number()),
  lastOutMs: v.exactOptional(v.number()),
  counters: v.pipe(
    v.record(
      v.pipe(v.string(), v.maxLength(40), v.regex(/^\P{Cc}*$/u)),
      v.pipe(v.number(), v.safeInteger()),
    ),
    v.check((counters) => Object.keys(counters).length <= COUNTERS_MAX),
  ),
});
export type Report = Readonly<v.InferOutput<typeof Report>>;

const Step = v.strictObject({ step: Short, ok: v.boolean(), text: Short });
const Need = v.variant('need', [
  v.strictObject({ need: v.literal('connect'), host: Short, port: v.number() }),
  v.strictObject({ need: v.literal('listen'), port: v.number(), from: v.array(Short) }),
  v.strictObject({ need: v.literal('device'), path: Short }),
]);
const STEPS_MAX = 40;
/** What a test saw, as it may cross: one text too long must not cost the whole answer. */
export const stepsThatFit = (steps: readonly v.InferOutput<typeof Step>[]) =>
  steps
    .slice(0, STEPS_MAX)
    .map(({ step, ok, text }) => ({ step: shortened(step), ok, text: shortened(text) }));
const shortened = (text: string): string =>
  text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX - 1)}…` : text;

/** The end of a test, a rehearsal or a check. */
const Tried = v.variant('is', [
  v.strictObject({ is: v.literal('steps'), steps: v.pipe(v.array(Step), v.maxLength(STEPS_MAX)) }),
  v.strictObject({
    is: v.literal('right'),
    needs: v.pipe(v.array(Need), v.maxLength(40)),
    targets: v.pipe(v.array(Short), v.maxLength(200)),
  }),
  v.strictObject({
    is: v.literal('wrong'),
    problems: v.pipe(v.array(v.strictObject({ field: Short, problem: Short })), v.maxLength(50)),
  }),
]);
export type Tried = Readonly<v.InferOutput<typeof Tried>>;

const Remembered = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,31}$/)),
  value: v.exactOptional(v.pipe(v.string(), v.maxLength(4_096))),
});

const read =
  <T>(schema: v.GenericSchema<unknown, T>) =>
  (value: unknown): T | undefined => {
    const result = v.safeParse(schema, value);
    return result.success ? result.output : undefined;
  };

export const parseHello = read(Hello);
export const parseWelcome = read(Welcome);
export const parseTrace = read(v.pipe(v.array(TraceEntry), v.maxLength(600)));
export const parseReport = read(Report);
export const parseTried = read(Tried);
export const parseRemembered = read(Remembered);
export const parseSetup = (text: string): Setup | undefined =>
  read(Setup)(json(Buffer.from(text).toString()));
export const renderSetup = (setup: Setup): string => JSON.stringify(setup);

/** An order with the time it has left; `order` is parsed by whoever carries it out. */
export const parseOrdered = read(
  v.strictObject({ order: v.unknown(), msLeft: v.pipe(v.number(), v.minValue(0)) }),
);
export const renderOrdered = (order: Order, msLeft: number): object => ({ order, msLeft });

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
