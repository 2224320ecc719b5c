// Opens a line of whichever kind its settings name.
import type { OpenLine } from '../core/line/ports.ts';
import { serialLine } from './line-serial.ts';
import { usbPrinterLine } from './line-usb-printer.ts';
import { tcpClientLine } from './line-tcp-client.ts';
import { tcpServerLine } from './line-tcp-server.ts';

export function createOpenLine(random: () => number): OpenLine {
  return (settings, hears) => {
    switch (settings.kind) {
      case 'tcp-client':
        return tcpClientLine(settings, hears, random);
      case 'tcp-server':
        return tcpServerLine(settings, hears, random);
      case 'serial':
        return serialLine(settings, hears, random);
      case 'usb-printer':
        return usbPrinterLine(settings, hears, random);
    }
  };
}
