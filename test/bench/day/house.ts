// The played hotel: its rooms and the people who stay in it or come today, from a seed; and how they are put into the
// double of Clock's API.
import type { Pms } from '../pms/api.ts';

export interface Person {
  readonly firstName: string;
  readonly lastName: string;
  readonly language: string;
}

export interface Plan {
  readonly rooms: readonly string[];
  /** By place: who sleeps here when the day begins, then who comes. */
  readonly people: readonly Person[];
  /** Where the first of them sleep. */
  readonly beds: readonly string[];
}

export const ENCODERS = ['desk-1', 'desk-2', 'desk-3'] as const;
/** Articles of the minibar with their prices in cents, each another one: by it a charge is known. */
export const ARTICLES = { '1': 290, '2': 350, '3': 480, '4': 620 } as const;
export type Article = keyof typeof ARTICLES;

const ROOMS_A_FLOOR = 20;
/** A good night; and how many of them share a room. */
const OCCUPANCY = 0.8;
const SHARING = 0.1;
/** Of the rooms: so many come today. */
const ARRIVALS = 0.45;

const NAMES = [
  ...[['Elena', 'Petrova', 'bg'] as const, ['Иван', 'Димитров', 'bg'] as const],
  ...[['Jürgen', 'Müller-Lüdenscheidt', 'de'] as const, ['Anaïs', "d'Été", 'fr'] as const],
  ...[['Seán', "O'Brien", 'en'] as const, ['Łukasz', 'Świątek', 'pl'] as const],
  ...[['Νίκος', 'Παπαδόπουλος', 'el'] as const, ['María José', 'Núñez', 'es'] as const],
  ...[['Şebnem', 'Çağlar', 'tr'] as const, ['Li', 'Wu', 'zh'] as const],
];

const OLD = 1;

export const pick = <T>(from: readonly T[], random: () => number): T =>
  from[Math.floor(random() * from.length)]!;

export function person(random: () => number, number: number): Person {
  const [firstName, lastName, language] = pick(NAMES, random);
  return { firstName, lastName: `${lastName} ${number}`, language };
}

export function planHouse(count: number, random: () => number): Plan {
  const rooms = Array.from({ length: count }, (_unused, index) => {
    const floor = Math.floor(index / ROOMS_A_FLOOR) + 1;
    return String(floor * 100 + (index % ROOMS_A_FLOOR) + 1);
  });
  const beds = rooms.flatMap((room) => {
    if (random() > OCCUPANCY) return [];
    return random() < SHARING ? [room, room] : [room];
  });
  const arrivals = Math.ceil(count * ARRIVALS);
  const people = Array.from({ length: beds.length + arrivals }, (_unused, number) =>
    person(random, number),
  );
  return { rooms, people, beds };
}

/** Ids of the bookings, by person; and of the charge templates, by article. */
export interface Furnished {
  readonly bookings: number[];
  readonly templates: Readonly<Record<string, number>>;
}

/** Rooms, articles, and who is there in the morning. */
export function furnish(pms: Pms, { rooms, people, beds }: Plan): Furnished {
  const known = new Set(pms.hotel.rows('rooms').map(({ name }) => name));
  for (const name of rooms) {
    if (!known.has(name)) pms.hotel.addRoom({ name, internal_lines: [name] });
  }
  const templates = Object.fromEntries(
    Object.entries(ARTICLES).map(([article, cents]) => {
      const row = { text: `Minibar ${article}`, revenue_group: 'f&b', plain_price_cents: cents };
      return [article, pms.hotel.addRow('charge_templates', { ...row, currency: 'EUR' }).id];
    }),
  );
  const arrival = new Date(pms.nowMs() - OLD * 86_400_000).toISOString().slice(0, 10);
  const bookings = beds.map(
    (room, index) =>
      pms.hotel.addBooking({ ...booked(people[index]!, room), status: 'checked_in', arrival }).id,
  );
  return { bookings, templates };
}

export const booked = ({ firstName, lastName, language }: Person, room: string) => ({
  ...{ firstName, lastName, room },
  more: { guest_language: language },
});
