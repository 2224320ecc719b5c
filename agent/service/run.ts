// A service's process: one interface with its settings, between the third party and the agent. It outlives
// restarts of the agent; it ends when the agent no longer wants it.
import type { Clock } from '../core/clock.ts';
import { OperatorError, codeOf } from '../core/errors.ts';
import { REMEMBER_BYTES_MAX } from '../core/interface.ts';
import type { AnyInterface, Parsed, RunningInterface, ServiceHost } from '../core/interface.ts';
import { EMIT_MS_MAX } from '../core/ipc/limits.ts';
import { parseOrdered, stepsThatFit } from '../core/ipc/wire.ts';
import type { Setup, Tried } from '../core/ipc/wire.ts';
import { parseVerdict } from '../core/events/wire.ts';
import { rehearse } from '../core/line/rehearsal.ts';
import type { Log } from '../core/log.ts';
import { parseHouse, parseOrder } from '../core/orders/wire.ts';
import type { OrderOutcome } from '../core/vocabulary.ts';
import { createAgentLink } from './link.ts';
import type { AgentLink, DialAgent } from './link.ts';
import { localTime } from '../core/local-time.ts';
import { createReporter } from './report.ts';
import type { Reporter } from './report.ts';

/** A test asks for a state or two; a person waits. */
const TEST_MS_MAX = 60_000;

type World = Pick<ServiceHost, 'openLine' | 'dialTcp' | 'http' | 'listenHttp'>;

export interface Needs {
  readonly setup: Setup;
  /** SHA-256 of the setup's file, hex. */
  readonly setupHash: string;
  readonly token: string;
  readonly interface: AnyInterface;
  readonly world: World;
  readonly dial: DialAgent;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Ends the process. */
  readonly end: (code: number) => void;
}

/** The agent's settings are not this process's any more: no failure of its own (BSD's EX_TEMPFAIL). */
const EXIT_UNWANTED = 75;

export function runService(needs: Needs): { close(): Promise<void> } {
  const { setup, log, clock } = needs;
  const parsed: Parsed<unknown> = needs.interface.parse(setup.settings);
  let running: RunningInterface | undefined;
  let timeZone = 'UTC';
  const reporter: Reporter = createReporter(clock, (method, params) => link.tell(method, params));
  const order = async (params: unknown, signal: AbortSignal): Promise<OrderOutcome> => {
    const ordered = parseOrdered(params);
    const what = parseOrder(ordered?.order);
    if (ordered === undefined || !what.ok) {
      return { ok: false, why: 'wrong', text: what.ok ? 'not an order' : what.text };
    }
    if (running === undefined) return { ok: false, why: 'offline' };
    const late = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(ordered.msLeft))]);
    return running.handle(what.value, late);
  };
  const hostOf = (world: World): ServiceHost => ({
    ...{ service: setup.service, clock, random: needs.random, log, ...world },
    local: (wallMs) => localTime(wallMs, timeZone),
    emit: async (event) => answered(parseVerdict(await link.ask('emit', event, EMIT_MS_MAX))),
    house: async () => answered(parseHouse(await link.ask('house', {}, EMIT_MS_MAX))),
    recall: async (name) => {
      const value = await link.ask('recall', { name }, EMIT_MS_MAX);
      return typeof value === 'string' ? value : undefined;
    },
    remember: async (name, value) => {
      if (value !== undefined && Buffer.byteLength(value) > REMEMBER_BYTES_MAX) {
        throw new OperatorError('too-long', `${name}: too long to remember`);
      }
      await link.ask('remember', { name, value }, EMIT_MS_MAX);
    },
    talk: (now) => reporter.talk(now),
    trace: (direction, text) => reporter.trace(direction, text),
    count: (name, by = 1) => reporter.count(name, by),
  });
  const begin = (): void => {
    if (!parsed.ok)
      return void tried(link, { is: 'wrong', problems: [...parsed.problems] }, needs.end);
    const { settings } = parsed;
    switch (setup.task) {
      case 'check': {
        const targets = needs.interface.targets?.(settings) ?? [];
        const right = { is: 'right', needs: needs.interface.needs(settings), targets } as Tried;
        return void tried(link, right, needs.end);
      }
      case 'serve':
        running = needs.interface.start(settings, hostOf(needs.world));
        return log.info(`${needs.interface.title}: started`);
      case 'test':
      case 'rehearse':
        return void rehearsed(needs, settings, hostOf).then(async (steps) =>
          tried(link, { is: 'steps', steps }, needs.end),
        );
    }
  };
  let isBegun = false;
  const link: AgentLink = createAgentLink({
    ...{ dial: needs.dial, clock, log },
    hello: { token: needs.token, service: setup.service, setup: needs.setupHash },
    methods: { requests: { order }, notifications: {} },
    onUp: (welcome) => {
      timeZone = welcome.timeZone;
      reporter.up();
      if (!isBegun) begin();
      isBegun = true;
    },
    onUnwanted: (why) => {
      log.warning(`the agent does not want this process: ${why}`);
      needs.end(EXIT_UNWANTED);
    },
  });
  return {
    close: async () => {
      await running?.close();
      reporter.close();
      link.close();
    },
  };
}

/** What the agent answers is checked like anybody's. */
function answered<T>(
  parsed: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly text: string },
): T {
  if (parsed.ok) return parsed.value;
  throw new OperatorError('agent-away', `The agent's answer: ${parsed.text}`);
}

async function tried(link: AgentLink, what: Tried, end: (code: number) => void): Promise<void> {
  try {
    await link.ask('tried', what, EMIT_MS_MAX);
    end(0);
  } catch {
    end(1);
  }
}

async function rehearsed(
  needs: Needs,
  settings: unknown,
  hostOf: (world: World) => ServiceHost,
): Promise<Extract<Tried, { is: 'steps' }>['steps']> {
  const { clock, random, setup } = needs;
  const counterpart =
    setup.task === 'rehearse'
      ? needs.interface.counterpart(settings, { clock, random })
      : undefined;
  const world = counterpart === undefined ? needs.world : rehearse(counterpart);
  try {
    const signal = AbortSignal.timeout(TEST_MS_MAX);
    return stepsThatFit(await needs.interface.test(settings, hostOf(world), signal));
  } catch (error) {
    return [{ step: 'test', ok: false, text: codeOf(error) }];
  } finally {
    counterpart?.close();
  }
}
