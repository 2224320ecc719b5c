// The unit's page as a program uses it, through the hotel: its JSON, and a run of its checks.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hotel } from './hotel/hotel.ts';
import type { Status } from './status.ts';

/** The longest run of checks (silent time servers) takes 10 s, on an emulated board twice that. */
const RUN_MS_MAX = 120_000;
const POLL_MS = 500;

export interface UnitPage {
  /** http://172.17.1.2/ */
  readonly url: string;
  status(language?: string): Promise<Status>;
  /** Asks for a run of all checks (a run under way does not count) and waits for its end. */
  check(language?: string): Promise<Status>;
}

export function unitPage(hotel: Hotel, address: string): UnitPage {
  const url = `http://${address}/`;
  const status = async (language = 'en'): Promise<Status> => {
    const answer = await hotel.fetch(`${url}api/status?lang=${language}`);
    if (!answer.ok) throw new Error(`${url}api/status answers ${answer.status}`);
    return (await answer.json()) as Status;
  };
  const check = async (language = 'en'): Promise<Status> => {
    const until = performance.now() + RUN_MS_MAX;
    while (performance.now() < until) {
      const answer = await hotel.fetch(`${url}api/checks`, { method: 'POST' });
      if (answer.status === 202) return ended(until, language);
      if (answer.status !== 429) throw new Error(`${url}api/checks answers ${answer.status}`);
      await sleep(1_000 * Math.min(10, Number(answer.headers.get('retry-after') ?? 1)));
    }
    throw new Error(`the unit did not begin a run of checks in ${RUN_MS_MAX} ms`);
  };
  const ended = async (until: number, language: string): Promise<Status> => {
    while (performance.now() < until) {
      const now = await status(language);
      if (!now.running) return now;
      await sleep(POLL_MS);
    }
    throw new Error(`the unit's checks did not end in ${RUN_MS_MAX} ms`);
  };
  return { url, status, check };
}
