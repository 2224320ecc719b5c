// The hotel's wall clock as text ("2026-04-01T10:54:00"): arithmetic, and what a record leaves out of its date.
// Local times are counted as if there were no summer time: an hour more or less in a night. Pure.
import type { LocalTime } from '../../core/vocabulary.ts';
import type { Moment } from './format.ts';

/** Of a local time; comparable with one another only. */
export const localMs = (time: LocalTime): number => Date.parse(`${time}Z`);
export const localTime = (ms: number): LocalTime => new Date(ms).toISOString().slice(0, 19);

const DAY_MS = 86_400_000;

/** Undefined: there is no such day. */
function msOf(
  moment: Moment,
  day: { year: number; month: number; day: number },
): number | undefined {
  const ms = Date.UTC(
    ...([day.year, day.month - 1, day.day] as const),
    ...([moment.hour, moment.minute, moment.second] as const),
  );
  const made = new Date(ms);
  return made.getUTCMonth() === day.month - 1 && made.getUTCDate() === day.day ? ms : undefined;
}

/** The year, or the day, that the record leaves out is the one nearest to now. Undefined: no such day. */
export function resolved(moment: Moment, nowLocal: LocalTime): LocalTime | undefined {
  const nowMs = localMs(nowLocal);
  const now = new Date(nowMs);
  const { year, month, day } = moment;
  let ways: readonly (number | undefined)[];
  if (month === undefined || day === undefined) {
    ways = [-1, 0, 1].map((days) => {
      const other = new Date(nowMs + days * DAY_MS);
      const parts = [other.getUTCFullYear(), other.getUTCMonth() + 1, other.getUTCDate()] as const;
      return msOf(moment, { year: parts[0], month: parts[1], day: parts[2] });
    });
  } else if (year === undefined) {
    ways = [-1, 0, 1].map((years) =>
      msOf(moment, { year: now.getUTCFullYear() + years, month, day }),
    );
  } else ways = [msOf(moment, { year, month, day })];
  let best: number | undefined;
  for (const ms of ways) {
    if (ms === undefined) continue;
    if (best === undefined || Math.abs(ms - nowMs) < Math.abs(best - nowMs)) best = ms;
  }
  return best === undefined ? undefined : localTime(best);
}
