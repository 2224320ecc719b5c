// What an order is to a telephone exchange: frames, or why there are none. Pure; which frames, each interface's
// orders.ts says.
import type { RoomMap } from '../extensions/config.ts';
import type { OrderOutcome } from '../vocabulary.ts';

type Refusal = Extract<OrderOutcome, { ok: false }>;
/** No frames: there is nothing to tell the exchange. */
export type Frames =
  | { readonly ok: true; readonly frames: readonly Buffer[] }
  | { readonly ok: false; readonly outcome: Refusal };

export const no = (why: 'wrong' | 'unsupported' | 'expired', text: string): Frames => ({
  ok: false,
  outcome: { ok: false, why, text },
});
export const none: Frames = { ok: true, frames: [] };

/** One after the other; none of them where one cannot be. */
export const all = (...parts: readonly Frames[]): Frames =>
  parts.find((part) => !part.ok) ?? {
    ok: true,
    frames: parts.flatMap((part) => (part.ok ? part.frames : [])),
  };

interface Numbering {
  readonly rooms: RoomMap;
  /** Can the exchange have such an extension? */
  readonly isExtension: (extension: string) => boolean;
  /** As a person reads it: `five`. */
  readonly digitsMax: string;
}

/** One frame to every telephone of the room. */
export function toTelephones(
  room: string,
  { rooms, isExtension, digitsMax }: Numbering,
  frameTo: (extension: string) => Buffer,
): Frames {
  const frames: Buffer[] = [];
  for (const extension of rooms.extensionsOf(room)) {
    if (!isExtension(extension)) {
      const text = `"${extension}" is no extension of up to ${digitsMax} digits: give room "${room}" one in the settings`;
      return no('wrong', text);
    }
    frames.push(frameTo(extension));
  }
  return { ok: true, frames };
}
