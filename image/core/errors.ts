// Errors a person at the terminal can act upon. Everything else is a defect and keeps its stack.

/**
 * An error that names the thing and the reason (`message`) and the next action (`hint`).
 * `code` is for machines: kebab-case, stable.
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
