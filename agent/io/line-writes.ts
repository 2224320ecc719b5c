// Writes in order, one piece at a time, so that a side which takes nothing is noticed, and bounded.
import { OperatorError } from '../core/errors.ts';
import { WAITING_BYTES_MAX, WRITE_MS_MAX } from '../core/line/limits.ts';

export const isDown = (): OperatorError => new OperatorError('down', 'The line is down');
const isSlow = (): OperatorError =>
  new OperatorError('slow', `The other side has taken nothing for ${WRITE_MS_MAX / 1_000} s`);

/** Hands one piece to the kernel; resolves when it has taken it, rejects when the connection is gone. */
export type Put = (piece: Uint8Array) => Promise<void>;

export interface Writes {
  write(bytes: Uint8Array): Promise<void>;
  /** The connection is gone: rejects what waits with `down`. */
  stop(): void;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly done: PromiseWithResolvers<void>;
}

/** `slow` is called once, when the other side has not taken a piece in time or too much waits. */
export function createWrites(
  put: Put,
  { pieceBytes, slow }: { readonly pieceBytes: number; readonly slow: () => void },
): Writes {
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  let failure: OperatorError | undefined;
  let timer: NodeJS.Timeout | undefined;

  const isGoing = (): boolean => failure === undefined;
  const fail = (error: OperatorError): void => {
    if (failure !== undefined) return;
    failure = error;
    clearTimeout(timer);
    for (const { done } of waiting.splice(0)) done.reject(error);
  };
  const giveUp = (): void => {
    if (failure !== undefined) return;
    fail(isSlow());
    slow();
  };
  const pass = async ({ bytes, done }: Waiting): Promise<void> => {
    for (let at = 0; at < bytes.length && isGoing(); at += pieceBytes) {
      timer = setTimeout(giveUp, WRITE_MS_MAX);
      try {
        await put(bytes.subarray(at, at + pieceBytes));
      } catch {
        fail(isDown());
      }
      clearTimeout(timer);
    }
    if (isGoing()) done.resolve();
  };
  const passAll = async (): Promise<void> => {
    for (let one = waiting[0]; one !== undefined; one = waiting[0]) {
      await pass(one);
      if (!isGoing()) return;
      waiting.shift();
      waitingBytes -= one.bytes.length;
    }
  };
  return {
    write: async (bytes) => {
      if (failure !== undefined) throw failure;
      if (waiting.length > 0 && waitingBytes + bytes.length > WAITING_BYTES_MAX) {
        giveUp();
        throw isSlow();
      }
      // A copy: what the caller does with its buffer afterwards is its own business.
      const one = { bytes: Buffer.from(bytes), done: Promise.withResolvers<void>() };
      waiting.push(one);
      waitingBytes += bytes.length;
      if (waiting.length === 1) void passAll();
      return one.done.promise;
    },
    stop: () => fail(isDown()),
  };
}
