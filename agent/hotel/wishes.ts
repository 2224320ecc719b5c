// Tells Clock what housekeeping said in the hotel, the last of each room, as long as it takes.
import { codeOf } from '../core/errors.ts';
import { nextDelayMs } from '../core/retry.ts';
import { clockStatusOf } from './clock-facts.ts';
import type { Keeper } from './keeper.ts';
import { POST_BACK_OFF_MS_MAX } from './limits.ts';
import type { Needs } from './ports.ts';
import { words } from './posting.ts';
import { idOf, keys, parseWish } from './wire.ts';

type WishNeeds = Pick<Needs, 'pms' | 'records' | 'makeMessage' | 'log' | 'random'> & {
  readonly keeper: () => Keeper;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<boolean>;
};

export interface Wishes {
  kick(): void;
  close(): void;
}

export function createWishes(needs: WishNeeds): Wishes {
  const { records, log, wait } = needs;
  const stop = new AbortController();
  const { signal } = stop;
  const failed = (error: unknown): void => log.error(`hotel: wishes: ${codeOf(error)}`);
  let isAtIt = false;

  /** False: not now. */
  const tell = async (key: string, value: string): Promise<boolean> => {
    const wish = parseWish(value);
    const [pms, id] = [needs.pms(), idOf(key)];
    const day = needs.keeper().house().businessDay;
    if (pms === undefined || day === undefined) return false;
    const reply =
      wish === undefined
        ? undefined
        : await pms.calls.rooms.setHousekeeping(id, clockStatusOf(wish.housekeeping), day);
    if (signal.aborted) return false;
    const isSettled = reply === undefined || reply.ok || reply.why === 'rejected';
    if (!isSettled) {
      log.warning(`hotel: room status not told: ${words(reply)}`);
      return false;
    }
    // Meanwhile housekeeping may have said something else.
    if (records.get(key) !== value) return true;
    const isRejected = reply !== undefined && !reply.ok;
    const messages =
      isRejected && wish !== undefined
        ? [
            needs.makeMessage({
              ...{ direction: 'event', lane: 'business', service: wish.service },
              kind: 'room.status.rejected',
              body: { room: needs.keeper().house().rooms.get(id)?.name ?? null, why: words(reply) },
            }),
          ]
        : [];
    await records.change({ remove: [key], messages });
    // Then everybody shall know what Clock has instead.
    if (isRejected) needs.keeper().dirty('rooms');
    return true;
  };
  const run = async (): Promise<void> => {
    let failures = 0;
    for (;;) {
      const [first] = records.list(keys.wishes);
      if (signal.aborted || first === undefined || needs.pms() === undefined) return;
      const isDone = await tell(first.key, first.value).catch((error: unknown) => {
        log.warning(`hotel: room status: ${codeOf(error)}`);
        return false;
      });
      failures = isDone ? 0 : failures + 1;
      if (isDone) continue;
      const capMs = POST_BACK_OFF_MS_MAX;
      await wait(nextDelayMs({ failures, random: needs.random(), capMs }), signal);
    }
  };
  return {
    kick: () => {
      if (isAtIt || signal.aborted) return;
      isAtIt = true;
      void run()
        .catch(failed)
        .finally(() => (isAtIt = false));
    },
    close: () => stop.abort(),
  };
}
