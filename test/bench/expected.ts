// What a hotel can do to a unit, and which check must tell of it: a table, for the bundle on a device
// and for the image on an emulated board alike.
import type { Hotel } from './hotel/hotel.ts';
import type { Blockable } from './hotel/places.ts';

export interface Trouble {
  readonly name: string;
  readonly begin: (hotel: Hotel) => Promise<void>;
  /** The one check that fails; undefined: none may, the product description's spare ports. */
  readonly failed?: string;
  /** Closed, and said to be not needed. */
  readonly notNeeded?: string;
  /** Words of its remedy in English and German: what the administrator must allow. */
  readonly remedy?: { readonly en: RegExp; readonly de: RegExp };
}

const port = (number: number): NonNullable<Trouble['remedy']> => ({
  en: new RegExp(`\\b${number}\\b`),
  de: new RegExp(`\\b${number}\\b`),
});

const needed = (what: Blockable, number: number): Trouble => ({
  name: `${what} is blocked`,
  begin: (hotel) => hotel.block(what),
  failed: what,
  remedy: port(number),
});

const spare = (what: Blockable): Trouble => ({
  name: `${what} is blocked`,
  begin: (hotel) => hotel.block(what),
  notNeeded: what,
});

export const TROUBLES: readonly Trouble[] = [
  needed('clock-443', 443),
  needed('aws-443', 443),
  needed('aws-8443', 8443),
  needed('aws-8883', 8883),
  spare('clock-80'),
  spare('clock-22'),
  spare('gems-5000'),
  {
    name: 'name servers are blocked',
    begin: (hotel) => hotel.block('dns'),
    failed: 'dns',
    remedy: { en: /DNS|name server/i, de: /DNS|Namensserver/i },
  },
  {
    name: 'time servers are blocked',
    begin: (hotel) => hotel.block('ntp'),
    failed: 'ntp',
    remedy: port(123),
  },
  {
    name: 'TLS is intercepted',
    begin: (hotel) => hotel.interceptTls(true),
    failed: 'tls',
    remedy: { en: /inspect|intercept/i, de: /TLS/ },
  },
  {
    name: 'a captive portal asks to log in',
    begin: (hotel) => hotel.captivePortal(true),
    failed: 'portal',
    remedy: { en: /portal|log.?in/i, de: /Portal|Anmelde/i },
  },
];

/** The open network again. */
export async function endTrouble(hotel: Hotel): Promise<void> {
  await hotel.unblock();
  await hotel.interceptTls(false);
  await hotel.captivePortal(false);
}
