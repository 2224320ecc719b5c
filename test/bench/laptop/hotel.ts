// The hotel's part of `npm start`: a lock server and a telephone exchange on loopback, and what reception does.
import { createVendor } from '../../../agent/interfaces/fias/counterpart.ts';
import type { VendorSystem } from '../../../agent/interfaces/fias/counterpart.ts';
import { fias } from '../../../agent/interfaces/fias/run.ts';
import { createLockServer } from '../../../agent/interfaces/salto/counterpart.ts';
import type { LockServer } from '../../../agent/interfaces/salto/counterpart.ts';
import { salto } from '../../../agent/interfaces/salto/run.ts';
import { systemClock } from '../../../agent/io/clock.ts';
import { systemRandom } from '../../../agent/io/random.ts';
import { THING } from '../../agent/unit.ts';
import type { Cloud } from '../cloud/api.ts';
import type { Pms } from '../pms/api.ts';
import { behind } from '../systems/behind.ts';

export interface HotelSystems extends AsyncDisposable {
  readonly exchange: VendorSystem;
  readonly locks: LockServer;
  /** As Clock's forms ask for them. */
  readonly services: object;
}

const HOST = '127.0.0.1';
const ENCODER = 'desk-1';
const exchangeSettings = (port: number): object => ({
  line: { kind: 'tcp-client', host: HOST, port },
  outlets: [{ so: 'BAR', name: 'Bar', group: 'f&b', kind: 'charge' }],
});
const lockSettings = (port: number): object => ({
  ...{ host: HOST, port },
  encoders: [{ name: 'Reception', identifier: ENCODER }],
});

function parsed<S>(
  one: {
    parse(given: unknown): { readonly ok: true; readonly settings: S } | { readonly ok: false };
  },
  given: object,
): S {
  const result = one.parse(given);
  if (!result.ok) throw new Error(`Settings are wrong: ${JSON.stringify(result)}`);
  return result.settings;
}

export async function openHotelSystems(): Promise<HotelSystems> {
  await using opened = new AsyncDisposableStack();
  const needs = { clock: systemClock, random: systemRandom };
  const exchange = createVendor(parsed(fias, exchangeSettings(1)), needs);
  const locks = createLockServer(parsed(salto, lockSettings(1)), needs);
  const [atExchange, atLocks] = [
    opened.use(await behind(exchange, { at: 'tcp-server' })),
    opened.use(await behind(locks, { at: 'tcp-server' })),
  ];
  const end = opened.move();
  return {
    ...{ exchange, locks },
    services: {
      exchange: { interface: 'fias', settings: exchangeSettings(atExchange.port) },
      locks: { interface: 'salto', settings: lockSettings(atLocks.port) },
    },
    [Symbol.asyncDispose]: async () => end.disposeAsync(),
  };
}

type Tell = (who: 'cloud' | 'unit' | 'owner' | 'pms' | 'hotel', text: string) => void;
type Until = <T>(what: string, find: () => T | undefined) => Promise<T>;

/** A guest arrives, gets a card, and buys a drink at the bar. */
export async function playHotel(
  { exchange, locks, services }: HotelSystems,
  { cloud, pms }: { readonly cloud: Cloud; readonly pms: Pms },
  { tell, until }: { readonly tell: Tell; readonly until: Until },
): Promise<void> {
  tell('cloud', 'sets up two services: locks (salto) and exchange (fias)');
  cloud.shadow(THING, 'services').desire({ services });
  await until('the exchange', () => (exchange.isUp() ? true : undefined));
  tell('hotel', 'the exchange and the unit have agreed on what they tell each other');
  if (!pms.hotel.rows('rooms').some(({ name }) => name === '201')) {
    pms.hotel.addRoom({ name: '201' });
  }
  const booking = pms.hotel.addBooking({ room: '201', status: 'expected', lastName: 'Ivanova' });
  const { id: bookingId } = booking;
  pms.hotel.checkIn(bookingId);
  tell('pms', 'reception checks Ms Ivanova in to room 201');
  await until('the exchange knows the guest', () =>
    (exchange.table.rooms.get('201') ?? []).length > 0 ? true : undefined,
  );
  tell('hotel', 'the telephone of room 201 is open, and knows its guest');
  const key = pms.hotel.issueKey({ bookingId, encoderIdentifier: ENCODER });
  await until('the card', () => (locks.cards.length > 0 ? true : undefined));
  await until('the answer', () => {
    const row = pms.hotel.rows('door_keys').find(({ id }) => id === key['id']);
    return row?.['issued_at'] ?? undefined;
  });
  tell('hotel', 'the lock system’s encoder has written a card; the PMS knows that it is issued');
  const at = new Date(pms.nowMs()).toISOString();
  const [day, time] = [at.slice(2, 10).replaceAll('-', ''), at.slice(11, 19).replaceAll(':', '')];
  const fields = [
    ...([
      ['RN', '201'],
      ['PT', 'C'],
      ['TA', '1250'],
      ['SO', 'BAR'],
    ] as const),
    ...([
      ['DA', day],
      ['TI', time],
      ['P#', '1'],
    ] as const),
  ];
  const answer = await exchange.ask('PS', fields, 'PA');
  tell(
    'hotel',
    `the bar posts 12.50 to room 201; the unit answers ${answer.fields.find(([id]) => id === 'AS')?.[1] ?? '?'}`,
  );
  await until('the charge', () =>
    pms.hotel.rows('charges').find(({ price_cents: cents }) => cents === 1_250),
  );
  tell('pms', 'has the charge on Ms Ivanova’s folio, once');
}
