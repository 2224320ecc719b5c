// What a service tells of itself: talk, traffic, counters at most once a second, its trace at once. While the
// agent is away the last entries are kept for it.
import type { Clock } from '../core/clock.ts';
import type { Talk } from '../core/interface.ts';
import { COUNTERS_MAX, REPORT_MS, TEXT_CHARS_MAX, TRACE_MAX } from '../core/ipc/limits.ts';
import type { Report, TraceEntry } from '../core/ipc/wire.ts';

export interface Reporter {
  talk(now: Talk): void;
  trace(direction: TraceEntry['direction'], text: string): void;
  count(name: string, by: number): void;
  /** The agent is there: everything is new to it. */
  up(): void;
  close(): void;
}

export function createReporter(
  clock: Clock,
  tell: (method: string, params: unknown) => boolean,
): Reporter {
  let talk: Talk = { at: 'down', why: 'starting' };
  let inMs: number | undefined;
  let outMs: number | undefined;
  const counters = new Map<string, number>();
  let entries: TraceEntry[] = [];
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    timer = undefined;
    const nowMs = clock.nowMs();
    const report: Report = {
      talk,
      ...(inMs !== undefined && { lastInMs: nowMs - inMs }),
      ...(outMs !== undefined && { lastOutMs: nowMs - outMs }),
      counters: Object.fromEntries(counters),
    };
    tell('report', report);
    if (entries.length > 0 && tell('trace', entries)) entries = [];
  };
  const soon = (): void => {
    timer ??= setTimeout(flush, REPORT_MS);
  };
  const now = (): void => {
    clearTimeout(timer);
    flush();
  };
  return {
    talk: (next) => {
      const isSame = JSON.stringify(next) === JSON.stringify(talk);
      talk = next;
      if (!isSame) now();
    },
    trace: (direction, text) => {
      if (direction === 'in') inMs = clock.nowMs();
      if (direction === 'out') outMs = clock.nowMs();
      const clean = text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, TEXT_CHARS_MAX);
      entries.push({ atMs: clock.wallMs(), direction, text: clean });
      if (entries.length > TRACE_MAX) entries.shift();
      soon();
    },
    count: (name, by) => {
      if (!counters.has(name) && counters.size >= COUNTERS_MAX) return;
      counters.set(name, (counters.get(name) ?? 0) + by);
      soon();
    },
    up: now,
    close: () => clearTimeout(timer),
  };
}
