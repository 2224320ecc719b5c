// A command as it comes in, and as it lies on the card (docs: agent/README.md, "Commands"). Pure.
import * as v from 'valibot';
import type { Command, Outcome } from '../core/commands.ts';
import {
  ANSWER_BYTES_MAX,
  BODY_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
  TEXT_CHARS_MAX,
  WHY_CHARS_MAX,
} from './limits.ts';

/** To whatever service: stop a command that is under way, or never begin it. Its body: `{ command }`. */
export const CANCEL = 'command.cancel';

const SERVICE = /^[a-z0-9-]{1,32}$/;
const Id = v.pipe(v.string(), v.regex(/^[0-9A-Za-z-]{1,64}$/));
const Kind = v.pipe(v.string(), v.regex(/^[a-z0-9.-]{1,64}$/));

/** What a command looks like; anything else is junk, acknowledged and dropped. */
const CommandMessage = v.object({
  v: v.literal(1),
  id: Id,
  kind: Kind,
  body: v.optional(v.unknown()),
  /** A key order dies in seconds; what has no date is never too late. */
  expiresAt: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(40),
      v.isoTimestamp(),
      v.check((text) => !Number.isNaN(Date.parse(text))),
    ),
  ),
});

const CancelBody = v.object({ command: Id });

export const commandFilter = (thing: string): string => `clock/v1/${thing}/command/+`;

/** undefined: not a command for this thing. */
export function parseCommand(
  thing: string,
  message: { readonly topic: string; readonly payload: Buffer },
): Command | undefined {
  const prefix = `clock/v1/${thing}/command/`;
  const service = message.topic.startsWith(prefix) ? message.topic.slice(prefix.length) : '';
  if (!SERVICE.test(service) || message.payload.length > PAYLOAD_BYTES_MAX) return undefined;
  const parsed = v.safeParse(CommandMessage, fromJson(message.payload.toString('utf8')));
  if (!parsed.success) return undefined;
  const { id, kind, body, expiresAt } = parsed.output;
  const expiresMs = expiresAt === undefined ? undefined : Date.parse(expiresAt);
  return { id, service, kind, body, expiresMs };
}

/** Which command a `command.cancel` means; undefined: its body does not say. */
export function parseCancel(body: unknown): string | undefined {
  const parsed = v.safeParse(CancelBody, body);
  return parsed.success ? parsed.output.command : undefined;
}

/** undefined is `null` on the card, which a body may be as well: both mean that nothing was said. */
export const isBodyTooLarge = (body: unknown): boolean =>
  Buffer.byteLength(JSON.stringify(body ?? null)) > BODY_BYTES_MAX;

/** How a command ends. */
export type Final = Outcome | { readonly state: 'cancelled' };

/** What a handler said, within bounds: the deed is done whatever it says of it. */
export function boundedOutcome(outcome: Outcome): Final {
  if (outcome.state === 'error') {
    const { why, text } = outcome;
    return {
      state: 'error',
      why: why.slice(0, WHY_CHARS_MAX),
      ...(text !== undefined && { text: text.slice(0, TEXT_CHARS_MAX) }),
    };
  }
  const { body } = outcome;
  if (body === undefined) return { state: 'processed' };
  const isTooLarge = Buffer.byteLength(JSON.stringify(body)) > ANSWER_BYTES_MAX;
  return { state: 'processed', body: isTooLarge ? { omitted: 'too-large' } : body };
}

const Body = v.record(v.string(), v.unknown());
const Ended = v.variant('state', [
  v.object({ state: v.literal('processed'), body: v.exactOptional(Body) }),
  v.object({ state: v.literal('cancelled') }),
  v.object({ state: v.literal('error'), why: v.string(), text: v.exactOptional(v.string()) }),
]);
const known = {
  v: v.literal(1),
  id: Id,
  service: v.pipe(v.string(), v.regex(SERVICE)),
  kind: Kind,
  /** Of arrival: commands of one service are carried out in this order. */
  seq: v.pipe(v.number(), v.safeInteger()),
  /** Of arrival; 0: the clock was not set then. */
  atMs: v.pipe(v.number(), v.safeInteger()),
  /** How often it was begun. */
  tries: v.pipe(v.number(), v.safeInteger()),
};
const unfinished = {
  ...known,
  body: v.unknown(),
  expiresMs: v.exactOptional(v.number()),
  /** Its cancellation was asked for while it was under way. */
  stopping: v.exactOptional(v.literal(true)),
};
const OnCard = v.variant('state', [
  v.object({ ...unfinished, state: v.literal('received') }),
  v.object({ ...unfinished, state: v.literal('processing') }),
  v.object({ ...known, state: v.literal('ended'), final: Ended }),
]);
/** What lies on the card of one command. */
export type OnCard = Readonly<v.InferOutput<typeof OnCard>>;

export const SPACE = 'commands/';
export const keyOf = (id: string): string => SPACE + id;

/** undefined: not what we wrote. */
export function parseOnCard(text: string | undefined): OnCard | undefined {
  const parsed = v.safeParse(OnCard, text === undefined ? undefined : fromJson(text));
  return parsed.success ? parsed.output : undefined;
}

export const renderOnCard = (record: OnCard): string =>
  JSON.stringify('body' in record ? { ...record, body: record.body ?? null } : record);

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
