// A third party for the tests of lines: repeats what it is sent, and shows its connections.
import type { Counterpart } from '../../../agent/core/interface.ts';
import type { LineSettings } from '../../../agent/core/line/config.ts';
import type { Line, LineHears, OpenLine } from '../../../agent/core/line/ports.ts';

interface Connection {
  send(bytes: Uint8Array): void;
  end(): void;
}

export interface Echo extends Counterpart {
  /** Those that are open, the oldest first. */
  readonly open: readonly Connection[];
  readonly received: () => string;
}

export function createEcho(): Echo {
  const open: Connection[] = [];
  const received: Buffer[] = [];
  return {
    open,
    received: () => Buffer.concat(received).toString('latin1'),
    connect: (send, end) => {
      const one = { send, end };
      open.push(one);
      return {
        bytes: (chunk) => {
          received.push(Buffer.from(chunk));
          send(chunk);
        },
        closed: () => void open.splice(open.indexOf(one), 1),
      };
    },
    serve: async ({ method, path, body }) => ({
      status: 200,
      type: 'text/plain',
      body: `${method} ${path} ${body.toString()}`,
    }),
    close: () => {},
  };
}

/** A line and what it said, in order: "up", "down why", "lost why" (it was up), "note text". */
export interface Heard extends AsyncDisposable {
  readonly line: Line;
  readonly said: readonly string[];
  readonly text: () => string;
}

export function openHeard(
  open: OpenLine,
  settings: LineSettings,
  also: Partial<LineHears> = {},
): Heard {
  const said: string[] = [];
  const chunks: Buffer[] = [];
  const line = open(settings, {
    up: (peer) => {
      said.push('up');
      also.up?.(peer);
    },
    bytes: (chunk) => {
      chunks.push(chunk);
      also.bytes?.(chunk);
    },
    down: (why, wasUp) => {
      said.push(`${wasUp ? 'lost' : 'down'} ${why}`);
      also.down?.(why, wasUp);
    },
    note: (text) => void said.push(`note ${text}`),
  });
  return {
    ...{ line, said, text: () => Buffer.concat(chunks).toString('latin1') },
    // A test that fails must end too.
    [Symbol.asyncDispose]: async () => line.close(),
  };
}
