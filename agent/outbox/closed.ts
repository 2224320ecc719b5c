// An outbox that could not be opened: takes nothing, and says why.
import type { Outbox } from './shapes.ts';

export function closedOutbox(problem: string): Outbox {
  const nothing = { waiting: 0, waitingBytes: 0, oldestMsAgo: undefined, dead: 0, dropped: 0 };
  return {
    append: async () => ({ ok: false, why: 'closed' }),
    records: {
      get: () => undefined,
      list: () => [],
      change: async () => Promise.reject(notStored('closed')),
    },
    take: () => [],
    settle: () => {},
    bury: () => {},
    forget: () => {},
    view: () => ({ at: 'closed', problem, ...nothing, tight: false, trouble: undefined }),
    droppedOf: () => 0,
    close: () => {},
  };
}

export const notStored = (code: string): Error => Object.assign(new Error(code), { code });
