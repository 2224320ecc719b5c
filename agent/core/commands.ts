// What a command is to the capability that carries it out. Types only; who receives commands, keeps
// their state and answers them is commands/.

export interface Command {
  /** The sender's; a repeat has the same. */
  readonly id: string;
  readonly service: string;
  readonly kind: string;
  readonly body: unknown;
  /** Not begun after this (milliseconds since 1970); undefined: never too late. */
  readonly expiresMs: number | undefined;
}

/** `why` is a short code, `text` words for people; neither holds a secret or a guest's name. */
export type Outcome =
  | { readonly state: 'processed'; readonly body?: Readonly<Record<string, unknown>> }
  | { readonly state: 'error'; readonly why: string; readonly text?: string };

export interface CommandHandler {
  readonly service: string;
  readonly kinds: readonly string[];
  /** May it be done again when a power cut left its outcome unknown? Otherwise it ends as `unknown`. */
  readonly isRepeatable: boolean;
  /** Never rejects for what can be expected; `signal` tells that it was cancelled or has expired. */
  run(command: Command, signal: AbortSignal): Promise<Outcome>;
}
