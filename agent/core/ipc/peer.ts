// One end of a conversation in JSON-RPC: asks, answers, and matches answers to what was asked. Knows nothing of
// sockets; both ends may ask.
import { OperatorError, codeOf } from '../errors.ts';
import { CALLS_MAX } from './limits.ts';
import { parsePacket, renderPacket } from './wire.ts';

/** What brings lines. `send` never throws; lines to an end that is gone are lost. */
export interface Pipe {
  send(line: string): void;
  close(): void;
}

/** Asked by the other end. What it rejects with is answered as an error, by its code. `signal`: cancelled or gone. */
export type Answer = (params: unknown, signal: AbortSignal) => Promise<unknown>;

export interface Methods {
  readonly requests: Readonly<Record<string, Answer>>;
  readonly notifications: Readonly<Record<string, (params: unknown) => void>>;
}

export interface Peer {
  /** Rejects with code `timeout`, `gone`, `busy` (too many at once), or `refused` with the other end's words. */
  ask(
    method: string,
    params: unknown,
    how: { readonly msMax: number; readonly signal?: AbortSignal },
  ): Promise<unknown>;
  tell(method: string, params: unknown): void;
  /** A line came. False: it is none, and the pipe should be closed. */
  hear(line: Buffer): boolean;
  /** The pipe is gone. */
  gone(): void;
}

export function createPeer(pipe: Pipe, methods: Methods): Peer {
  let asked = 0;
  let isGone = false;
  const open = new Map<number, PromiseWithResolvers<unknown>>();
  const answering = new Map<number, AbortController>();

  const answer = async (id: number, method: string, params: unknown): Promise<void> => {
    const how = Object.hasOwn(methods.requests, method) ? methods.requests[method] : undefined;
    const send = (packet: Parameters<typeof renderPacket>[0]): void => {
      if (!isGone) pipe.send(renderPacket(packet));
    };
    if (how === undefined) return send({ is: 'error', id, message: 'no such method' });
    if (answering.size >= CALLS_MAX) return send({ is: 'error', id, message: 'busy' });
    const control = new AbortController();
    answering.set(id, control);
    try {
      send({ is: 'result', id, result: await how(params, control.signal) });
    } catch (error) {
      send({ is: 'error', id, message: codeOf(error) });
    } finally {
      answering.delete(id);
    }
  };
  return {
    ask: async (method, params, { msMax, signal }) => {
      if (isGone) throw new OperatorError('gone', 'The other end is gone');
      if (open.size >= CALLS_MAX) throw new OperatorError('busy', 'Too much is asked at once');
      asked += 1;
      const id = asked;
      const waiting = Promise.withResolvers<unknown>();
      open.set(id, waiting);
      const giveUp = (code: string): void => {
        pipe.send(renderPacket({ is: 'notification', method: 'cancel', params: { id } }));
        waiting.reject(new OperatorError(code, `${method}: ${code}`));
      };
      const timer = setTimeout(() => giveUp('timeout'), msMax);
      const cancel = (): void => giveUp('cancelled');
      signal?.addEventListener('abort', cancel, { once: true });
      pipe.send(renderPacket({ is: 'request', id, method, params }));
      if (signal?.aborted === true) cancel();
      try {
        return await waiting.promise;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
        open.delete(id);
      }
    },
    tell: (method, params) => {
      if (!isGone) pipe.send(renderPacket({ is: 'notification', method, params }));
    },
    hear: (line) => {
      const packet = parsePacket(line);
      switch (packet?.is) {
        case undefined:
          return false;
        case 'request':
          void answer(packet.id, packet.method, packet.params);
          return true;
        case 'notification': {
          if (packet.method === 'cancel') answering.get(idOf(packet.params))?.abort();
          else if (Object.hasOwn(methods.notifications, packet.method))
            methods.notifications[packet.method]!(packet.params);
          return true;
        }
        case 'result':
          open.get(packet.id)?.resolve(packet.result);
          return true;
        case 'error':
          open.get(packet.id)?.reject(new OperatorError('refused', packet.message));
          return true;
      }
    },
    gone: () => {
      isGone = true;
      for (const waiting of open.values()) {
        waiting.reject(new OperatorError('gone', 'The other end is gone'));
      }
      for (const control of answering.values()) control.abort();
    },
  };
}

const idOf = (params: unknown): number =>
  Number((params as { readonly id?: unknown } | null | undefined)?.id ?? Number.NaN);
