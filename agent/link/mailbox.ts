// Messages that are worth something only on the present connection (questions to shadows and jobs):
// sent before the outbox's, kept nowhere, gone with the connection.
import type { Send } from '../core/remote.ts';
import { LIVE_BYTES_MAX, LIVE_WAITING_MAX } from './limits.ts';
import type { Outgoing, Source } from './ports.ts';

interface Mailbox extends Source {
  readonly send: Send;
  /** From now on messages are taken. */
  open(): void;
  /** The connection is gone, and with it whatever waits. */
  clear(): void;
}

/** Gives out its own messages first, then those of `outbox`. `onReady`: there is something new. */
export function createMailbox(outbox: Source, onReady: () => void): Mailbox {
  const waiting = new Map<string, Outgoing>();
  let isOpen = false;
  let sent = 0;
  return {
    send: (topic, body) => {
      const payload = Buffer.from(JSON.stringify(body));
      if (!isOpen || waiting.size >= LIVE_WAITING_MAX || payload.length > LIVE_BYTES_MAX) {
        return false;
      }
      sent += 1;
      const id = `live-${sent}`;
      waiting.set(id, { id, topic, payload });
      // Not from within: who sends may be just hearing from the link.
      setImmediate(onReady);
      return true;
    },
    open: () => {
      isOpen = true;
    },
    clear: () => {
      isOpen = false;
      waiting.clear();
    },
    take: (count, options) => {
      const own = options.eventsOnly ? [] : [...waiting.values()];
      const live = own.filter(({ id }) => !options.except.includes(id)).slice(0, count);
      if (live.length === count) return live;
      return [...live, ...outbox.take(count - live.length, options)];
    },
    settle: (id) => {
      if (!waiting.delete(id)) outbox.settle(id);
    },
    bury: (id, why) => {
      if (!waiting.delete(id)) outbox.bury(id, why);
    },
  };
}
