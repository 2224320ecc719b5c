// A day in the hotel as a list of what happens when: from a seed, always the same. Knows no unit: play.ts plays it.
import { ARTICLES, ENCODERS, person, pick } from './house.ts';
import type { Article, Plan } from './house.ts';

/** `guest`: place in the plan's people. */
export type Action =
  | { readonly is: 'arrival'; readonly guest: number; readonly room: string }
  | { readonly is: 'departure'; readonly guest: number }
  | { readonly is: 'move'; readonly guest: number; readonly room: string }
  | { readonly is: 'name'; readonly guest: number; readonly lastName: string }
  | { readonly is: 'language'; readonly guest: number; readonly language: string }
  | {
      readonly is: 'key';
      readonly guest: number;
      readonly card: 'original' | 'copy';
      readonly encoder: string;
    }
  | { readonly is: 'key-delete'; readonly guest: number }
  | {
      readonly is: 'charge' | 'call';
      readonly room: string;
      readonly guest: number;
      readonly cents: number;
    }
  | {
      readonly is: 'minibar';
      readonly room: string;
      readonly guest: number;
      readonly article: Article;
      readonly quantity: number;
    }
  | { readonly is: 'record'; readonly room: string; readonly cents: number }
  | { readonly is: 'wake-up'; readonly room: string }
  | { readonly is: 'cleaned'; readonly room: string }
  | { readonly is: 'night-audit' }
  | { readonly is: 'fault'; readonly fault: Fault };

export const FAULTS = [
  ...(['pbx-hangs-up', 'locks-hang-up', 'charge-answer-lost', 'charge-500-after-write'] as const),
  ...(['key-answer-lost', 'key-event-lost', 'too-many-calls', 'cloud-gone'] as const),
  ...(['pbx-killed', 'agent-killed', 'locks-killed', 'plug-pulled'] as const),
] as const;
export type Fault = (typeof FAULTS)[number];

/** `hour`: since six in the morning. */
export interface Moment {
  readonly hour: number;
  readonly action: Action;
}

type Kind = Exclude<Action['is'], 'fault' | 'night-audit'>;
/** How many on 100 rooms a day, and between which hours since six in the morning. */
const CUSTOMS: Readonly<Record<Kind, readonly [count: number, from: number, to: number]>> = {
  departure: [40, 0, 6],
  arrival: [45, 7, 17],
  cleaned: [35, 3, 10],
  move: [5, 3, 16],
  name: [6, 0, 18],
  language: [4, 0, 18],
  key: [12, 0, 20],
  'key-delete': [8, 0, 18],
  call: [40, 1, 17],
  record: [30, 1, 17],
  charge: [35, 1, 19],
  minibar: [25, 2, 17],
  'wake-up': [10, 12, 18],
};
const HOURS = 24;
/** Two at night: who posts late still posts on the old day. */
const AUDIT_HOUR = 20;

interface Wished {
  readonly hour: number;
  readonly is: Kind | 'night-audit' | Fault;
}

export function writeScript(
  plan: Plan,
  how: {
    readonly random: () => number;
    readonly faults?: readonly Fault[];
    /** Each of them so often. */
    readonly rounds?: number;
  },
): readonly Moment[] {
  const { random, faults = [], rounds = 1 } = how;
  const wishes: Wished[] = [{ hour: AUDIT_HOUR, is: 'night-audit' }];
  for (const [is, [perHundred, from, to]] of Object.entries(CUSTOMS)) {
    const count = Math.ceil((plan.rooms.length * perHundred) / 100);
    for (let index = 0; index < count; index += 1) {
      wishes.push({ hour: from + random() * (to - from), is: is as Kind });
    }
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, is] of faults.entries()) {
      const place = (round * faults.length + index + random()) / (rounds * faults.length);
      wishes.push({ hour: place * HOURS, is });
    }
  }
  const writer = createWriter(plan, random);
  return wishes
    .toSorted((a, b) => a.hour - b.hour)
    .flatMap(({ hour, is }) => writer(is).map((action) => ({ hour, action })));
}

/** Keeps in mind who sleeps where, so that what happens can happen. */
function createWriter(plan: Plan, random: () => number): (is: Wished['is']) => readonly Action[] {
  const rooms = new Map<number, string>(plan.beds.map((room, guest) => [guest, room]));
  const keyed = new Set<number>();
  let coming = plan.beds.length;
  let number = 0;
  const someone = (): number | undefined => pick([...rooms.keys()], random);
  const free = (): string | undefined => {
    const taken = new Set(rooms.values());
    return pick(
      plan.rooms.filter((room) => !taken.has(room)),
      random,
    );
  };
  const key = (guest: number, card: 'original' | 'copy'): Action => {
    keyed.add(guest);
    return { is: 'key', guest, card, encoder: pick(ENCODERS, random) };
  };
  const ofGuest = (is: Exclude<Kind, 'arrival'>, guest: number): readonly Action[] => {
    const room = rooms.get(guest)!;
    number += 1;
    // Each amount once: by it a charge is known again.
    const cents = 1_000 + number * 7;
    switch (is) {
      case 'departure':
        rooms.delete(guest);
        return [{ is, guest }];
      case 'move': {
        const to = free();
        if (to === undefined) return [];
        rooms.set(guest, to);
        return [{ is, guest, room: to }, key(guest, 'original')];
      }
      case 'name':
        return [{ is, guest, lastName: person(random, plan.people.length + number).lastName }];
      case 'language':
        return [{ is, guest, language: pick(['de', 'en', 'fr', 'bg', 'it'], random) }];
      case 'key':
        return [key(guest, keyed.has(guest) ? 'copy' : 'original')];
      case 'key-delete':
        return keyed.delete(guest) ? [{ is, guest }] : [];
      case 'call':
      case 'charge':
        return [{ is, guest, room, cents }];
      case 'minibar': {
        const article = pick(Object.keys(ARTICLES) as Article[], random);
        return [{ is, guest, room, article, quantity: 1 + Math.floor(random() * 3) }];
      }
      case 'record':
        return [{ is, room, cents }];
      case 'wake-up':
      case 'cleaned':
        return [{ is, room }];
    }
  };
  return (is) => {
    if (is === 'night-audit') return [{ is }];
    if ((FAULTS as readonly string[]).includes(is)) return [{ is: 'fault', fault: is as Fault }];
    if (is === 'arrival') {
      const [guest, room] = [coming, free()];
      if (guest >= plan.people.length || room === undefined) return [];
      coming += 1;
      rooms.set(guest, room);
      return [{ is, guest, room }, key(guest, 'original')];
    }
    const guest = someone();
    return guest === undefined ? [] : ofGuest(is as Exclude<Kind, 'arrival'>, guest);
  };
}
