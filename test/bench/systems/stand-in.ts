// The host of an interface in tests: real lines and clock, events kept, a house and verdicts that a test sets.
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../agent/io/clock.ts';
import { dialTcp } from '../../../agent/io/dial-tcp.ts';
import { lanHttp } from '../../../agent/io/lan-http.ts';
import { createListenHttp } from '../../../agent/io/listen-http.ts';
import { createOpenLine } from '../../../agent/io/line.ts';
import { OperatorError } from '../../../agent/core/errors.ts';
import type { ServiceHost, Talk } from '../../../agent/core/interface.ts';
import type { HotelEvent, House, Verdict } from '../../../agent/core/vocabulary.ts';
import { randomFrom, testSeed } from '../../agent/random.ts';

/** A hotel with one guest in 101 and an empty 102. */
export const SMALL_HOUSE: House = {
  asOfMs: 0,
  businessDay: '2026-04-01',
  timeZone: 'Europe/Sofia',
  currency: { code: 'EUR', decimals: 2 },
  rooms: [
    {
      room: '101',
      housekeeping: 'clean',
      guests: [
        {
          ...{ booking: 7_001, lastName: 'Müller', firstName: 'Anna', language: 'de' },
          ...{ arrival: '2026-04-01', departure: '2026-04-05' },
        },
      ],
    },
    { room: '102', housekeeping: 'dirty', guests: [] },
  ],
};

export interface StandIn {
  readonly host: ServiceHost;
  /** What was emitted, in order, whatever the verdict was. */
  readonly events: readonly HotelEvent[];
  readonly traces: readonly string[];
  readonly logs: readonly string[];
  /** The last is how it stands. */
  readonly talks: readonly Talk[];
  readonly counts: ReadonlyMap<string, number>;
  readonly remembered: ReadonlyMap<string, string>;
  house: House;
  /** What becomes of an event. At first all is well, and nothing a repeat. */
  verdict: (event: HotelEvent) => Verdict | Promise<Verdict>;
  /** The agent is away: emit, house, recall and remember reject. */
  isAway: boolean;
  /** Waits until it is so. Throws with what was traced when it does not come. */
  readonly until: (what: string, isSo: () => boolean | Promise<boolean>) => Promise<void>;
}

interface Options {
  /** Time, chance, lines: a test's own in place of the real ones (`rehearse()` of core/line/rehearsal.ts). */
  readonly host?: Partial<ServiceHost>;
  readonly house?: House;
}

/** Long: a machine may be five times slower than ours. */
const UNTIL_MS_MAX = 20_000;
const LOOK_MS = 5;

export function standIn(options: Options = {}): StandIn {
  const events: HotelEvent[] = [];
  const traces: string[] = [];
  const logs: string[] = [];
  const talks: Talk[] = [];
  const counts = new Map<string, number>();
  const remembered = new Map<string, string>();
  const random = randomFrom(testSeed());
  const isThere = (): void => {
    if (all.isAway) throw new OperatorError('agent-away', 'The agent is away');
  };
  const log = (level: string) => (message: string) => void logs.push(`${level} ${message}`);
  const host: ServiceHost = {
    ...{ service: 'test', clock: systemClock, random, dialTcp, http: lanHttp },
    ...{ openLine: createOpenLine(random), listenHttp: createListenHttp(random) },
    log: { error: log('error'), warning: log('warning'), info: log('info') },
    local: (wallMs) => localTime(wallMs, all.house.timeZone),
    emit: async (event) => {
      isThere();
      events.push(event);
      return all.verdict(event);
    },
    house: async () => {
      isThere();
      return all.house;
    },
    recall: async (name) => {
      isThere();
      return remembered.get(name);
    },
    remember: async (name, value) => {
      isThere();
      if (value === undefined) remembered.delete(name);
      else remembered.set(name, value);
    },
    talk: (now) => void talks.push(now),
    trace: (direction, text) => void traces.push(`${direction} ${text}`),
    count: (name, by = 1) => void counts.set(name, (counts.get(name) ?? 0) + by),
    ...options.host,
  };
  const all: StandIn = {
    ...{ host, events, traces, logs, talks, counts, remembered },
    house: options.house ?? SMALL_HOUSE,
    verdict: () => ({ ok: true, isRepeat: false }),
    isAway: false,
    until: async (what, isSo) => {
      const fromMs = systemClock.nowMs();
      while (!(await isSo())) {
        if (systemClock.nowMs() - fromMs < UNTIL_MS_MAX) await sleep(LOOK_MS);
        else {
          const seen = [...traces.slice(-20), ...logs.slice(-5), JSON.stringify(talks.at(-1))];
          throw new Error(`${what}: not so\n${seen.join('\n')}`);
        }
      }
    },
  };
  return all;
}

/** "YYYY-MM-DDTHH:MM:SS", in the hotel's zone. */
function localTime(wallMs: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', {
    ...{ timeZone, dateStyle: 'short', timeStyle: 'medium' },
  });
  return format.format(wallMs).replace(' ', 'T');
}
