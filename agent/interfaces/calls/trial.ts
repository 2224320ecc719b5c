// Tries the exchange: connects, logs in, and waits for a call that somebody makes. A record that comes meanwhile
// is told to the agent like any other: the exchange sends it only once.
import type { RunningInterface, ServiceHost, Talk, TestStep } from '../../core/interface.ts';
import type { CallSettings } from './config.ts';
import { LOGIN_MS_MAX, TAKE_MS_MAX, TEST_MS_MAX } from './limits.ts';

interface Trial {
  readonly signal: AbortSignal;
  readonly start: (settings: CallSettings, host: ServiceHost) => RunningInterface;
}

/** What came of a record, by the counters that say it. */
const OUTCOMES: ReadonlyMap<string, string> = new Map([
  ['read', 'a call came and was read; the agent has not taken it'],
  ['calls', 'a call was recorded'],
  ['repeats', 'a call came that was recorded before'],
  ['left out', 'a call came that the settings leave out'],
  ['filtered', 'a record came that the filter leaves out'],
  ['refused', 'a call came, and the agent did not take it'],
  ['not understood', 'a record came that the settings do not fit: see the trace for its form'],
  ['damaged', 'something came that is no record: check line parameters and layout'],
]);
const BAD: ReadonlySet<string> = new Set(['refused', 'not understood', 'damaged']);

export async function test(
  settings: CallSettings,
  host: ServiceHost,
  { signal, start }: Trial,
): Promise<readonly TestStep[]> {
  const steps: TestStep[] = [];
  let talk: Talk = { at: 'down', why: 'nothing has connected' };
  let seen: string | undefined;
  let isRefused = false;
  const running = start(settings, {
    ...host,
    talk: (now) => {
      talk = now;
      isRefused ||= now.at === 'down';
      host.talk(now);
    },
    count: (name, by) => {
      if (OUTCOMES.has(name) && (seen === undefined || seen === 'read')) seen = name;
      host.count(name, by);
    },
  });
  const isUp = (): boolean => talk.at === 'up';
  await until(() => isUp() || isRefused || seen !== undefined, {
    msMax: LOGIN_MS_MAX,
    host,
    signal,
  });
  const said = talk as Talk;
  const text = said.at === 'down' ? said.why : `with ${said.with}`;
  steps.push({ step: 'connect', ok: isUp(), text });
  if (isUp()) {
    await until(() => seen !== undefined, { msMax: TEST_MS_MAX, host, signal });
    // What becomes of it; a rehearsal's calls are nobody's, and the agent takes none of them.
    await until(() => seen !== 'read', { msMax: TAKE_MS_MAX, host, signal });
    const nothing = 'no record came: make a call from a room, hang up, and test again';
    steps.push({
      ...{ step: 'record', ok: seen === undefined || !BAD.has(seen) },
      text: seen === undefined ? nothing : (OUTCOMES.get(seen) ?? seen),
    });
  }
  await running.close();
  return steps;
}

interface Waiting {
  readonly msMax: number;
  readonly host: ServiceHost;
  readonly signal: AbortSignal;
}

/** Looks often enough for a person who waits. */
const LOOK_MS = 50;

async function until(isSo: () => boolean, { msMax, host, signal }: Waiting): Promise<void> {
  const fromMs = host.clock.nowMs();
  while (!isSo() && !signal.aborted && host.clock.nowMs() - fromMs < msMax) {
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
}
