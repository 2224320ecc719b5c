// Progress that only remembers: for tests of what reports progress.
// Keeps the contract of terminalProgress(): progress.test.ts holds both to it.
import type { Progress } from '../../../image/core/progress.ts';

export interface RecordedProgress extends Progress {
  /** What happened, in order: "begin base root", "note base root: unpacking", "end base root", … */
  readonly events: readonly string[];
}

export function recordingProgress(): RecordedProgress {
  const events: string[] = [];
  const times: { name: string; ms: number }[] = [];
  return {
    events,
    times,
    say: (text) => void events.push(`say ${text}`),
    reused: (name, why) => void events.push(`reused ${name}: ${why}`),
    async step(name, work) {
      events.push(`begin ${name}`);
      const started = performance.now();
      try {
        const result = await work({
          note: (text) => void events.push(`note ${name}: ${text}`),
          fraction: (done) => void events.push(`fraction ${name}: ${done}`),
          warn: (text) => void events.push(`warn ${name}: ${text}`),
        });
        times.push({ name, ms: performance.now() - started });
        events.push(`end ${name}`);
        return result;
      } catch (error) {
        events.push(`failed ${name}`);
        throw error;
      }
    },
  };
}
