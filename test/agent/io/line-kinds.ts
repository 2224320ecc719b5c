// Every kind of line, joined to a third party that repeats what it is sent.
import type { LineSettings } from '../../../agent/core/line/config.ts';
import type { OpenLine } from '../../../agent/core/line/ports.ts';
import { rehearse } from '../../../agent/core/line/rehearsal.ts';
import { createOpenLine } from '../../../agent/io/line.ts';
import { behind } from '../../bench/systems/behind.ts';
import { freePort } from '../../bench/ways/free-port.ts';
import type { Echo } from './third-party.ts';

const reconnect = { firstSeconds: 0.1, maxSeconds: 0.2 };

interface Setup extends AsyncDisposable {
  readonly open: OpenLine;
  readonly settings: LineSettings;
  readonly cable: { unplug(): Promise<void>; plug(): Promise<void> };
}

export const LINE_KINDS: Readonly<Record<string, (echo: Echo) => Promise<Setup>>> = {
  'a TCP client': async (echo) => {
    const system = await behind(echo, { at: 'tcp-server' });
    const { host, port } = system;
    return {
      open: createOpenLine(Math.random),
      settings: { kind: 'tcp-client', host, port, reconnect },
      cable: system,
      [Symbol.asyncDispose]: async () => system[Symbol.asyncDispose](),
    };
  },
  'a TCP server': async (echo) => {
    const port = await freePort();
    const system = await behind(echo, { at: 'tcp-client', port });
    return {
      open: createOpenLine(Math.random),
      settings: { kind: 'tcp-server', port, from: ['127.0.0.1'], second: 'replace' },
      cable: system,
      [Symbol.asyncDispose]: async () => system[Symbol.asyncDispose](),
    };
  },
  'a serial port': async (echo) => {
    const system = await behind(echo, { at: 'pty' });
    const { device } = system;
    const bits = { baud: 9_600, dataBits: 8, parity: 'none', stopBits: 1, flow: 'none' } as const;
    return {
      open: createOpenLine(Math.random),
      settings: { kind: 'serial', device, ...bits, reconnect },
      cable: system,
      [Symbol.asyncDispose]: async () => system[Symbol.asyncDispose](),
    };
  },
  // A kernel terminal in place of /dev/usb/lp0: a file that never blocks, read and written.
  'a USB printer': async (echo) => {
    const system = await behind(echo, { at: 'pty' });
    return {
      open: createOpenLine(Math.random),
      settings: { kind: 'usb-printer', device: system.device, reconnect },
      cable: system,
      [Symbol.asyncDispose]: async () => system[Symbol.asyncDispose](),
    };
  },
  'a rehearsal': async (echo) => ({
    open: rehearse(echo).openLine,
    settings: { kind: 'tcp-client', host: 'simulator', port: 1, reconnect },
    cable: { unplug: async () => {}, plug: async () => {} },
    [Symbol.asyncDispose]: async () => {},
  }),
};
