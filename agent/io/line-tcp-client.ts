// A line over TCP that this side dials.
import type { Line, LineHears } from '../core/line/ports.ts';
import type { LineSettings } from '../core/line/config.ts';
import { TCP_PIECE_BYTES } from '../core/line/limits.ts';
import { attemptedLine } from './line-attempts.ts';
import type { Attempt, AttemptHears } from './line-attempts.ts';
import { dial, hangUp, peerOf, put } from './line-socket.ts';

type TcpClient = Extract<LineSettings, { readonly kind: 'tcp-client' }>;

export function tcpClientLine(settings: TcpClient, hears: LineHears, random: () => number): Line {
  const { reconnect } = settings;
  const options = { hears, reconnect, random, pieceBytes: TCP_PIECE_BYTES };
  return attemptedLine((on) => attempt(settings, on), options);
}

function attempt({ host, port }: TcpClient, on: AttemptHears): Attempt {
  let error: string | undefined;
  const socket = dial(
    { host, port },
    {
      failed: (code) => on.gone(code),
      open: () => {
        socket.on('error', ({ message, ...rest }: NodeJS.ErrnoException) => {
          error = rest.code ?? message;
        });
        socket.on('data', (chunk: Buffer) => on.bytes(chunk));
        socket.once('close', () => on.gone(error ?? 'the other side has closed it'));
        on.up(peerOf(socket));
      },
    },
  );
  return { put: async (piece) => put(socket, piece), close: async () => hangUp(socket) };
}
