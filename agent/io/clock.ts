// The system's clocks: the only place that asks for the time.
import type { Clock } from '../core/clock.ts';

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
};
