// Tells the person at the terminal what is going on: step names, elapsed time, bars.
// Plain lines when the output is no terminal. Knows nothing of what the steps do.

/** What a running step may say about itself. */
export interface Step {
  /** A short remark behind the step's name, e.g. "unpacking systemd". Replaces the last one. */
  note(text: string): void;
  /** 0…1; draws a bar. */
  fraction(done: number): void;
  /** A warning that stays visible after the step has ended. */
  warn(text: string): void;
}

export interface Progress {
  /** Runs `work` as a named step; its time is shown and kept for the build's table. */
  step<T>(name: string, work: (step: Step) => Promise<T>): Promise<T>;
  /** Says that a step was not needed, and why ("unchanged"). */
  reused(name: string, why: string): void;
  /** One line to the person. */
  say(text: string): void;
  /** Finished steps in order, for the manifest-independent build report. */
  readonly times: readonly { readonly name: string; readonly ms: number }[];
}
