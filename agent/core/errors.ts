// The agent's errors, by who must act. Knows nothing of capabilities.

/**
 * Something a person outside the unit must change (network, configuration, power).
 * `message` names the thing and the reason, `hint` the next action, `code` is for machines.
 */
export class OperatorError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'OperatorError';
    this.code = code;
    this.hint = options.hint;
  }
}

/** The short code of a system error (`ECONNREFUSED`), else its message, bounded. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as NodeJS.ErrnoException;
  return (typeof code === 'string' ? code : error.message).slice(0, 120);
}
