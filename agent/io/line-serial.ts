// A line over RS-232. serialport opens and sets the port and waits for it; reading and writing are ours: its own
// reading runs in circles when an adapter is pulled while it reads (a read then gives nothing, for ever).
import { OperatorError } from '../core/errors.ts';
import { SERIAL_PIECE_BYTES } from '../core/line/limits.ts';
import type { LineSettings } from '../core/line/config.ts';
import type { Line, LineHears } from '../core/line/ports.ts';
import { attemptedLine, watchPath } from './line-attempts.ts';
import { descriptorAttempt } from './line-descriptor.ts';
import type { Descriptor } from './line-descriptor.ts';

type Serial = Extract<LineSettings, { readonly kind: 'serial' }>;

export function serialLine(settings: Serial, hears: LineHears, random: () => number): Line {
  const { device, reconnect } = settings;
  return attemptedLine(
    (on) => descriptorAttempt(device, async (path) => openPort(path, settings), on),
    { hears, reconnect, random, pieceBytes: SERIAL_PIECE_BYTES, watch: watchPath(device) },
  );
}

/** What we use of @serialport/bindings-cpp's LinuxPortBinding. */
interface PortBinding {
  readonly fd: number | null;
  readonly poller: {
    once(event: 'readable' | 'writable', done: (error: Error | null) => void): void;
    stop(): void;
  };
  flush(): Promise<void>;
  close(): Promise<void>;
}

async function openPort(path: string, settings: Serial): Promise<Descriptor> {
  const { baud, dataBits, parity, stopBits, flow } = settings;
  const binding = await loadBinding();
  const options = {
    ...{ path, baudRate: baud, dataBits, parity, stopBits, lock: true },
    ...{ rtscts: flow === 'hardware', xon: flow === 'software', xoff: flow === 'software' },
  };
  const port = (await binding.open(options).catch((error: unknown) => {
    throw new OperatorError(openCodeOf(error), `Cannot open ${path}`);
  })) as PortBinding;
  const { fd, poller } = port;
  if (fd === null) throw new OperatorError('EBADF', `Cannot open ${path}`);
  const wait = async (event: 'readable' | 'writable'): Promise<void> =>
    new Promise((done, fail) => {
      poller.once(event, (error) => (error === null ? done() : fail(isGone)));
    });
  return {
    fd,
    tellsWhenSent: false,
    readable: async () => wait('readable'),
    writable: async () => wait('writable'),
    // A terminal that is there never gives an empty read.
    silent: async () => {
      throw isGone;
    },
    stop: () => poller.stop(),
    close: async (isWriting) => {
      // Held off by the other side, the kernel would keep close() waiting for half a minute.
      if (isWriting) await port.flush().catch(() => {});
      await port.close();
    },
  };
}

const isGone = new OperatorError('unplugged', 'The serial port is gone');

/**
 * Loaded when the first port is opened: the native part lies beside the runtime or the bundle, and a machine
 * without it runs everything else.
 */
async function loadBinding(): Promise<{ open(options: object): Promise<unknown> }> {
  try {
    const { SerialPort } = await import('serialport');
    return SerialPort.binding;
  } catch (error) {
    throw new OperatorError('no-serial-driver', 'serialport cannot be loaded', { cause: error });
  }
}

/** The binding gives a text, with the system's words in it. */
function openCodeOf(error: unknown): string {
  const text = String(error);
  if (text.includes('No such file')) return 'ENOENT';
  if (text.includes('Permission denied')) return 'EACCES';
  if (/busy|lock/i.test(text)) return 'EBUSY';
  if (/No such device|Input\/output/.test(text)) return 'unplugged';
  return text.slice(0, 120);
}
