// The checks of the cloud connection itself: what the running agent knows of it, judged. Where no
// agent runs, or nothing is configured, they say so and claim nothing.
import type { CloudView, LinkView, ProvisioningView, RenewalView } from '../../core/cloud.ts';
import { AWS_PORTS } from '../../core/connection.ts';
import { needs as needing, notChecked, note, passed } from './facts.ts';
import type { Check } from './facts.ts';
import type { Note, Outcome, Remedy } from '../results.ts';

/** One failure is an accident, and the next try is seconds away. */
const FAILURES_MIN = 3;
/** Its pauses grow to an hour: this is some ten minutes. */
const RENEWAL_FAILURES_MIN = 5;

type PmsProblem = NonNullable<CloudView['pms']['accounts'][number]['problem']>['why'];
const PMS_REMEDIES: Readonly<Record<PmsProblem, Remedy>> = {
  key: 'pms-key',
  right: 'pms-right',
  banned: 'pms-banned',
  rejected: 'pms',
  busy: 'pms',
  unreachable: 'pms',
  unknown: 'pms',
  malformed: 'pms',
  closed: 'pms',
};

const connection: Check = async ({ cloud }) => {
  const seen = cloud();
  if (seen === undefined) return notChecked(note('cloud-not-here'));
  if (seen.outbox.at === 'closed') return needing('outbox');
  const { provisioning, link } = seen;
  if (provisioning.step === 'off') return needing('settings');
  if (provisioning.step === 'time') return needing('time');
  if (provisioning.step !== 'done') return judgeProvisioning(provisioning);
  return withRenewal(judgeLink(link), seen.renewal);
};

/** A certificate that cannot be renewed still works, for years: something to mend, nothing to run for. */
function withRenewal(outcome: Outcome, renewal: RenewalView | undefined): Outcome {
  if (outcome.state !== 'passed' || renewal === undefined) return outcome;
  const { failures, problem } = renewal;
  if (failures < RENEWAL_FAILURES_MIN) return outcome;
  const notes = [...outcome.notes, note('renewal-failing', { why: problem.why })];
  return { state: 'warning', notes, remedy: 'renewal' };
}

function judgeProvisioning({ step, failures, refused, problem }: ProvisioningView): Outcome {
  const notes: Note[] = [];
  if (step === 'claim') notes.push(note('claim-missing'));
  else if (step !== 'off' && step !== 'time' && step !== 'done')
    notes.push(note(`provisioning-${step}`));
  if (problem !== undefined) notes.push(note('cloud-problem', { why: problem.why }));
  if (failures < FAILURES_MIN) return notChecked(...notes);
  if (isProxy(problem)) return { state: 'failed', notes, ...proxyRemedy(AWS_PORTS.mqtt) };
  return { state: 'failed', notes, remedy: refused ? 'claim' : 'connection' };
}

function judgeLink({ at, route, port, failures, refused, problem }: LinkView): Outcome {
  if (at === 'up' && route === 'https-8443') {
    const notes = [note('cloud-publish-only', { port })];
    return { state: 'warning', notes, remedy: 'publish-only' };
  }
  if (at === 'up') return passed(note('cloud-up', { port }));
  const notes = [note('cloud-dialling', { port })];
  if (problem !== undefined) notes.push(note('cloud-problem', { why: problem.why }));
  if (failures < FAILURES_MIN) return notChecked(...notes);
  if (isProxy(problem)) return { state: 'failed', notes, ...proxyRemedy(port) };
  return { state: 'failed', notes, remedy: refused ? 'certificate' : 'connection' };
}

/** What io/proxy.ts says of the network's proxy, as opposed to: of the cloud. */
const isProxy = (problem: LinkView['problem']): boolean =>
  problem?.why.startsWith('PROXY_') === true;
const proxyRemedy = (port: number) =>
  ({ remedy: 'proxy', values: { port, hosts: '*.amazonaws.com' } }) as const;

/** A unit without an account does nothing for anybody, but that is how it comes out of its box. */
const pairing: Check = async ({ cloud }) => {
  const seen = cloud();
  if (seen === undefined) return notChecked(note('cloud-not-here'));
  if (seen.outbox.at === 'closed') return needing('outbox');
  const { accounts, recordProblem } = seen.pairing;
  const notes = accounts.map(({ kind, accountId, host }) =>
    note('paired', { kind: kind.toUpperCase(), account: accountId, host }),
  );
  if (recordProblem !== undefined) {
    const problem = note('record-problem', { why: recordProblem });
    return { state: 'failed', notes: [...notes, problem], remedy: 'record' };
  }
  if (accounts.length > 0) return passed(...notes);
  if (seen.link.at !== 'up') return needing('connection');
  return { state: 'warning', notes: [note('not-paired')], remedy: 'pairing' };
};

/** Whether Clock's API lets the unit in; its own words count, they are for people. */
const pms: Check = async ({ cloud }) => {
  const seen = cloud();
  if (seen === undefined) return notChecked(note('cloud-not-here'));
  if (seen.pairing.accounts.length === 0) return needing('pairing');
  const { accounts } = seen.pms;
  const notes = accounts.flatMap(({ kind, accountId, reached, problem }) => {
    const who = { kind: kind.toUpperCase(), account: accountId };
    if (problem !== undefined) {
      return note('pms-problem', { ...who, why: problem.text === '' ? problem.why : problem.text });
    }
    if (reached === undefined) return [];
    return note('pms-reached', { ...who, hotel: reached.hotel, date: reached.businessDate });
  });
  const problem = accounts.find((one) => one.problem !== undefined)?.problem;
  if (problem !== undefined) return { state: 'failed', notes, remedy: PMS_REMEDIES[problem.why] };
  return accounts.some(({ reached }) => reached !== undefined)
    ? passed(...notes)
    : notChecked(...notes);
};

const outbox: Check = async ({ cloud }) => {
  const seen: CloudView | undefined = cloud();
  if (seen === undefined) return notChecked(note('cloud-not-here'));
  const { at, problem, waiting, dead, dropped, tight, trouble } = seen.outbox;
  if (at === 'closed') {
    const notes = [note('outbox-closed', { why: problem ?? '?' })];
    return { state: 'failed', notes, remedy: 'outbox' };
  }
  const notes = [note('outbox-waiting', { count: waiting })];
  if (dead > 0) notes.push(note('outbox-dead', { count: dead }));
  if (dropped > 0) notes.push(note('outbox-dropped', { count: dropped }));
  if (tight) {
    return { state: 'failed', notes: [note('outbox-tight'), ...notes], remedy: 'card-full' };
  }
  if (trouble?.why === 'slow') {
    const slow = note('outbox-slow', { seconds: Math.round(trouble.ms / 1_000) });
    return { state: 'warning', notes: [slow, ...notes], remedy: 'card-slow' };
  }
  if (trouble !== undefined) {
    const why = note('outbox-not-stored', { why: trouble.why });
    const remedy = trouble.why === 'ENOSPC' ? 'card-full' : 'card-dead';
    return { state: 'failed', notes: [why, ...notes], remedy };
  }
  return dead > 0 ? { state: 'warning', notes, remedy: 'outbox' } : passed(...notes);
};

export const connectionChecks = { connection, pairing, pms, outbox };
