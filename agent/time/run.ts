// Holds back whatever judges certificates by their dates until the clock can be gone by. Sets nothing:
// systemd raises the clock to its floor, systemd-timesyncd sets it.
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { judge } from './state.ts';

const LOOK_MS = 500;

interface Needs {
  readonly clock: Clock;
  readonly log: Log;
  /** By a time server; undefined: nobody tells. */
  readonly isClockSet: () => Promise<boolean | undefined>;
  /** The date of the software, the beginning of the unit's certificate: milliseconds since 1970. */
  readonly floorMs: () => Promise<number>;
}

interface Time {
  isWaiting(): boolean;
  close(): void;
}

/** `onReady` comes once, and never after close(). */
export function createTime(needs: Needs, onReady: () => void): Time {
  const { clock, log } = needs;
  const beganMs = clock.nowMs();
  let isWaiting = true;
  let isSaid = false;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const look = async (floorMs: number): Promise<void> => {
    const isSet = await needs.isClockSet();
    const wallMs = clock.wallMs();
    const verdict = judge({ wallMs, floorMs, isSet, waitedMs: clock.nowMs() - beganMs });
    if (isClosed) return;
    if (verdict === 'go') {
      isWaiting = false;
      return onReady();
    }
    if (verdict === 'below-floor' && !isSaid) {
      isSaid = true;
      log.warning(
        `cloud: waiting for the time: the clock says ${day(wallMs)}, it is past ${day(floorMs)}`,
      );
    }
    timer = setTimeout(() => void look(floorMs), LOOK_MS);
  };
  void needs.floorMs().then(look);
  return {
    isWaiting: () => isWaiting,
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 16);
