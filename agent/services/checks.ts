// What a signed package says of settings: asked in a process of its own that reaches nothing, since none of its
// code runs in the agent. Kept on the card, so that a start of the agent asks nobody.
import { createHash } from 'node:crypto';
import { OperatorError, codeOf } from '../core/errors.ts';
import { renderSetup } from '../core/ipc/wire.ts';
import type { Tried } from '../core/ipc/wire.ts';
import { admitNeeds } from '../core/needs/wire.ts';
import type { InstalledPackage } from '../core/packages.ts';
import type { Records } from '../core/records.ts';
import { REHEARSAL, parseChecked, renderChecked } from './config.ts';
import type { Checked } from './config.ts';
import { hashOf, problemText } from './entry.ts';
import type { Entry } from './entry.ts';
import { CHECK_LOOK_MS, CHECK_MS_MAX, MEMORY_MB } from './limits.ts';
import type { Judgement, Prepared, Runner } from './ports.ts';

export interface Checks {
  /** Of one service's settings; `isKept`: it is known already, and no process is needed. */
  judge(service: string, packaged: InstalledPackage, settings: unknown): Promise<Judgement>;
  /** What speaks against a version for the services that there are; undefined: nothing. */
  objection(candidate: InstalledPackage, services: readonly Entry[]): Promise<string | undefined>;
  isKept(service: string, packaged: InstalledPackage, settings: unknown): boolean;
  /** Of a process that says it is this one. */
  expected(name: string): { readonly token: string; readonly setup: string } | undefined;
  tried(name: string, what: Tried): void;
  /** What is to be prepared while one is under way. */
  beside(all: readonly Prepared[]): readonly Prepared[];
}

interface Needs {
  readonly runner: Runner;
  readonly records: Records;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly prepare: () => Promise<void>;
}

export const checkedKey = (service: string): string => `services/checked/${service}`;

/** `field` "interface": it is not the settings. */
const broken = ({ version }: InstalledPackage, problem: string): Judgement => ({
  ok: false,
  problems: [{ field: 'interface', problem: `version ${version}: ${problem}` }],
});

export function createChecks(needs: Needs): Checks {
  const { runner, records } = needs;
  // Never while somebody rehearses: both are services' changes, one after the other. Hence the same name.
  let check:
    | { readonly prepared: Prepared; readonly done: PromiseWithResolvers<Tried> }
    | undefined;
  const stampOf = ({ sha256 }: InstalledPackage, settings: unknown): string =>
    createHash('sha256')
      .update(`${sha256}\n${JSON.stringify(settings)}`)
      .digest('hex');
  const keptOf = (service: string): readonly Checked[] =>
    parseChecked(records.get(checkedKey(service)));

  const ask = async (packaged: InstalledPackage, settings: unknown): Promise<Tried> => {
    const { name, sha256, file, jws } = packaged;
    const setup = { v: 1, service: REHEARSAL, interface: name, task: 'check' } as const;
    const prepared: Prepared = {
      ...{ id: REHEARSAL, interface: name, memoryMb: MEMORY_MB, needs: [], package: { file, jws } },
      settings: renderSetup({ ...setup, package: sha256, settings }),
      token: Buffer.from(needs.randomBytes(32)).toString('hex'),
    };
    const done = Promise.withResolvers<Tried>();
    done.promise.catch(() => {});
    const fail = (why: string): void => done.reject(new OperatorError('check', why));
    check = { prepared, done };
    let late: NodeJS.Timeout | undefined;
    let look: NodeJS.Timeout | undefined;
    try {
      await needs.prepare();
      // Its answer may be here, and its process gone, before systemd says that it runs.
      await Promise.race([runner.start(REHEARSAL), done.promise]);
      // Not before: a sandbox takes root seconds, in which no process runs.
      late = setTimeout(() => fail('does not answer'), CHECK_MS_MAX);
      look = setInterval(() => {
        const tell = ({ at, why }: Awaited<ReturnType<Runner['status']>>): void => {
          if (at !== 'running') fail(`ends without a word${why === undefined ? '' : ` (${why})`}`);
        };
        runner.status(REHEARSAL).then(tell, () => {});
      }, CHECK_LOOK_MS);
      look.unref();
      return await done.promise;
    } finally {
      clearTimeout(late);
      clearInterval(look);
      await runner.stop(REHEARSAL).catch(() => {});
      check = undefined;
      await needs.prepare().catch(() => {});
    }
  };
  const answered = async (packaged: InstalledPackage, settings: unknown): Promise<Tried> => {
    try {
      return await ask(packaged, settings);
    } catch (error) {
      const problem = error instanceof OperatorError ? error.message : codeOf(error);
      return { is: 'wrong', problems: [{ field: 'interface', problem }] };
    }
  };
  const judge: Checks['judge'] = async (service, packaged, settings) => {
    const { title, version, takes, emits, permissions } = packaged;
    const of = stampOf(packaged, settings);
    const kept = keptOf(service).find((one) => one.of === of);
    const said = kept === undefined ? await answered(packaged, settings) : undefined;
    if (said?.is === 'wrong') {
      const isItself = said.problems.find(({ field }) => field === 'interface');
      return isItself === undefined
        ? { ok: false, problems: said.problems }
        : broken(packaged, isItself.problem);
    }
    const right = kept ?? (said?.is === 'right' ? said : undefined);
    if (right === undefined) return broken(packaged, 'does not answer the question');
    const admitted = admitNeeds(right.needs, permissions);
    if (!admitted.ok) return broken(packaged, admitted.problem);
    const { targets } = right;
    if (kept === undefined && service !== '') {
      const value = renderChecked([{ of, needs: admitted.needs, targets }, ...keptOf(service)]);
      await records.change({ put: [{ key: checkedKey(service), value }] }).catch(() => {});
    }
    return { ok: true, title, version, takes, emits, needs: admitted.needs, targets };
  };
  return {
    judge,
    objection: async (candidate, services) => {
      const isItself = (judgement: Judgement): boolean =>
        !judgement.ok && judgement.problems.some(({ field }) => field === 'interface');
      for (const { id, wanted, judgement } of services) {
        const now = await judge(id, candidate, wanted.settings);
        // Settings that were wrong before may well stay so.
        if (now.ok || (!judgement.ok && !isItself(now))) continue;
        return `${id}: ${problemText(now.problems)}`;
      }
      if (services.length > 0) return undefined;
      // Whatever it says of no settings: it can be loaded.
      const bare = await judge('', candidate, {});
      return !bare.ok && isItself(bare) ? problemText(bare.problems) : undefined;
    },
    isKept: (service, packaged, settings) => {
      const of = stampOf(packaged, settings);
      return keptOf(service).some((one) => one.of === of);
    },
    expected: (name) =>
      check !== undefined && name === REHEARSAL
        ? { token: check.prepared.token, setup: hashOf(check.prepared.settings) }
        : undefined,
    tried: (name, what) => {
      if (name === REHEARSAL) check?.done.resolve(what);
    },
    beside: (all) => (check === undefined ? all : [...all, check.prepared]),
  };
}
