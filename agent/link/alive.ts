// Says that the unit is alive, after connecting and from time to time: for people who watch a fleet. QoS 0
// on purpose: a lost one does not matter, and none of them ever waits.
import type { Message } from '../core/messages.ts';
import type { Remote } from '../core/remote.ts';

/** `make` says how it is now; `mention` sends it. */
export function createAlive(needs: {
  readonly make: () => Pick<Message, 'topic' | 'payload'>;
  readonly mention: (message: Pick<Message, 'topic' | 'payload'>) => void;
  /** Until the next one. */
  readonly everyMs: () => number;
}): Remote {
  let timer: NodeJS.Timeout | undefined;
  const say = (): void => {
    clearTimeout(timer);
    needs.mention(needs.make());
    timer = setTimeout(say, needs.everyMs());
  };
  return {
    filters: [],
    owns: () => false,
    receive: async () => {},
    up: say,
    down: () => clearTimeout(timer),
  };
}
