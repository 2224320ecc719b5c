// One day from beginning to end: everything is opened, the day is played, what is under way may come to rest, then
// all is compared. Used by the program and the tests.
import { randomFrom } from '../../agent/random.ts';
import { heard } from '../cloud/owner.ts';
import type { OpenRow } from '../../../agent/hotel/wire.ts';
import { compareKeys, compareMoney, compareRooms } from './compare.ts';
import type { Difference, Item } from './compare.ts';
import {
  briefly,
  cardsOf,
  centsOfPms,
  fully,
  housekeepingOfPms,
  itemOf,
  itemsOfPms,
  keysOfPms,
  readCard,
  roomsOfPms,
  roomsOfVendor,
} from './gather.ts';
import { furnish, planHouse } from './house.ts';
import type { Furnished } from './house.ts';
import type { Place } from './place.ts';
import { nextMidnightMs, play } from './play.ts';
import type { Played } from './play.ts';
import type { Report } from './report.ts';
import { writeScript } from './script.ts';
import type { Fault } from './script.ts';
import { ARTICLES_COMMAND, openSystems, until, untilServing } from './systems.ts';
import type { Systems } from './systems.ts';

export interface DayOptions {
  readonly seed: number;
  readonly rooms: number;
  readonly minutes: number;
  readonly withFaults: boolean;
  readonly place: Place;
  /** Of 24: what is later does not happen. */
  readonly hours?: number;
  readonly say?: (line: string) => void;
}

/** Where the audit stands in the script, as a part of the day. */
const AUDIT_PART = 20 / 24;
/** Midnight comes a little after, so that the clock is put forward and never back. */
const EARLY_MS = 5 * 60_000;
/** A unit that reads 200 rooms at five calls a second needs a minute; a slow machine, three. */
const READY_MS = 3 * 60_000;
/**
 * After the last event: charges that are looked for after a crash (30 s), events that were lost (60 s), and the audit: a
 * look at 200 rooms that began before it, a minute's pause (agent/hotel/limits.ts), the next look. Seen: 133 s.
 */
const SETTLE_MS = 4 * 60_000;

/** The house of 200 rooms is read in a minute; more often would never end. */
const REFRESH_MS = 20_000;
/** Nobody outside sees what the unit has still to ask: it has asked when it asks no more. */
const QUIET_MS = 2_000;
/** After faults, and of a slow one. */
const QUIET_LONG_MS = 15_000;

export async function playDay(options: DayOptions): Promise<Report> {
  const { seed, rooms, minutes, withFaults, place, hours = 24, say = () => {} } = options;
  const random = randomFrom(seed);
  const plan = planHouse(rooms, random);
  const trouble = withFaults ? { faults: place.faults, rounds: place.faultRounds } : {};
  const script = writeScript(plan, { random, ...trouble }).filter(({ hour }) => hour < hours);
  const partMs = AUDIT_PART * minutes * 60_000;
  const startMs = nextMidnightMs(Date.now()) - partMs - EARLY_MS;
  let furnished: Furnished | undefined;
  await using systems = await openSystems({
    ...{ place, startMs, random },
    prepare: (pms) => {
      furnished = furnish(pms, plan);
      return furnished.templates;
    },
  });
  const { pms, cloud, unit, vendor, locks } = systems;
  say(`${rooms} rooms, ${plan.beds.length} guests: waiting until the exchange knows them`);
  const readyMs = READY_MS * place.slowness;
  await untilServing(systems, readyMs);
  const untold = (): readonly Difference[] => [
    ...differencesOutside(systems),
    ...commandDifferences(systems, [ARTICLES_COMMAND]),
  ];
  await until('the house is told', () => untold().length === 0, readyMs);
  say(`playing ${script.length} events in ${minutes} minutes`);
  const beganMs = performance.now();
  const stage = { ...systems, plan, furnished: furnished!, slowness: place.slowness };
  const { signal } = new AbortController();
  const played = await play(script, stage, { minutes, signal });
  const playedMs = performance.now() - beganMs;
  say('all played; coming to rest');
  await untilServing(systems, readyMs).catch((error: unknown) => say(String(error)));
  const rest = (): readonly Difference[] => outside(systems, played);
  const refreshing = setInterval(() => refresh(systems, played), REFRESH_MS);
  const isSlow = withFaults || place.slowness > 1;
  const quiet = createQuiet(systems, isSlow ? QUIET_LONG_MS : QUIET_MS);
  const settleMs = SETTLE_MS * place.slowness;
  await until('all is done', () => rest().length === 0 && quiet(), settleMs).catch(() =>
    say(
      rest()
        .map(({ where, what }) => `${where}: ${what}`)
        .join('\n'),
    ),
  );
  clearInterval(refreshing);
  const restMs = performance.now() - beganMs - playedMs;
  const log = await unit.log();
  const card = readCard(await unit.readOut());
  const differences = [
    ...differencesOutside(systems),
    ...compareRooms('unit', roomsOfPms(pms, fully), card.rooms),
    ...compareRooms('unit: housekeeping', housekeepingOfPms(pms), card.housekeeping),
    ...compareMoney({ ...money(systems, played), ...card }),
    ...keyDifferences(systems),
    ...commandDifferences(systems, [ARTICLES_COMMAND, ...played.wakeUps]),
    ...auditDifferences(systems, played),
    ...vendor.violations.map((what) => ({ where: 'FIAS', what })),
    ...(card.waiting === 0 ? [] : [{ where: 'unit', what: `${card.waiting} things wait` }]),
  ];
  const keys = keysOfPms(pms);
  return {
    ...{ seed, rooms, playedMs, restMs, differences, counts: played.counts, events: script.length },
    guests: plan.beds.length + (played.counts.get('arrival') ?? 0),
    staying: pms.hotel.rows('bookings').filter(({ status }) => status === 'checked_in').length,
    charges: itemsOfPms(pms).filter(({ is }) => is === 'charge').length,
    calls: pms.hotel.phone().calls.length,
    cents: centsOfPms(pms),
    unknown: card.unknown.length,
    rejected: card.rejected.length,
    refused: played.postings.answered.filter(({ answer }) => answer !== 'OK').length,
    repeats: played.postings.repeats,
    keys: {
      asked: keys.length,
      issued: keys.filter(({ issuedAt }) => issuedAt !== null).length,
      failed: keys.filter(({ errorText }) => Boolean(errorText)).length,
      deleted: keys.filter(({ deletedAt }) => deletedAt !== null).length,
      cards: locks.cards.length,
    },
    wakeUps: heardOf(vendor, 'WR'),
    audits: heardOf(vendor, 'NE'),
    connections: Object.values(systems.cables).reduce((sum, one) => sum + one.connections, 0),
    callsPerSecondMax: pms.callsPerSecondMax(),
    apiCalls: pms.calls().length,
    messages: cloud.messages('clock/v1/+/+/+').length,
    log,
  };
}

/**
 * The unit asks for the hotel's date every quarter of an hour, and looks at the house as often: a day of minutes cannot
 * wait for that. What a person in the cloud would do, until the exchange has heard of the audit.
 */
function refresh(systems: Systems, played: Played): void {
  if (auditDifferences(systems, played).length === 0) return;
  const command = {
    v: 1,
    id: `refresh-${Math.round(performance.now())}`,
    at: '',
    service: 'hotel',
  };
  const topic = `clock/v1/${systems.unit.thing}/command/hotel`;
  systems.cloud.publish(topic, { ...command, kind: 'house.refresh', body: {} }, { qos: 1 });
}

/** The unit has called nobody for so long. */
function createQuiet({ pms }: Systems, ms: number): () => boolean {
  let [count, sinceMs] = [-1, 0];
  return () => {
    const now = pms.calls().length;
    if (now !== count) [count, sinceMs] = [now, performance.now()];
    return performance.now() - sinceMs >= ms;
  };
}

const differencesOutside = ({ pms, vendor }: Systems): readonly Difference[] =>
  compareRooms('exchange', roomsOfPms(pms, briefly), roomsOfVendor(vendor));

const keyDifferences = ({ pms, locks }: Systems): readonly Difference[] =>
  compareKeys({ keys: keysOfPms(pms), cards: cardsOf(locks) });

function money({ pms, printer }: Systems, { postings, records }: Played) {
  const taken = postings.answered.filter(({ answer }) => answer === 'OK').map(({ item }) => item);
  // What the printer still keeps was not taken.
  const gone = records.slice(0, records.length - printer.waiting);
  const bookings = new Map(pms.hotel.rows('bookings').map((row) => [String(row['id']), row]));
  const hasLeft = ({ is, to }: Item): boolean =>
    is === 'charge' && bookings.get(to)?.['status'] === 'checked_out';
  return { taken: [...taken, ...gone], inPms: itemsOfPms(pms), hasLeft };
}

/** The cloud hears of it while the unit runs. */
function toldOf({ cloud }: Systems, kind: string): readonly Item[] {
  const bodies = new Map<string, OpenRow['what']>();
  for (const one of heard(cloud)) {
    if (one.direction !== 'event' || one.kind !== kind) continue;
    bodies.set(String(one.body['key']), one.body as unknown as OpenRow['what']);
  }
  return [...bodies.values()].map((what) => itemOf({ what }));
}

/** Each command has one end. */
function commandDifferences({ cloud }: Systems, ids: readonly string[]): readonly Difference[] {
  const ends = new Map<string, Set<string>>();
  for (const { direction, body } of heard(cloud)) {
    const [command, state] = [String(body['command']), String(body['state'])];
    if (direction !== 'result' || !['processed', 'error', 'cancelled'].includes(state)) continue;
    ends.set(command, (ends.get(command) ?? new Set()).add(state));
  }
  return ids.flatMap((id) => {
    const states = [...(ends.get(id) ?? [])];
    return states.length === 1
      ? []
      : [{ where: 'commands', what: `${id}: ended "${states.join(', ')}"` }];
  });
}

/** What cuts an order to the exchange short: it is then given again (agent/hotel/queues.ts), and no harm is done. */
const CUTS: readonly Fault[] = ['pbx-hangs-up', 'pbx-killed', 'agent-killed', 'plug-pulled'];

function auditDifferences({ vendor }: Systems, { counts }: Played): readonly Difference[] {
  const [should, is] = [counts.get('night-audit') ?? 0, heardOf(vendor, 'NE')];
  const most = should + CUTS.reduce((sum, cut) => sum + (counts.get(`fault ${cut}`) ?? 0), 0);
  return is >= should && is <= most
    ? []
    : [{ where: 'exchange', what: `${is} night audits, expected ${should}` }];
}

const heardOf = (vendor: Systems['vendor'], id: string): number =>
  vendor.heard.filter((one) => one.id === id).length;

/** As far as the agent need not be stopped for it. */
function outside(systems: Systems, played: Played): readonly Difference[] {
  const [unknown, rejected] = [
    toldOf(systems, 'charge.unknown'),
    toldOf(systems, 'charge.rejected'),
  ];
  return [
    ...differencesOutside(systems),
    ...compareMoney({ ...money(systems, played), unknown, rejected }),
    ...keyDifferences(systems),
    ...commandDifferences(systems, [ARTICLES_COMMAND, ...played.wakeUps]),
    ...auditDifferences(systems, played),
    ...(systems.printer.waiting === 0 ? [] : [{ where: 'calls', what: 'records wait' }]),
  ];
}
