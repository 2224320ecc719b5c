// What every TCP connection of a line has: small packets sent at once, keep-alive, an orderly end.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { codeOf } from '../core/errors.ts';
import { ADDRESS_MS_MAX, DIAL_MS_MAX, KEEP_ALIVE_MS, LINGER_MS } from '../core/line/limits.ts';

/** "10.1.2.3:4000"; an IPv4 address in IPv6's clothes is shown as itself. */
export function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  const address = plain(remoteAddress);
  return address.includes(':') ? `[${address}]:${remotePort}` : `${address}:${remotePort}`;
}

/** `::ffff:10.1.2.3` is 10.1.2.3. */
export const plain = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/i, '');

/** Without an error listener a late error would end the process: `close` follows each. */
export function prepare(socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.on('error', () => {});
}

interface Where {
  readonly host: string;
  readonly port: number;
  readonly msMax?: number;
}

/** Dials; exactly one of the two is called, once, later. Destroying the socket stops it: neither is called. */
export function dial(
  { host, port, msMax = DIAL_MS_MAX }: Where,
  on: { readonly open: () => void; readonly failed: (code: string) => void },
): Socket {
  const socket = connect({ host, port, autoSelectFamilyAttemptTimeout: ADDRESS_MS_MAX });
  prepare(socket);
  const timer = setTimeout(() => {
    on.failed('timeout');
    socket.removeAllListeners('connect').destroy();
  }, msMax);
  const failed = (error: Error): void => {
    clearTimeout(timer);
    on.failed(codeOf(error));
  };
  socket.once('error', failed);
  socket.once('close', () => clearTimeout(timer));
  socket.once('connect', () => {
    clearTimeout(timer);
    socket.off('error', failed);
    on.open();
  });
  return socket;
}

/** Hands bytes to the kernel. */
export async function put(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((done, fail) => {
    socket.write(bytes, (error) => (error ? fail(error) : done()));
  });
}

/**
 * Sends our end and reads on into nothing for a moment: a connection that is closed with bytes unread is reset,
 * and a reset makes the other side forget our last bytes. Resolves when it is gone.
 */
export async function hangUp(socket: Socket, lingerMs = LINGER_MS): Promise<void> {
  if (socket.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.removeAllListeners('data');
  socket.once('close', () => resolve());
  if (socket.connecting || socket.destroyed) socket.destroy();
  else {
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }
  return promise;
}
