// Performs the link: dials, subscribes, publishes what state.ts says, and tells it what came of it.
// Nothing that happens to a connection can throw out of here.
import type { LinkView } from '../core/cloud.ts';
import type { Connection, ConnectionEvent, Credentials, Dial, Route } from '../core/connection.ts';
import type { Clock } from '../core/clock.ts';
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Arrived, Remote, Send } from '../core/remote.ts';
import { REFUSALS_SAID, REFUSED_MS_MAX, TICK_MS } from './limits.ts';
import { createMailbox } from './mailbox.ts';
import type { Outgoing, Source } from './ports.ts';
import { initial, next } from './state.ts';
import type { Effect, Event, Link } from './state.ts';

interface Needs {
  readonly dial: Dial;
  readonly portOf: (route: Route) => number;
  /** The outbox. */
  readonly source: Source;
  /** Who listens. */
  readonly remotes: readonly Remote[];
  readonly clientId: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** The link came up or went down. */
  readonly onChange: () => void;
}

export interface LinkRunner {
  /** Also again, with others, after a pause. */
  start(credentials: Credentials): void;
  /** Hangs up, and dials no more until it is started again. */
  pause(): void;
  /** The outbox has something new. */
  ready(): void;
  readonly send: Send;
  /** QoS 0, for what may be lost; nothing where there is no connection. */
  mention(message: Pick<Outgoing, 'topic' | 'payload'>): void;
  view(): LinkView;
  close(): void;
}

export function createLink(needs: Needs): LinkRunner {
  const { clock, log, remotes } = needs;
  const filters = remotes.flatMap((remote) => remote.filters);
  const ready = (): void => dispatch({ on: 'ready', nowMs: clock.nowMs() });
  const mailbox = createMailbox(needs.source, ready);
  /** The connection on which the remotes are up. */
  let upOn: number | undefined;
  let link: Link = initial;
  let isRefusalSaid = false;
  let credentials: Credentials | undefined;
  let connection: Connection | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pacer: NodeJS.Timeout | undefined;
  let ticker: NodeJS.Timeout | undefined;
  /** Taken from the source and in flight, by id. */
  let taken = new Map<string, Outgoing>();
  /** What the broker holds for us, as far as this process knows: a session outlives a connection. */
  const granted = new Set<string>();

  const dispatch = (event: Event): void => {
    const before = link;
    const step = next(link, event);
    link = step.state;
    say(before);
    for (const effect of step.effects) perform(effect);
    tellRemotes();
  };
  /** A question is answered only where the broker grants the answers' topics. */
  const tellRemotes = (): void => {
    const canAsk = link.at === 'up' && link.route !== 'https-8443' && link.subscribing.length === 0;
    const on = canAsk ? link.attempt : undefined;
    if (on === upOn) return;
    if (upOn !== undefined) {
      mailbox.clear();
      for (const remote of remotes) remote.down();
    }
    upOn = on;
    if (on === undefined) return;
    mailbox.open();
    for (const remote of remotes) remote.up();
  };
  const say = (before: Link): void => {
    if (before.at === link.at) return;
    if (before.at === 'up' || link.at === 'up') setImmediate(needs.onChange);
    const port = needs.portOf(before.route);
    if (link.at === 'up') log.info(`cloud: connected, port ${port}`);
    if (link.at === 'up') isRefusalSaid = false;
    if (link.at === 'waiting' && link.problem !== undefined) complain(link.problem, port);
  };
  /** That the cloud does not want this unit is said once, until it has been let in again. */
  const complain = ({ why, refused }: NonNullable<Link['problem']>, port: number): void => {
    if (!refused || link.failures < REFUSALS_SAID) log.warning(`cloud: port ${port}: ${why}`);
    else if (!isRefusalSaid) {
      isRefusalSaid = true;
      const minutes = REFUSED_MS_MAX / 60_000;
      log.error(
        `cloud: the certificate of this unit is refused (${why}): revoked, or replaced by another ` +
          `card with this serial; support must act; tried again at least every ${minutes} minutes`,
      );
    }
  };
  const heard =
    (attempt: number, route: Route) =>
    (event: ConnectionEvent): void => {
      const nowMs = clock.nowMs();
      switch (event.on) {
        case 'opened': {
          if (!event.sessionPresent) granted.clear();
          const canSubscribe = route !== 'https-8443';
          const missing = canSubscribe ? filters.filter((one) => !granted.has(one)) : [];
          return dispatch({ on: 'opened', attempt, missing, nowMs });
        }
        case 'closed': {
          const { why, refused } = event;
          const random = needs.random();
          return dispatch({ on: 'closed', attempt, why, refused, nowMs, random });
        }
        case 'acked':
          return dispatch({ on: 'acked', attempt, id: event.key, nowMs });
        case 'subscribed':
          for (const filter of event.filters) granted.add(filter);
          for (const filter of event.denied) log.error(`cloud: not granted: ${filter}`);
          return dispatch({ on: 'subscribed', attempt, filters: event.filters });
        case 'message':
          return void take(event, attempt);
      }
    };
  const receive = async (message: Arrived): Promise<void> => {
    const owner = remotes.find((remote) => remote.owns(message.topic));
    if (owner !== undefined) return owner.receive(message);
    log.warning(`cloud: a message for nobody: ${message.topic}`);
  };
  /** On trouble with the disk the broker keeps the message, and sends it again to the next connection. */
  const take = async (
    { topic, payload, taken }: Extract<ConnectionEvent, { on: 'message' }>,
    attempt: number,
  ): Promise<void> => {
    try {
      await receive({ topic, payload });
      taken();
    } catch (error) {
      if (link.attempt !== attempt || link.at !== 'up') return;
      connection?.close();
      const why = `not stored: ${codeOf(error)}`;
      const [nowMs, random] = [clock.nowMs(), needs.random()];
      dispatch({ on: 'closed', attempt, why, refused: false, isOurs: true, nowMs, random });
    }
  };
  const hangUp = (): void => {
    clearTimeout(timer);
    clearTimeout(pacer);
    pacer = undefined;
    connection?.close();
    connection = undefined;
    taken = new Map();
  };
  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case 'dial': {
        hangUp();
        const { route, attempt } = effect;
        const options = { route, credentials: credentials!, clientId: needs.clientId };
        connection = needs.dial({ ...options, keepSession: true }, heard(attempt, route));
        return;
      }
      case 'hang-up':
        return hangUp();
      case 'wait':
        timer = setTimeout(() => dispatch({ on: 'due', nowMs: clock.nowMs() }), effect.delayMs);
        return;
      case 'subscribe':
        return connection?.subscribe(effect.filters);
      case 'resubscribe':
        return connection?.resubscribe(effect.filters);
      case 'ask':
        return offer(effect);
      case 'pace':
        pacer ??= setTimeout(() => {
          pacer = undefined;
          dispatch({ on: 'ready', nowMs: clock.nowMs() });
        }, effect.delayMs);
        return;
      case 'publish':
        return connection?.publish(effect.id, taken.get(effect.id)!);
      case 'resend':
        return connection?.resend(effect.id);
      case 'settle':
        taken.delete(effect.id);
        return mailbox.settle(effect.id);
      case 'bury':
        log.error(`cloud: message ${effect.id} is set aside: ${effect.why}`);
        return mailbox.bury(effect.id, effect.why);
    }
  };
  const offer = ({ count, except, route }: Extract<Effect, { do: 'ask' }>): void => {
    // Over HTTPS the unit's policy allows events only (the bench's policies.ts, as for AWS).
    const messages = mailbox.take(count, { except, eventsOnly: route === 'https-8443' });
    for (const message of messages) taken.set(message.id, message);
    const ids = messages.map(({ id }) => id);
    dispatch({ on: 'offered', attempt: link.attempt, ids, nowMs: clock.nowMs() });
  };
  return {
    start: (given) => {
      credentials = given;
      ticker ??= setInterval(() => {
        dispatch({ on: 'tick', nowMs: clock.nowMs(), random: needs.random() });
      }, TICK_MS);
      dispatch({ on: 'start', nowMs: clock.nowMs(), random: needs.random() });
    },
    pause: () => dispatch({ on: 'stop' }),
    ready,
    send: mailbox.send,
    mention: (message) => {
      if (link.at === 'up') connection?.mention(message);
    },
    view: () => viewOf(link, needs.portOf(link.route), clock.nowMs()),
    close: () => {
      clearInterval(ticker);
      dispatch({ on: 'stop' });
    },
  };
}

function viewOf(link: Link, port: number, nowMs: number): LinkView {
  const { at, route, failures, problem } = link;
  return {
    at,
    route,
    port,
    sinceMsAgo: link.at === 'off' ? undefined : nowMs - link.sinceMs,
    failures,
    refused: problem?.refused ?? false,
    problem: problem === undefined ? undefined : { why: problem.why, msAgo: nowMs - problem.atMs },
  };
}
