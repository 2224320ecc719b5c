// Plays the script against a unit, in minutes: what reception, guests and systems do, and what goes wrong meanwhile.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Item } from './compare.ts';
import { ARTICLES, booked } from './house.ts';
import type { Furnished, Plan } from './house.ts';
import { startPostings } from './posting.ts';
import type { Postings } from './posting.ts';
import type { Action, Fault, Moment } from './script.ts';
import { SERVICES } from './place.ts';
import type { Service } from './place.ts';
import { until } from './systems.ts';
import type { Systems } from './systems.ts';

export interface Played {
  readonly postings: Postings;
  /** What printed call records say. */
  readonly records: readonly Item[];
  /** Ids of commands to the exchange. */
  readonly wakeUps: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
}

/** A day has 24 hours. */
const DAY_HOURS = 24;
const CABLE_MS = 700;
/** The agent and its services take seconds to begin; a slow machine more. */
const SERVING_MS = 60_000;

interface Stage extends Systems {
  readonly plan: Plan;
  readonly furnished: Furnished;
  /** Of the place. */
  readonly slowness: number;
}

/** `isOver` ends it early. Resolves when everything has happened and every posting is answered. */
export async function play(
  script: readonly Moment[],
  stage: Stage,
  how: { readonly minutes: number; readonly signal: AbortSignal },
): Promise<Played> {
  const postings = startPostings(stage.vendor);
  const records: Item[] = [];
  const wakeUps: string[] = [];
  const counts = new Map<string, number>();
  const actor = createActor(stage, { postings, records, wakeUps });
  const beginMs = performance.now();
  let trouble: Promise<void> = Promise.resolve();
  try {
    for (const { hour, action } of script) {
      const dueMs = beginMs + (hour / DAY_HOURS) * how.minutes * 60_000;
      const leftMs = dueMs - performance.now();
      if (leftMs > 0) await sleep(leftMs, undefined, { signal: how.signal });
      const name = action.is === 'fault' ? `fault ${action.fault}` : action.is;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      // While something is broken the hotel goes on.
      if (action.is === 'fault') trouble = trouble.then(async () => suffer(action.fault, stage));
      else actor(action);
    }
    await trouble;
    await postings.idle();
  } finally {
    postings.close();
  }
  return { postings, records, wakeUps, counts };
}

const two = (value: number): string => String(value).padStart(2, '0');

function createActor(
  { pms, cloud, unit, vendor, printer, plan, furnished }: Stage,
  book: { readonly postings: Postings; readonly records: Item[]; readonly wakeUps: string[] },
): (action: Exclude<Action, { readonly is: 'fault' }>) => void {
  const { hotel } = pms;
  const { bookings } = furnished;
  const cards = new Map<number, number>();
  const { postings } = book;
  const day = new Date(pms.nowMs()).toISOString().slice(0, 10);
  let seconds = 0;
  /** Each second once: a call is known again by it. */
  const moment = (): { readonly local: string; readonly fields: [string, string][] } => {
    seconds += 1;
    const at = [6 + Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
    const fields: [string, string][] = [
      ['DA', day.slice(2).replaceAll('-', '')],
      ['TI', at.map(two).join('')],
    ];
    return { local: `${day}T${at.map(two).join(':')}`, fields };
  };
  return (action) => {
    switch (action.is) {
      case 'arrival': {
        const { id } = hotel.addBooking(booked(plan.people[action.guest]!, action.room));
        bookings[action.guest] = id;
        return hotel.checkIn(id);
      }
      case 'departure':
        return hotel.checkOut(bookings[action.guest]!);
      case 'move':
        return hotel.moveTo(bookings[action.guest]!, action.room);
      case 'name':
        return hotel.changeBooking(bookings[action.guest]!, { guest_last_name: action.lastName });
      case 'language':
        return hotel.changeBooking(bookings[action.guest]!, { guest_language: action.language });
      case 'key': {
        const [bookingId, parent] = [bookings[action.guest]!, cards.get(action.guest)];
        const isCopy = action.card === 'copy' && parent !== undefined;
        const encoderIdentifier = action.encoder;
        const asked = { bookingId, encoderIdentifier, ...(isCopy && { parentKeyId: parent }) };
        const { id } = hotel.issueKey(asked);
        if (!isCopy) cards.set(action.guest, id);
        return undefined;
      }
      case 'key-delete': {
        const key = cards.get(action.guest);
        if (key !== undefined) hotel.requestKeyDelete(key);
        cards.delete(action.guest);
        return undefined;
      }
      case 'call': {
        const { room, cents } = action;
        const item = { is: 'call', to: room, cents, quantity: 1 } as const;
        return postings.add(item, [
          ...([
            ['RN', room],
            ['PT', 'C'],
            ['SO', 'TEL'],
            ['TA', String(cents)],
          ] as const),
          ...([
            ['DD', '0049891234567'],
            ['DU', '000130'],
          ] as const),
          ...moment().fields,
        ]);
      }
      case 'charge': {
        const { room, cents } = action;
        const to = String(bookings[action.guest]);
        const item = { is: 'charge', to, cents, quantity: 1 } as const;
        return postings.add(item, [
          ...([
            ['RN', room],
            ['G#', to],
            ['PT', 'C'],
            ['SO', 'BAR'],
          ] as const),
          ...([['TA', String(cents)]] as const),
          ...moment().fields,
        ]);
      }
      case 'minibar': {
        const { room, article, quantity } = action;
        const to = String(bookings[action.guest]);
        const item = { is: 'charge', to, cents: ARTICLES[article], quantity } as const;
        return postings.add(item, [
          ...([
            ['RN', room],
            ['G#', to],
            ['PT', 'M'],
            ['MA', article],
          ] as const),
          ...([['M#', String(quantity)]] as const),
          ...moment().fields,
        ]);
      }
      case 'record': {
        const { room, cents } = action;
        book.records.push({ is: 'call', to: room, cents, quantity: 1 });
        const { local } = moment();
        const dialled = '0049891234567';
        return printer.play({
          ...{ at: local, extension: room, seconds: 90, dialled, line: '1', impulses: 0 },
          ...{ price: (cents / 100).toFixed(2), direction: 'outgoing' },
        });
      }
      case 'wake-up': {
        const id = `wake-${book.wakeUps.length}`;
        book.wakeUps.push(id);
        const body = { room: action.room, at: `${day}T07:00:00` };
        const command = { v: 1, id, at: '', service: SERVICES.pbx, kind: 'wakeup.set', body };
        return cloud.publish(`clock/v1/${unit.thing}/command/${SERVICES.pbx}`, command, { qos: 1 });
      }
      case 'cleaned':
        return void vendor.send('RE', [
          ['RN', action.room],
          ['RS', '3'],
        ]);
      case 'night-audit': {
        pms.advance(Math.max(0, nextMidnightMs(pms.nowMs()) - pms.nowMs()));
        // Else the unit asks for the hotel's date every quarter of an hour.
        pms.inject({ at: 'poll', path: 'booking_update', do: 'refuse', status: 404, times: 1 });
        return undefined;
      }
    }
  };
}

/** Of Sofia, where the hotel is. */
export function nextMidnightMs(nowMs: number): number {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'Europe/Sofia',
    timeStyle: 'medium',
  });
  const [hours = 0, minutes = 0, seconds = 0] = format.format(nowMs).split(':').map(Number);
  const passedMs = ((hours * 60 + minutes) * 60 + seconds) * 1_000 + (nowMs % 1_000);
  return nowMs + 86_400_000 - passedMs;
}

async function suffer(fault: Fault, stage: Stage): Promise<void> {
  const { pms, cloud, unit } = stage;
  const POST = { method: 'POST', path: 'charges_by_source', times: 1 } as const;
  switch (fault) {
    case 'pbx-hangs-up':
      return cut('pbx', stage);
    case 'locks-hang-up':
      return cut('locks', stage);
    case 'charge-answer-lost':
      return void pms.inject({ at: 'answer', ...POST, do: 'drop' });
    case 'charge-500-after-write': {
      const text = '{"error":"Something went wrong"}';
      return void pms.inject({ at: 'answer', ...POST, do: 'replace', status: 500, text });
    }
    case 'key-answer-lost':
      return void pms.inject({
        ...{ at: 'answer', method: 'PUT', path: '/door_keys/', do: 'drop', times: 1 },
      });
    case 'key-event-lost':
      return void pms.inject({ at: 'fire', path: 'door_key_new', do: 'lose', times: 1 });
    case 'too-many-calls':
      return void pms.inject({ at: 'call', do: 'throttle', times: 3 });
    case 'cloud-gone':
      return cloud.disconnect(unit.thing);
    case 'pbx-killed':
      return killService('pbx', stage);
    case 'locks-killed':
      return killService('locks', stage);
    case 'agent-killed':
      return unit.killAgent();
    case 'plug-pulled':
      return unit.pullPlug?.();
  }
}

async function cut(service: Service, { cables }: Stage): Promise<void> {
  await cables[service].unplug();
  await sleep(CABLE_MS);
  await cables[service].plug();
}

/** Waits until another one runs. */
async function killService(service: Service, { cables, unit, slowness }: Stage): Promise<void> {
  const before = cables[service].connections;
  if (!(await unit.killService(service))) return;
  const isBack = (): boolean => cables[service].connections > before;
  await until(`${service} again`, isBack, SERVING_MS * slowness);
}
