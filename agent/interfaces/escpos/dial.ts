// One connection to a printer for one job, over the network or USB.
import { codeOf, OperatorError } from '../../core/errors.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { Call } from '../../core/line/ports.ts';
import type { Printer } from './config.ts';
import { DIAL_MS_MAX, HEARD_BYTES_MAX } from './limits.ts';

/** Rejects with the system's code, `timeout` or `aborted`. */
export async function dial(
  { at }: Printer,
  host: Pick<ServiceHost, 'dialTcp' | 'openLine'>,
  signal: AbortSignal,
): Promise<Call> {
  if (at.kind === 'tcp') {
    return host.dialTcp({ host: at.host, port: at.port, msMax: DIAL_MS_MAX }, signal);
  }
  return dialUsb(at, host);
}

type Usb = Extract<Printer['at'], { readonly kind: 'usb-printer' }>;

/** A line that is open for as long as the job lasts: between jobs nothing holds the device. */
async function dialUsb(at: Usb, host: Pick<ServiceHost, 'openLine'>): Promise<Call> {
  const opened = Promise.withResolvers<void>();
  const heard: Buffer[] = [];
  let heardBytes = 0;
  let gone: string | undefined;
  let wake = (): void => {};
  const line = host.openLine(at, {
    up: () => opened.resolve(),
    bytes: (chunk) => {
      heardBytes += chunk.length;
      if (heardBytes <= HEARD_BYTES_MAX) heard.push(chunk);
      wake();
    },
    down: (why) => {
      gone = why;
      opened.reject(new OperatorError(why, `Cannot open ${at.device}`));
      wake();
    },
    note: () => {},
  });
  const late = setTimeout(() => {
    opened.reject(new OperatorError('timeout', `${at.device} does not open`));
  }, DIAL_MS_MAX);
  try {
    await opened.promise;
  } catch (error) {
    await line.close();
    throw error;
  } finally {
    clearTimeout(late);
  }
  return {
    write: async (bytes) => {
      // It would come back by itself, and print the rest.
      if (gone !== undefined) throw new OperatorError('down', 'The printer is gone');
      await line.write(bytes);
    },
    read: async (msMax) => {
      if (heard.length === 0 && gone === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = setTimeout(resolve, msMax);
        await promise;
        clearTimeout(timer);
      }
      const chunk = Buffer.concat(heard.splice(0));
      heardBytes = 0;
      if (chunk.length > 0) return chunk;
      if (gone !== undefined) throw new OperatorError(gone, 'The printer is gone');
      throw new OperatorError('timeout', 'No answer in time');
    },
    finish: async () => line.close(),
    close: () => void line.close().catch(codeOf),
  };
}
