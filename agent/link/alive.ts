// Says that the unit is alive, after connecting and from time to time: for people who watch a fleet. QoS 0
// on purpose: a lost one does not matter, and none of them ever waits.
import type { Message } from '../core/messages.ts';
import type { Remote } from '../core/remote.ts';
import { ALIVE_MS } from './limits.ts';

/** `make` says how it is now; `mention` sends it. */
export function createAlive(needs: {
  readonly make: () => Pick<Message, 'topic' | 'payload'>;
  readonly mention: (message: Pick<Message, 'topic' | 'payload'>) => void;
}): Remote {
  let timer: NodeJS.Timeout | undefined;
  const say = (): void => needs.mention(needs.make());
  return {
    filters: [],
    owns: () => false,
    receive: async () => {},
    up: () => {
      clearInterval(timer);
      say();
      timer = setInterval(say, ALIVE_MS);
    },
    down: () => clearInterval(timer),
  };
}
