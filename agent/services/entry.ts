// One service as the agent keeps it: what is wanted, what its interface says of that, where its process is.
import { createHash } from 'node:crypto';
import type { FieldProblem, Need } from '../core/interface.ts';
import type { InstalledPackage } from '../core/packages.ts';
import type { Report } from '../core/ipc/wire.ts';
import type { ServiceInfo, ServiceView } from '../core/services.ts';
import type { Judged, Wanted } from './config.ts';
import { MEMORY_MB, PARKED_MS, REPORT_BYTES_MAX, REPORT_DETAILS } from './limits.ts';
import type { Judgement, Prepared } from './ports.ts';
import { off } from './state.ts';
import type { Process } from './state.ts';

export interface Entry {
  readonly id: string;
  readonly wanted: Wanted;
  readonly judgement: Judgement;
  readonly packaged: InstalledPackage | undefined;
  /** The settings' file of its process. */
  readonly setup: string;
  readonly token: string;
  process: Process;
  /** No sandbox could be made. */
  refused: string | undefined;
  report: { readonly atMs: number; readonly said: Report } | undefined;
  restarts: number;
  lastEnd: { readonly why: string; readonly atMs: number } | undefined;
  memoryBytes: number | undefined;
  /** A test of the third party has its place. */
  isTesting: boolean;
}

export const newEntry = (
  what: Pick<Entry, 'id' | 'wanted' | 'judgement' | 'packaged' | 'setup' | 'token'>,
): Entry => ({
  ...what,
  process: off,
  refused: undefined,
  report: undefined,
  restarts: 0,
  lastEnd: undefined,
  memoryBytes: undefined,
  isTesting: false,
});

/** It is to run, as far as its settings go. */
export const isRight = ({ wanted, judgement }: Entry): boolean => wanted.active && judgement.ok;

export const hashOf = (setup: string): string => createHash('sha256').update(setup).digest('hex');

export const preparedOf = (entry: Entry): Prepared => {
  const { id, wanted, judgement, packaged, setup, token } = entry;
  return {
    id,
    interface: wanted.interface,
    memoryMb: MEMORY_MB,
    needs: judgement.ok ? judgement.needs : [],
    settings: setup,
    token,
    ...(packaged !== undefined && { package: { file: packaged.file, jws: packaged.jws } }),
  };
};

const DOWN = { at: 'down', why: 'not running' } as const;

export function infoOf(entry: Entry): ServiceInfo {
  const { id, wanted, judgement, report } = entry;
  const isRunning = entry.process.at === 'running' && !entry.isTesting;
  return {
    id,
    interface: wanted.interface,
    takes: judgement.ok ? judgement.takes : [],
    emits: judgement.ok ? judgement.emits : [],
    targets: judgement.ok ? judgement.targets : [],
    talk: isRunning ? (report?.said.talk ?? DOWN) : DOWN,
  };
}

export function viewOf(
  entry: Entry,
  {
    nowMs,
    waiting,
    dropped,
    trial,
  }: Pick<ServiceView, 'waiting' | 'dropped' | 'trial'> & { readonly nowMs: number },
): ServiceView {
  const { id, wanted, judgement, report, restarts, lastEnd } = entry;
  const process = processOf(entry);
  const age = (of: number | undefined): number | undefined =>
    of === undefined || report === undefined ? undefined : of + (nowMs - report.atMs);
  return {
    id,
    interface: wanted.interface,
    title: judgement.ok ? judgement.title : wanted.interface,
    texts: judgement.ok ? judgement.texts : undefined,
    version: judgement.ok ? judgement.version : '',
    process,
    ...timesOf(process, nowMs),
    talk: infoOf(entry).talk,
    problems: judgement.ok ? [] : judgement.problems,
    lastInMs: age(report?.said.lastInMs),
    lastOutMs: age(report?.said.lastOutMs),
    counters: report?.said.counters ?? {},
    restarts,
    lastEnd: lastEnd && { why: lastEnd.why, msAgo: nowMs - lastEnd.atMs },
    memoryBytes: process.at === 'running' ? entry.memoryBytes : undefined,
    memoryBytesMax: MEMORY_MB * 1024 * 1024,
    waiting,
    dropped,
    reaches: judgement.ok ? judgement.needs.map(wordsOf) : [],
    ways: judgement.ok ? judgement.needs.map(({ need }) => need) : [],
    trial,
  };
}

function timesOf(
  process: ServiceView['process'],
  nowMs: number,
): Pick<ServiceView, 'ageMs' | 'dueInMs'> {
  const ageMs = 'sinceMs' in process ? nowMs - process.sinceMs : undefined;
  switch (process.at) {
    case 'waiting':
      return { ageMs, dueInMs: Math.max(0, process.dueMs - nowMs) };
    case 'parked':
      return { ageMs, dueInMs: Math.max(0, process.sinceMs + PARKED_MS - nowMs) };
    case 'off':
    case 'refused':
    case 'starting':
    case 'running':
    case 'testing':
      return { ageMs, dueInMs: undefined };
  }
}

function processOf(entry: Entry): ServiceView['process'] {
  if (!entry.wanted.active) return { at: 'off' };
  if (!entry.judgement.ok) return { at: 'refused', why: problemText(entry.judgement.problems) };
  if (entry.refused !== undefined) return { at: 'refused', why: entry.refused };
  if (entry.isTesting) return { at: 'testing' };
  return entry.process;
}

export const problemText = (problems: readonly FieldProblem[]): string =>
  problems.map(({ field, problem }) => `${field}: ${problem}`).join('; ');

/** What it may reach, for people. */
function wordsOf(need: Need): string {
  switch (need.need) {
    case 'connect':
      return `tcp ${need.host}:${need.port}`;
    case 'listen':
      return `listens on ${need.port} for ${need.from.join(', ')}`;
    case 'device':
      return need.path;
  }
}

/** How the services are: no settings, for they may hold passwords. */
export function reportOf(
  entries: ReadonlyMap<string, Entry>,
  judged: Judged,
): Readonly<Record<string, unknown>> {
  const all = REPORT_DETAILS.map((details) => detailed(entries, judged, details));
  const fits = (one: object): boolean => Buffer.byteLength(JSON.stringify(one)) <= REPORT_BYTES_MAX;
  return all.find(fits) ?? all.at(-1)!;
}

function detailed(
  entries: ReadonlyMap<string, Entry>,
  { refused }: Judged,
  details: (typeof REPORT_DETAILS)[number],
): Readonly<Record<string, unknown>> {
  const services = [...entries.values()].map((entry) => {
    const { process, talk, version, problems } = viewOf(entry, {
      nowMs: 0,
      waiting: 0,
      dropped: 0,
      trial: undefined,
    });
    const why = 'why' in process ? process.why.slice(0, details.chars) : undefined;
    const state = {
      process: process.at,
      talk: talk.at,
      version,
      ...(why !== undefined && { why }),
    };
    const { active, interface: name } = entry.wanted;
    const wrong = problems
      .slice(0, details.problems)
      .map(({ field, problem }) => `${field}: ${problem}`.slice(0, details.chars));
    return [entry.id, { interface: name, active, state, ...(wrong.length > 0 && { wrong }) }];
  });
  const others = Object.entries(refused).slice(0, details.refused);
  return {
    services: Object.fromEntries(services),
    ...(others.length > 0 && { refused: Object.fromEntries(others) }),
  };
}
