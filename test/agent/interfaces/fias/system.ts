// A FIAS service and a vendor's system, each behind its end of a real line.
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { RunningInterface } from '../../../../agent/core/interface.ts';
import type { Order, OrderOutcome } from '../../../../agent/core/vocabulary.ts';
import { createVendor } from '../../../../agent/interfaces/fias/counterpart.ts';
import type { VendorSystem } from '../../../../agent/interfaces/fias/counterpart.ts';
import type { VendorOptions } from '../../../../agent/interfaces/fias/vendor-link.ts';
import { fias } from '../../../../agent/interfaces/fias/run.ts';
import { behind } from '../../../bench/systems/behind.ts';
import type { Behind } from '../../../bench/systems/behind.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import type { StandIn } from '../../../bench/systems/stand-in.ts';
import type { House } from '../../../../agent/core/vocabulary.ts';
import { settingsOf } from './settings.ts';

export interface System extends AsyncDisposable {
  readonly agent: StandIn;
  readonly vendor: VendorSystem;
  readonly place: Behind;
  readonly service: RunningInterface;
  order(order: Order): Promise<OrderOutcome>;
  readonly isUp: () => boolean;
}

export interface SystemOptions {
  readonly at: 'tcp-server' | 'tcp-client' | 'pty';
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly vendor?: VendorOptions;
  readonly house?: House;
  /** Shorter than a person may set it. */
  readonly keySeconds?: number;
  /** Of the serial line. */
  readonly dataBits?: 7 | 8;
}

const RECONNECT = { firstSeconds: 0.1, maxSeconds: 0.2 };

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** `at`: where the vendor stands. Resolves when the link is up. */
export async function system(options: SystemOptions): Promise<System> {
  const agent = standIn(options.house === undefined ? {} : { house: options.house });
  const needs = { clock: agent.host.clock, random: agent.host.random };
  const serial = {
    ...{ kind: 'serial', device: '/dev/ttyS0', baud: 115_200, reconnect: RECONNECT },
    dataBits: options.dataBits ?? 8,
  };
  const port = options.at === 'tcp-client' ? await freePort() : 0;
  const server = { kind: 'tcp-server', port: Math.max(port, 1_024), from: ['127.0.0.1'] };
  const base = settingsOf({
    line: options.at === 'pty' ? serial : server,
    ...options.settings,
  });
  const vendor = createVendor(base, needs, options.vendor);
  const place = await behind(
    vendor,
    options.at === 'tcp-client' ? { at: 'tcp-client', port } : { at: options.at },
  );
  const line =
    options.at === 'tcp-server'
      ? ({ kind: 'tcp-client', host: place.host, port: place.port, reconnect: RECONNECT } as const)
      : options.at === 'pty'
        ? { ...base.line, device: place.device }
        : base.line;
  const keys = { ...base.keys, seconds: options.keySeconds ?? base.keys.seconds };
  const service = fias.start({ ...base, keys, line }, agent.host);
  const isUp = (): boolean => agent.talks.at(-1)?.at === 'up' && vendor.isUp();
  await agent.until('the link is up', isUp);
  return {
    ...{ agent, vendor, place, service, isUp },
    order: async (order) => service.handle(order, new AbortController().signal),
    [Symbol.asyncDispose]: async () => {
      await service.close();
      await place[Symbol.asyncDispose]();
    },
  };
}
