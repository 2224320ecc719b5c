// The last lines of the log, for support: bounded, in memory only.

/** What a support case needs is what happened last. */
const LINES_MAX = 500;
/** Longer lines are the fault of something from outside. */
const CHARS_MAX = 400;

export interface Ring {
  push(line: string): void;
  lines(): readonly string[];
}

/** `stamp` gives each line its time. */
export function createRing(stamp: () => string): Ring {
  const lines: string[] = [];
  return {
    push: (line) => {
      lines.push(`${stamp()} ${line.slice(0, CHARS_MAX)}`);
      if (lines.length > LINES_MAX) lines.shift();
    },
    lines: () => lines,
  };
}
