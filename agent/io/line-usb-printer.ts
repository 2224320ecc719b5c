// A line to a USB printer by the kernel's driver for printers (usblp): a file that is written, and read where the
// printer speaks too.
import { close as closeFd, constants, open } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { OperatorError } from '../core/errors.ts';
import {
  PLUG_LOOK_MS,
  PRINTER_FULL_MS,
  PRINTER_LOOK_MS,
  PRINTER_PIECE_BYTES,
} from '../core/line/limits.ts';
import type { LineSettings } from '../core/line/config.ts';
import type { Line, LineHears } from '../core/line/ports.ts';
import { attemptedLine, watchPath } from './line-attempts.ts';
import { descriptorAttempt } from './line-descriptor.ts';
import type { Descriptor } from './line-descriptor.ts';

type UsbPrinter = Extract<LineSettings, { readonly kind: 'usb-printer' }>;

const { O_RDWR, O_NONBLOCK, O_NOCTTY } = constants;
const openFile = promisify(open);
const closeFile = promisify(closeFd);

export function usbPrinterLine(settings: UsbPrinter, hears: LineHears, random: () => number): Line {
  const { device, reconnect } = settings;
  return attemptedLine((on) => descriptorAttempt(device, openPrinter, on), {
    ...{ hears, reconnect, random },
    ...{ pieceBytes: PRINTER_PIECE_BYTES, watch: watchPath(device) },
  });
}

async function openPrinter(path: string): Promise<Descriptor> {
  const fd = await openFile(path, O_RDWR | O_NONBLOCK | O_NOCTTY);
  const stopped = new AbortController();
  const pause = async (ms: number): Promise<void> => sleep(ms, undefined, stopped);
  return {
    fd,
    // drivers/usb/class/usblp.c, usblp_write(): it first waits for the request before.
    tellsWhenSent: true,
    readable: async () => pause(PRINTER_LOOK_MS),
    writable: async () => pause(PRINTER_FULL_MS),
    silent: async (why) => {
      // Some answer a look with an empty packet, and one that only listens has nothing to read: the driver says
      // so each time. Whether it is there its file shows.
      if (why !== 'empty' && why.code !== 'EINVAL')
        throw new OperatorError(why.code, 'The printer is gone');
      await pause(why === 'empty' ? PRINTER_LOOK_MS : PLUG_LOOK_MS);
      await stat(path);
    },
    stop: () => stopped.abort(),
    close: async () => closeFile(fd),
  };
}
