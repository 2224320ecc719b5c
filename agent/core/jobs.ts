// What a job of AWS IoT is to the capability that carries it out. Types only; who takes jobs, keeps their
// state and reports them is jobs/.

export interface Job {
  readonly id: string;
  /** Of its document; checked by nobody yet. */
  readonly parameters: unknown;
  /** It was begun before, by an earlier process; `boot` is which start of the machine that was in. */
  readonly begun: { readonly boot: string } | undefined;
  /** Another link to what it downloads, from a fresh copy of its document; undefined: none just now. */
  readonly fresh: () => Promise<unknown>;
}

/** Texts are short, for people, and hold no secret and no guest's name. */
export type JobOutcome =
  | { readonly state: 'succeeded'; readonly details?: Readonly<Record<string, string>> }
  | {
      readonly state: 'failed';
      readonly why: string;
      readonly details?: Readonly<Record<string, string>>;
    }
  /** Its document is wrong: nothing was done. */
  | { readonly state: 'rejected'; readonly why: string };

export interface JobHandler {
  readonly operation: string;
  /** May it be run again when a power cut left its outcome unknown? Otherwise it ends as `interrupted`. */
  readonly isRepeatable: boolean;
  /** It knows by itself how far it came: begun again however often it is cut. */
  readonly keepsCount?: boolean;
  /** Never rejects for what can be expected; `signal` tells that it was cancelled or takes too long. */
  run(job: Job, signal: AbortSignal): Promise<JobOutcome>;
}
