// One TCP connection for one request: dial, write, read, finish.
import { OperatorError, codeOf } from '../core/errors.ts';
import { CALL_BYTES_MAX, TCP_PIECE_BYTES } from '../core/line/limits.ts';
import type { Call, DialTcp } from '../core/line/ports.ts';
import type { Socket } from 'node:net';
import { dial, hangUp, put } from './line-socket.ts';
import { createWrites } from './line-writes.ts';

const isLate = (): OperatorError => new OperatorError('timeout', 'No answer in time');
const isAborted = (): OperatorError => new OperatorError('aborted', 'The call was given up');

export const dialTcp: DialTcp = async ({ host, port, msMax }, signal) => {
  if (signal.aborted) throw isAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const failed = (code: string): void =>
    reject(code === 'timeout' ? isLate() : new OperatorError(code, `Cannot reach ${host}:${port}`));
  const socket = dial({ host, port, msMax }, { open: resolve, failed });
  const call = callOn(socket);
  const stop = (): void => {
    reject(isAborted());
    call.close();
  };
  signal.addEventListener('abort', stop, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', stop));
  await promise;
  return call;
};

function callOn(socket: Socket): Call {
  // The printer's end must not end ours: we finish when all is sent.
  socket.allowHalfOpen = true;
  const writes = createWrites(async (piece) => put(socket, piece), {
    pieceBytes: TCP_PIECE_BYTES,
    slow: () => socket.destroy(),
  });
  const unread: Buffer[] = [];
  let unreadBytes = 0;
  let ended: 'no' | 'by-them' | { readonly code: string } = 'no';
  let wake = (): void => {};

  socket.on('data', (chunk: Buffer) => {
    unread.push(chunk);
    unreadBytes += chunk.length;
    // The other side waits until somebody reads.
    if (unreadBytes >= CALL_BYTES_MAX) socket.pause();
    wake();
  });
  socket.on('end', () => {
    if (ended === 'no') ended = 'by-them';
    wake();
  });
  socket.on('error', (error) => (ended = { code: codeOf(error) }));
  socket.on('close', () => {
    writes.stop();
    if (ended === 'no') ended = { code: 'closed' };
    wake();
  });
  return {
    write: async (bytes) => writes.write(bytes),
    read: async (msMax) => {
      if (unread.length === 0 && ended === 'no') {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = setTimeout(resolve, msMax);
        await promise;
        clearTimeout(timer);
      }
      const chunk = Buffer.concat(unread.splice(0));
      unreadBytes = 0;
      if (socket.isPaused()) socket.resume();
      if (chunk.length > 0) return chunk;
      if (ended === 'no') throw isLate();
      if (ended === 'by-them') return undefined;
      throw new OperatorError(ended.code, 'The connection is gone');
    },
    finish: async (msMax) => hangUp(socket, msMax),
    close: () => void socket.destroy(),
  };
}
