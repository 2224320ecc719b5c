// An open hotel network and a healthy board, for the tests of the checks; each test breaks one thing.
import type { CloudView } from '../../../agent/core/cloud.ts';
import type { Needs, Settings } from '../../../agent/diagnostics/checks/facts.ts';
import { createDiagnostics } from '../../../agent/diagnostics/run.ts';
import type { CheckId, Outcome } from '../../../agent/diagnostics/results.ts';
import { createLog } from '../../../agent/core/log.ts';
import { fakeMachine } from './machine.fake.ts';
import type { Board } from './machine.fake.ts';
import { fakeNetwork } from './network.fake.ts';
import type { Listener, World } from './network.fake.ts';

const CLOCK = '198.51.100.1';
const AWS = '198.51.100.2';
const GEMS = '198.51.100.3';
export const NOW_MS = Date.UTC(2026, 5, 1);

const settings: Settings = {
  serialProblem: undefined,
  releaseProblem: undefined,
  endpointsProblem: undefined,
  endpointsFrom: 'built-in',
  extraRoots: 0,
  seal: 'board',
  builtMs: Date.UTC(2026, 0, 1),
  endpoints: {
    region: 'eu-central-1',
    clock: { host: 'sky.clock-software.test' },
    aws: { host: 'data.iot.amazonaws.test' },
    gems: { host: 'gems.clock-software.test' },
    ntp: ['ntp.test'],
  },
};

const server = (root: string, name: string, alpn: readonly string[] = []): Listener => ({
  is: 'tls',
  issuer: root,
  trustedBy: (roots) => roots.includes(root),
  names: [name],
  alpn,
});

const aws = server('amazon', 'data.iot.amazonaws.test');
const world: World = {
  interfaces: [
    { name: 'end0', mac: 'dc:a6:32:00:00:01', address: '10.1.0.20', family: 'IPv4' },
    { name: 'end0', mac: 'dc:a6:32:00:00:01', address: 'fe80::1', family: 'IPv6' },
  ],
  names: new Map([
    ['sky.clock-software.test', [CLOCK]],
    ['data.iot.amazonaws.test', [AWS]],
    ['gems.clock-software.test', [GEMS]],
    ['ntp.test', ['198.51.100.4']],
  ]),
  listeners: new Map<string, Listener>([
    [`${CLOCK}:443`, server('public', 'sky.clock-software.test')],
    [`${CLOCK}:22`, { is: 'tcp' }],
    [
      `${CLOCK}:80`,
      {
        is: 'http',
        answer: {
          status: 301,
          location: 'https://sky.clock-software.test/',
          type: 'text/html',
          body: '',
        },
      },
    ],
    [`${AWS}:443`, server('amazon', 'data.iot.amazonaws.test', ['x-amzn-mqtt-ca'])],
    [`${AWS}:8443`, aws],
    [`${AWS}:8883`, aws],
    [`${GEMS}:5000`, { is: 'tcp' }],
    ['198.51.100.4:123', { is: 'ntp', offsetSeconds: 0.012 }],
    ['10.1.0.1:80', { is: 'tcp' }],
  ]),
  dropped: new Set(),
};

const board: Board = {
  ports: [{ name: 'end0', mac: 'dc:a6:32:00:00:01', up: true, mbit: 1000 }],
  leases: [
    {
      port: 'end0',
      address: '10.1.0.20',
      server: '10.1.0.1',
      routers: ['10.1.0.1'],
      nameServers: ['10.1.0.1'],
      timeServers: [],
      domains: ['hotel.test'],
    },
  ],
  gateway: '10.1.0.1',
  neighbours: ['10.1.0.1'],
  timeSynchronised: true,
  freeBytes: 4e9,
  write: { ms: 12 },
  availableBytes: 5e8,
  memoryController: true,
  celsius: 45,
  underVoltage: false,
};

export interface Hotel {
  readonly world: World;
  readonly board: Board;
  readonly settings: Settings;
  readonly wallMs: number;
  readonly cloud: CloudView | undefined;
}
/** A unit that is connected, and has nothing to say. */
export const connected: CloudView = {
  provisioning: { step: 'done', failures: 0, refused: false, problem: undefined },
  renewal: undefined,
  link: {
    at: 'up',
    route: 'mqtt-8883',
    port: 8883,
    sinceMsAgo: 60_000,
    failures: 0,
    refused: false,
    problem: undefined,
  },
  pairing: {
    accounts: [
      {
        kind: 'pms',
        host: 'sky-eu1.clock-software.test',
        subscriptionId: 7,
        accountId: 42,
        by: 'record',
        sinceMsAgo: 60_000,
      },
    ],
    code: undefined,
    isPaused: false,
    recordProblem: undefined,
  },
  pms: {
    accounts: [
      {
        kind: 'pms',
        accountId: 42,
        reached: {
          hotel: 'Hotel Test',
          timeZone: 'Europe/Sofia',
          businessDate: '2026-06-01',
          msAgo: 60_000,
        },
        problem: undefined,
      },
    ],
    bannedMs: 0,
  },
  recentWork: { commands: [], jobs: [] },
  outbox: {
    at: 'open',
    problem: undefined,
    waiting: 0,
    waitingBytes: 0,
    oldestMsAgo: undefined,
    dead: 0,
    dropped: 0,
    tight: false,
    trouble: undefined,
  },
};
export const openHotel: Hotel = { world, board, settings, wallMs: NOW_MS, cloud: connected };

export function needsOf(hotel: Hotel): Needs {
  return {
    network: fakeNetwork(hotel.world),
    machine: fakeMachine(hotel.board),
    clock: { nowMs: () => performance.now(), wallMs: () => hotel.wallMs },
    settings: hotel.settings,
    cloud: () => hotel.cloud,
    roots: { amazon: ['amazon'], public: ['amazon', 'public'] },
  };
}

/** One run in this hotel: every check's outcome. */
export async function check(hotel: Hotel): Promise<Record<CheckId, Outcome>> {
  const needs = needsOf(hotel);
  const diagnostics = createDiagnostics(() => needs, { log: createLog(() => {}), repeat: false });
  diagnostics.ask('timer');
  await diagnostics.settled();
  const outcomes = diagnostics.views().map(({ id, outcome }) => [id, outcome]);
  return Object.fromEntries(outcomes) as Record<CheckId, Outcome>;
}

/** What is not "passed", as short texts: "failed port", "not-checked needs dns". */
export function unlike(outcomes: Record<CheckId, Outcome>): Record<string, string> {
  const odd = Object.entries(outcomes).filter(([, { state }]) => state !== 'passed');
  return Object.fromEntries(
    odd.map(([id, outcome]) => {
      if ('remedy' in outcome) return [id, `${outcome.state} ${outcome.remedy}`];
      const needs = 'needs' in outcome ? ` needs ${outcome.needs}` : '';
      return [id, `${outcome.state}${needs}`];
    }),
  );
}

export const withListener = (hotel: Hotel, where: string, listener: Listener): Hotel => ({
  ...hotel,
  world: { ...hotel.world, listeners: new Map([...hotel.world.listeners, [where, listener]]) },
});
export const withDropped = (hotel: Hotel, ...dropped: readonly string[]): Hotel => ({
  ...hotel,
  world: { ...hotel.world, dropped: new Set(dropped) },
});
export const withBoard = (hotel: Hotel, change: Partial<Board>): Hotel => ({
  ...hotel,
  board: { ...hotel.board, ...change },
});
