// Which telephones stand in which room: the setting, the same for every exchange, and the way back. Pure.
import * as v from 'valibot';
import { distinct } from '../fields/config.ts';

/** Rooms of a large hotel, each with a second telephone in the bath. */
const EXTENSIONS_MAX = 10_000;

const Pair = v.strictObject({
  /** As the PMS names it. */
  room: v.pipe(v.string(), v.minLength(1, 'empty'), v.maxLength(64, 'too long')),
  extension: v.pipe(
    v.string(),
    v.trim(),
    v.regex(/^[0-9A-Za-z*#]{1,16}$/, 'not an extension: digits, letters, * and #'),
  ),
});
type Pair = v.InferOutput<typeof Pair>;

/** A room may stand there several times, an extension once. A room that does not has its own name for extension. */
export const Extensions = v.pipe(
  v.array(Pair),
  v.maxLength(EXTENSIONS_MAX),
  distinct('extension', 'an extension stands there twice'),
);

/** The same for an exchange whose field has fewer characters. */
export const extensionsThat = (fits: (extension: string) => boolean, problem: string) =>
  v.pipe(
    Extensions,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed || dataset.issues) return;
      for (const [key, value] of dataset.value.entries()) {
        if (fits(value.extension)) continue;
        const path = { type: 'array', origin: 'value', input: dataset.value, key, value } as const;
        addIssue({ message: problem, path: [path] });
      }
    }),
  );

export interface RoomMap {
  /** All the telephones of a room. */
  extensionsOf(room: string): readonly string[];
  /** Undefined: a telephone in no room. */
  roomOf(extension: string): string | undefined;
}

export function createRoomMap(pairs: readonly Pair[]): RoomMap {
  const byRoom = new Map<string, string[]>();
  const byExtension = new Map<string, string>();
  for (const { room, extension } of pairs) {
    byRoom.set(room, [...(byRoom.get(room) ?? []), extension]);
    byExtension.set(extension, room);
  }
  return {
    extensionsOf: (room) => byRoom.get(room) ?? [room.trim()],
    roomOf: (extension) => {
      const room = byExtension.get(extension);
      if (room !== undefined) return room;
      // Extension 101 is not room 101 where that room's telephone is another one.
      return byRoom.has(extension) ? undefined : extension;
    },
  };
}
