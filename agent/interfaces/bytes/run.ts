// A raw bridge to any device over TCP, a serial port or a USB printer's port: for drivers that live in the cloud.
// Knows nothing of what the bytes mean; they are never shown, for they may hold anything.
import type { Interface, RunningInterface, ServiceHost, TestStep } from '../../core/interface.ts';
import { codeOf } from '../../core/errors.ts';
import type { OrderOutcome } from '../../core/vocabulary.ts';
import { needsOf, parse } from './config.ts';
import type { Settings } from './config.ts';
import { createCounterpart } from './counterpart.ts';
import { PIECE_BYTES_MAX, TEST_MS_MAX, WAITING_BYTES_MAX } from './limits.ts';
import { texts } from './texts.ts';

export const bytes: Interface<Settings> = {
  name: 'bytes',
  title: texts.title.en,
  texts,
  takes: ['bytes.write'],
  emits: ['bytes.read'],
  parse,
  needs: needsOf,
  start,
  test,
  counterpart: createCounterpart,
};

function start(settings: Settings, host: ServiceHost): RunningInterface {
  /** Of this process: with the number of the piece it makes a key that nobody else has. */
  const life = `${host.clock.wallMs()}-${Math.floor(host.random() * 2 ** 32).toString(36)}`;
  let pieces = 0;
  let held: Buffer[] = [];
  let heldBytes = 0;
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let isUp = false;
  /** One after the other: bytes keep their order. */
  let sending: Promise<void> = Promise.resolve();

  const emit = async (data: Buffer, key: string): Promise<void> => {
    try {
      const verdict = await host.emit({ kind: 'bytes.read', key, data: data.toString('base64') });
      if (!verdict.ok) lose(data.length, verdict.why);
    } catch (error) {
      lose(data.length, codeOf(error));
    } finally {
      waitingBytes -= data.length;
    }
  };
  const lose = (count: number, why: string): void => {
    host.count('bytes lost', count);
    host.log.error(`${count} bytes of the third party are lost: ${why}`);
  };
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (heldBytes === 0) return;
    const all = Buffer.concat(held);
    held = [];
    heldBytes = 0;
    for (let at = 0; at < all.length; at += PIECE_BYTES_MAX) {
      const piece = all.subarray(at, at + PIECE_BYTES_MAX);
      pieces += 1;
      const key = `${life}-${pieces}`;
      waitingBytes += piece.length;
      sending = sending.then(async () => emit(piece, key));
    }
  };
  const line = host.openLine(settings.line, {
    up: (peer) => {
      isUp = true;
      host.talk({ at: 'up', with: peer });
    },
    bytes: (chunk) => {
      host.trace('in', `${chunk.length} bytes`);
      host.count('bytes in', chunk.length);
      if (waitingBytes + heldBytes + chunk.length > WAITING_BYTES_MAX) {
        return lose(chunk.length, 'too many wait');
      }
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes >= PIECE_BYTES_MAX) flush();
      else timer ??= setTimeout(flush, settings.idleMs);
    },
    down: (why, wasUp) => {
      isUp = false;
      flush();
      host.talk({ at: 'down', why });
      if (wasUp) host.trace('note', `connection gone: ${why}`);
    },
    note: (text) => host.trace('note', text),
  });
  return {
    handle: async (order): Promise<OrderOutcome> => {
      if (order.kind !== 'bytes.write') return { ok: false, why: 'unsupported' };
      if (!isUp) return { ok: false, why: 'offline' };
      const data = Buffer.from(order.data, 'base64');
      try {
        await line.write(data);
      } catch (error) {
        // Some of it may have got there.
        return { ok: false, why: 'unknown', text: codeOf(error) };
      }
      host.trace('out', `${data.length} bytes`);
      host.count('bytes out', data.length);
      return { ok: true };
    },
    close: async () => {
      flush();
      await line.close();
      await sending;
    },
  };
}

/** Only whether somebody is there: what to say to him, the driver in the cloud knows. */
async function test(
  settings: Settings,
  host: ServiceHost,
  signal: AbortSignal,
): Promise<readonly TestStep[]> {
  const { promise, resolve } = Promise.withResolvers<TestStep>();
  const line = host.openLine(settings.line, {
    up: (peer) => resolve({ step: 'connect', ok: true, text: peer }),
    bytes: (chunk) => host.trace('in', `${chunk.length} bytes`),
    down: (why, wasUp) => {
      if (!wasUp) resolve({ step: 'connect', ok: false, text: why });
    },
    note: (text) => host.trace('note', text),
  });
  const late = (): void => resolve({ step: 'connect', ok: false, text: 'nobody connects' });
  const timer = setTimeout(late, TEST_MS_MAX);
  signal.addEventListener('abort', late, { once: true });
  const step = await promise;
  clearTimeout(timer);
  await line.close();
  return [step];
}
