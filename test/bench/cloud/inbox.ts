// What clients published, for a test that waits for it. Knows no broker: messages are put in.
import { matches } from './mqtt/topics.ts';
import type { Message } from './mqtt/wire.ts';

/** Generous on a busy machine; what a test waits for comes in milliseconds. */
const WITHIN_MS = 5_000;

export class Inbox {
  readonly #messages: readonly Message[];
  /** How many messages each filter has already been given, counted from the beginning. */
  readonly #given = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

  /** `messages` grows at its end. */
  constructor(messages: readonly Message[]) {
    this.#messages = messages;
  }

  all(filter: string): readonly Message[] {
    return this.#messages.filter(({ topic }) => matches(filter, topic));
  }

  async next(filter: string, withinMs = WITHIN_MS): Promise<Message> {
    const index = this.#given.get(filter) ?? 0;
    this.#given.set(filter, index + 1);
    await this.until(() => this.all(filter).length > index, {
      withinMs,
      what: `message ${index + 1} on ${filter}`,
    });
    return this.all(filter)[index]!;
  }

  /** Something has changed. */
  changed(): void {
    for (const look of this.#waiting) look();
  }

  /** Resolves when `holds` does; throws when it does not in time. */
  async until(
    holds: () => boolean,
    { withinMs = WITHIN_MS, what }: { readonly withinMs?: number; readonly what: string },
  ): Promise<void> {
    if (holds()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (holds()) resolve();
    };
    this.#waiting.add(look);
    const tooLate = setTimeout(() => {
      reject(new Error(`The cloud has not seen it within ${withinMs} ms: ${what}`));
    }, withinMs);
    try {
      await promise;
    } finally {
      clearTimeout(tooLate);
      this.#waiting.delete(look);
    }
  }
}
