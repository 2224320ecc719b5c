// "Test connection": the interface tries the third party in its own sandbox while its service is stopped, or a
// simulator of it, in a process that reaches nothing. One at a time.
import type { Clock } from '../core/clock.ts';
import { OperatorError, codeOf } from '../core/errors.ts';
import type { TestStep } from '../core/interface.ts';
import { renderSetup } from '../core/ipc/wire.ts';
import type { Tried } from '../core/ipc/wire.ts';
import type { ServiceView, TrialOutcome } from '../core/services.ts';
import { REHEARSAL } from './config.ts';
import { hashOf, preparedOf } from './entry.ts';
import type { Entry } from './entry.ts';
import { TRY_MS_MAX } from './limits.ts';
import type { Prepared, Runner } from './ports.ts';

export interface Trials {
  /** `test` asks the real third party, `rehearse` the simulator that ships. */
  run(service: string, how: 'test' | 'rehearse'): Promise<TrialOutcome>;
  /** Of a process that says it is this one. */
  expected(name: string): { readonly token: string; readonly setup: string } | undefined;
  /** Whose rehearsal it is. */
  serviceOf(name: string): string;
  tried(name: string, what: Tried): void;
  /** Of a service: its last one. */
  last(service: string): ServiceView['trial'];
  /** What is to be prepared while one is under way. */
  instead(all: readonly Prepared[]): readonly Prepared[];
}

interface Needs {
  readonly clock: Clock;
  readonly runner: Runner;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly find: (id: string) => Entry | undefined;
  readonly prepare: () => Promise<void>;
  readonly stop: (entry: Entry) => Promise<void>;
  readonly resume: (entry: Entry) => void;
  /** Not while services are being changed. */
  readonly after: (what: () => Promise<void>) => Promise<void>;
}

interface Trial {
  readonly name: string;
  readonly of: string;
  readonly prepared: Prepared;
  readonly done: PromiseWithResolvers<readonly TestStep[]>;
}

export function createTrials(needs: Needs): Trials {
  const { runner, clock } = needs;
  let trial: Trial | undefined;
  /** One is under way, or waits for its turn. */
  let isTaken = false;
  const lasts = new Map<
    string,
    Omit<NonNullable<ServiceView['trial']>, 'msAgo'> & { atMs: number }
  >();

  const begin = (entry: Entry, how: 'test' | 'rehearse'): Trial => {
    const name = how === 'test' ? entry.id : REHEARSAL;
    const { wanted, packaged } = entry;
    const setup = {
      ...({ v: 1, service: name, interface: wanted.interface, task: how } as const),
      ...(packaged !== undefined && { package: packaged.sha256 }),
    };
    const settings = renderSetup({ ...setup, settings: wanted.settings });
    const token = Buffer.from(needs.randomBytes(32)).toString('hex');
    const base = { ...preparedOf(entry), id: name, settings, token };
    const prepared = how === 'test' ? base : { ...base, needs: [] };
    return { name, of: entry.id, prepared, done: Promise.withResolvers() };
  };
  const perform = async (entry: Entry, one: Trial): Promise<readonly TestStep[]> => {
    const isTest = one.name === entry.id;
    const timer = setTimeout(() => {
      one.done.reject(new OperatorError('timeout', 'The test did not end'));
    }, TRY_MS_MAX);
    one.done.promise.catch(() => {});
    try {
      if (isTest) await needs.stop(entry);
      await needs.prepare();
      // It may have answered, and be gone, before systemd says that it runs.
      await Promise.race([runner.start(one.name), one.done.promise]);
      return await one.done.promise;
    } finally {
      clearTimeout(timer);
      await runner.stop(one.name).catch(() => {});
      trial = undefined;
      await needs.prepare().catch(() => {});
      if (isTest) needs.resume(entry);
    }
  };
  const tried = async (entry: Entry, how: 'test' | 'rehearse'): Promise<TrialOutcome> => {
    trial = begin(entry, how);
    try {
      return { ok: true, steps: await perform(entry, trial) };
    } catch (error) {
      return refused(codeOf(error));
    }
  };
  return {
    run: async (service, how) => {
      const why = isTaken ? 'another test is under way' : objectionTo(needs.find(service));
      if (why !== undefined) return { ok: false, why };
      isTaken = true;
      lasts.set(service, { how, atMs: clock.nowMs(), outcome: undefined });
      let outcome: TrialOutcome = { ok: false, why: 'unknown' };
      await needs.after(async () => {
        // Not before its turn, and as the settings are by then: what is changed until then knows nothing of it.
        const entry = needs.find(service);
        const now = objectionTo(entry);
        outcome = entry === undefined || now !== undefined ? refused(now) : await tried(entry, how);
      });
      isTaken = false;
      lasts.set(service, { how, atMs: clock.nowMs(), outcome });
      return outcome;
    },
    last: (service) => {
      const last = lasts.get(service);
      return last && { how: last.how, msAgo: clock.nowMs() - last.atMs, outcome: last.outcome };
    },
    expected: (name) =>
      trial?.name === name
        ? { token: trial.prepared.token, setup: hashOf(trial.prepared.settings) }
        : undefined,
    serviceOf: (name) => (trial?.name === name ? trial.of : name),
    tried: (name, what) => {
      if (trial?.name !== name) return;
      if (what.is === 'steps') trial.done.resolve(what.steps);
      else trial.done.reject(new OperatorError('wrong-settings', 'The settings are wrong'));
    },
    instead: (all) =>
      trial === undefined ? all : [...all.filter(({ id }) => id !== trial?.name), trial.prepared],
  };
}

function objectionTo(entry: Entry | undefined): string | undefined {
  if (entry === undefined) return 'no such service';
  return entry.judgement.ok ? undefined : 'its settings are wrong';
}
const refused = (why = 'unknown'): TrialOutcome => ({ ok: false, why });
