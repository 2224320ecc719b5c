// The ten systems of a well-equipped hotel: what the shadow `services` says of each, and its simulated third party
// behind a real socket.
import { INTERFACES } from '../../../../agent/interfaces.ts';
import { systemClock } from '../../../../agent/io/clock.ts';
import { systemRandom } from '../../../../agent/io/random.ts';
import { behind } from '../../systems/behind.ts';
import type { Behind } from '../../systems/behind.ts';

export interface System {
  readonly interface: string;
  readonly at: 'tcp-server' | 'http';
  readonly settings: (where: { readonly port: number; readonly url: string }) => object;
}

const HOST = '127.0.0.1';
const line = (port: number): object => ({ kind: 'tcp-client', host: HOST, port });
const LAYOUT = {
  kind: 'columns',
  fields: {
    at: { from: 1, to: 16, format: 'YYYY-MM-DD HH:mm' },
    extension: { from: 18, to: 20 },
    duration: { from: 22, to: 29, format: 'hh:mm:ss' },
    price: { from: 31, to: 36, decimals: 2 },
  },
};

/** One of each interface that ships; `fias` first. */
export const SYSTEMS: readonly System[] = [
  { interface: 'fias', at: 'tcp-server', settings: ({ port }) => ({ line: line(port) }) },
  { interface: 'bytes', at: 'tcp-server', settings: ({ port }) => ({ line: line(port) }) },
  { interface: 'mitel', at: 'tcp-server', settings: ({ port }) => ({ line: line(port) }) },
  { interface: 'nec', at: 'tcp-server', settings: ({ port }) => ({ line: line(port) }) },
  {
    ...{ interface: 'calls', at: 'tcp-server' },
    settings: ({ port }) => ({ line: line(port), layout: LAYOUT }),
  },
  {
    ...{ interface: 'salto', at: 'tcp-server' },
    settings: ({ port }) => ({
      ...{ host: HOST, port },
      encoders: [{ name: 'Reception', identifier: '1' }],
    }),
  },
  {
    ...{ interface: 'escpos', at: 'tcp-server' },
    settings: ({ port }) => ({
      printers: [{ name: 'bar', at: { kind: 'tcp', host: HOST, port } }],
    }),
  },
  {
    ...{ interface: 'datecs', at: 'tcp-server' },
    settings: ({ port }) => ({
      ...{ line: line(port), dialect: 'datecs-fp' },
      ...{ paymentTypes: { cash: 'P' }, taxGroups: { '20': 2 } },
    }),
  },
  {
    ...{ interface: 'fpmate', at: 'http' },
    settings: ({ url }) => ({ url: `${url}/cgi-bin/fpmate.cgi` }),
  },
  { interface: 'ilink', at: 'http', settings: ({ url }) => ({ url }) },
];

/** The simulated third party that ships with the interface, where the service will look for it. */
export async function thirdParty({ interface: name, at, settings }: System): Promise<Behind> {
  const one = await INTERFACES[name]!();
  const parsed = one.parse(settings({ port: 1, url: `http://${HOST}:1` }));
  if (!parsed.ok) throw new Error(`${name}: ${JSON.stringify(parsed.problems)}`);
  const needs = { clock: systemClock, random: systemRandom };
  return behind(one.counterpart(parsed.settings, needs), { at });
}
