// Log lines with a level, one line each. Knows no sink: compose.ts gives it one.

export interface Log {
  error(message: string): void;
  warning(message: string): void;
  info(message: string): void;
}

/** journald reads "<N>" before a line as its level (sd-daemon(3)). */
const LEVELS = { error: 3, warning: 4, info: 6 } as const;

/**
 * A log that writes `<N>message` to `sink`. Control characters become spaces: a host name or an
 * error text from outside can neither start a second line nor colour a terminal.
 */
export function createLog(sink: (line: string) => void): Log {
  const at =
    (level: keyof typeof LEVELS) =>
    (message: string): void =>
      sink(`<${LEVELS[level]}>${message.replaceAll(/\p{Cc}+/gu, ' ')}`);
  return { error: at('error'), warning: at('warning'), info: at('info') };
}
