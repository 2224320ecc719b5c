// The blinking light as a state machine, and whether the agent deserves its watchdog. Pure.

/** /usr/lib/clock/identify blinks for ten seconds. */
const BLINK_MS = 10_000;
/** A refusal stays in view this long. */
const REFUSAL_MS = 60_000;

export type Light =
  | { readonly at: 'off' }
  | { readonly at: 'asked' }
  | { readonly at: 'blinking'; readonly untilMs: number }
  | { readonly at: 'refused'; readonly why: string; readonly untilMs: number };

export type Event =
  | { readonly on: 'pressed'; readonly nowMs: number }
  | { readonly on: 'started'; readonly nowMs: number }
  | { readonly on: 'refused'; readonly why: string; readonly nowMs: number };

export type Effect = { readonly do: 'start-unit' };

export function next(
  light: Light,
  event: Event,
): { readonly state: Light; readonly effects: readonly Effect[] } {
  switch (event.on) {
    case 'pressed': {
      const isBusy =
        light.at === 'asked' || (light.at === 'blinking' && event.nowMs < light.untilMs);
      return isBusy
        ? { state: light, effects: [] }
        : { state: { at: 'asked' }, effects: [{ do: 'start-unit' }] };
    }
    case 'started':
      return { state: { at: 'blinking', untilMs: event.nowMs + BLINK_MS }, effects: [] };
    case 'refused':
      return {
        state: { at: 'refused', why: event.why, untilMs: event.nowMs + REFUSAL_MS },
        effects: [],
      };
  }
}

/** The light as it is now: blinking and refusals end by time. */
export function lightAt(light: Light, nowMs: number): Light {
  const isOver = (light.at === 'blinking' || light.at === 'refused') && nowMs >= light.untilMs;
  return isOver ? { at: 'off' } : light;
}

/** A beat this late means that the loop stood still; a tenth of WatchdogSec=120. */
const LATE_MS_MAX = 12_000;

/**
 * The loop's delay decides, not how busy it is: a loop that a flood of requests keeps busy still
 * answers, and must not be ended by whoever floods it.
 */
export function deservesWatchdog(seen: { readonly lateMs: number }): boolean {
  return seen.lateMs <= LATE_MS_MAX;
}
