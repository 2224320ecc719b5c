// Receives commands, keeps each on the card with what the cloud is told of it, has them carried out.
// A command is acknowledged to the broker when it, and the result that says so, is on the card.
import type { Command, CommandHandler } from '../core/commands.ts';
import type { RecentWork } from '../core/cloud.ts';
import { codeOf } from '../core/errors.ts';
import type { Message } from '../core/messages.ts';
import type { StoredRecord } from '../core/records.ts';
import type { Arrived, Remote } from '../core/remote.ts';
import { RECENT_MAX, TICK_MS } from './limits.ts';
import type { Needs } from './ports.ts';
import { initial, isFull, isKnown, next } from './state.ts';
import type { Commands, Effect, Event, Facts, Finished } from './shapes.ts';
import {
  CANCEL,
  SPACE,
  boundedOutcome,
  commandFilter,
  isBodyTooLarge,
  keyOf,
  parseCancel,
  parseCommand,
  parseOnCard,
  renderOnCard,
} from './wire.ts';
import type { Final, OnCard } from './wire.ts';

export interface CommandsRunner {
  readonly remote: Remote;
  /** The newest first. */
  recent(): RecentWork['commands'];
  close(): void;
}

type Save = Extract<Effect, { do: 'save' }>;

/** Goes on with what an earlier process left. Never throws. */
export function createCommands(needs: Needs): CommandsRunner {
  const { thing, records, clock, log } = needs;
  let state: Commands = initial;
  let ticker: NodeJS.Timeout | undefined;
  /** One after the other: what was decided of one is on the card before the next is looked at. */
  let queue: Promise<unknown> = Promise.resolve();
  /** Of the command that is arriving. */
  const bodies = new Map<string, unknown>();
  const arriving = new Map<string, PromiseWithResolvers<void>>();
  const running = new Map<string, AbortController>();
  let isClosed = false;

  const dispatch = (event: Event): void => {
    if (isClosed) return;
    const step = next(state, event);
    state = step.state;
    for (const effect of step.effects) perform(effect);
    // Nothing under way, nothing to look at.
    if (state.works.length === 0) {
      clearInterval(ticker);
      ticker = undefined;
    } else ticker ??= setInterval(() => dispatch({ on: 'tick', ...now() }), TICK_MS);
  };
  const now = (): { nowMs: number; wallMs: number | undefined } => ({
    nowMs: clock.nowMs(),
    wallMs: needs.trustedWallMs(),
  });
  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case 'save':
        return void save(effect);
      case 'run':
        return void carryOut(effect.facts);
      case 'stop':
        return running.get(effect.id)?.abort();
    }
  };
  const save = async (effect: Save): Promise<void> => {
    const { facts, as, forget, target } = effect;
    const { id } = facts;
    try {
      const body = bodies.has(id) ? bodies.get(id) : bodyOf(read(id));
      const put = [{ key: keyOf(id), value: renderOnCard(onCard(facts, as, body)) }];
      if (target !== undefined) put.push(...noted(facts, target));
      const messages = [result(facts, as)];
      await records.change({ put, remove: forget.map(keyOf), messages });
    } catch (error) {
      log.warning(`command ${id}: not stored: ${codeOf(error)}`);
      dispatch({ on: 'not-saved', id, nowMs: clock.nowMs() });
      settle(id, error);
      return;
    }
    if (as.state !== 'received' && as.state !== 'processing') say(facts, as);
    dispatch({ on: 'saved', id, ...now() });
    settle(id, undefined);
  };
  const settle = (id: string, error: unknown): void => {
    const arrival = arriving.get(id);
    arriving.delete(id);
    bodies.delete(id);
    if (error === undefined) arrival?.resolve();
    else arrival?.reject(error);
  };
  const say = ({ service, kind, id }: Facts, final: Final): void => {
    const why = final.state === 'error' ? ` (${final.why})` : '';
    log.info(`command ${service} ${kind} ${id}: ${final.state}${why}`);
  };
  const read = (id: string): OnCard | undefined => parseOnCard(records.get(keyOf(id)));
  /** What a cancel notes of the command that it means. */
  const noted = (by: Facts, { id, note }: NonNullable<Save['target']>): StoredRecord[] => {
    const found = read(id);
    if (note === 'never') {
      const never = onCard({ ...by, id }, { state: 'cancelled' }, undefined);
      return [{ key: keyOf(id), value: renderOnCard(never) }];
    }
    if (found === undefined || found.state === 'ended') return [];
    return [{ key: keyOf(id), value: renderOnCard({ ...found, stopping: true }) }];
  };
  const result = (
    { id, service, kind }: { readonly id: string; readonly service: string; readonly kind: string },
    as: object,
  ): Message =>
    needs.makeMessage({
      direction: 'result',
      lane: 'work',
      service,
      kind,
      body: { command: id, ...as },
    });
  const carryOut = async (facts: Facts): Promise<void> => {
    const { id, service, kind, expiresMs } = facts;
    const stopper = new AbortController();
    running.set(id, stopper);
    let final: Final;
    try {
      const command = { id, service, kind, expiresMs, body: bodyOf(read(id)) };
      final = boundedOutcome(await handlerOf(command)!.run(command, stopper.signal));
    } catch (error) {
      // A handler that throws is a fault of ours; how far it came, nobody knows.
      log.error(`command ${service} ${kind} ${id}: ${codeOf(error)}`);
      final = { state: 'error', why: facts.isRepeatable === true ? 'fault' : 'unknown' };
    }
    running.delete(id);
    dispatch({ on: 'ended', id, final });
  };
  const handlerOf = (command: Pick<Command, 'service' | 'kind'>): CommandHandler | undefined =>
    needs
      .handlers()
      .find(({ service, kinds }) => service === command.service && kinds.includes(command.kind));
  const refusalOf = (
    { service, body }: Command,
    handler: CommandHandler | undefined,
  ): string | undefined => {
    if (isBodyTooLarge(body)) return 'too-large';
    if (handler !== undefined) return undefined;
    const isHere = needs.handlers().some((one) => one.service === service);
    return isHere ? 'no-such-kind' : 'no-such-service';
  };

  const receive = async (message: Arrived): Promise<void> => {
    const command = parseCommand(thing, message);
    if (command === undefined) return log.warning(`cloud: no command: ${message.topic}`);
    const { id, service, kind, body, expiresMs } = command;
    const known = isKnown(state, id);
    // Its results are under way by themselves.
    if (known === 'unfinished') return;
    if (known === 'finished') return repeat(id);
    if (isFull(state)) {
      const busy = { state: 'error', why: 'busy' };
      return records.change({ messages: [result(command, busy)] });
    }
    const arrival = Promise.withResolvers<void>();
    arriving.set(id, arrival);
    const handler = handlerOf(command);
    const refusal = refusalOf(command, handler);
    const atMs = Math.trunc(needs.trustedWallMs() ?? 0);
    const isRepeatable = handler?.isRepeatable;
    const facts = { id, service, kind, expiresMs, atMs, isRepeatable };
    const isCancel = kind === CANCEL && refusal === 'no-such-kind';
    const target = isCancel ? parseCancel(body) : undefined;
    if (target !== undefined && target !== id) {
      dispatch({ on: 'cancel', facts, target, nowMs: clock.nowMs() });
    } else {
      bodies.set(id, body);
      const why = isCancel ? 'bad-body' : refusal;
      dispatch({ on: 'arrived', facts, refusal: why, wallMs: needs.trustedWallMs() });
    }
    return arrival.promise;
  };
  /** The final result again, for a sender that has not heard it. */
  const repeat = async (id: string): Promise<void> => {
    const found = read(id);
    if (found?.state !== 'ended') return log.error(`command ${id}: its record is gone`);
    await records.change({ messages: [result(found, found.final)] });
  };

  dispatch(load(needs, handlerOf));
  dispatch({ on: 'tick', ...now() });
  return {
    remote: {
      filters: [commandFilter(thing)],
      owns: (topic) => topic.startsWith(`clock/v1/${thing}/command/`),
      receive: async (message) => {
        const received = queue.then(async () => receive(message));
        queue = received.catch(() => {});
        return received;
      },
      up: () => {},
      down: () => {},
    },
    recent: () => recentOf(state),
    close: () => {
      isClosed = true;
      clearInterval(ticker);
      for (const stopper of running.values()) stopper.abort();
    },
  };
}

const bodyOf = (found: OnCard | undefined): unknown =>
  found === undefined || found.state === 'ended' ? undefined : found.body;

function onCard(facts: Facts, as: Save['as'], body: unknown): OnCard {
  const { id, service, kind, seq, atMs, tries, expiresMs } = facts;
  const known = { v: 1, id, service, kind, seq, atMs, tries } as const;
  if (as.state !== 'received' && as.state !== 'processing') {
    return { ...known, state: 'ended', final: as };
  }
  return { ...known, state: as.state, body, ...(expiresMs !== undefined && { expiresMs }) };
}

/** What lies on the card from before. */
function load(
  { records, log, clock }: Needs,
  handlerOf: (command: Pick<Command, 'service' | 'kind'>) => CommandHandler | undefined,
): Extract<Event, { on: 'loaded' }> {
  let stored: readonly StoredRecord[] = [];
  try {
    stored = records.list(SPACE);
  } catch (error) {
    log.error(`commands: cannot be read: ${codeOf(error)}`);
  }
  const found = stored.flatMap(({ key, value }) => {
    const record = parseOnCard(value);
    if (record === undefined) log.error(`commands: ${key} is damaged`);
    return record ?? [];
  });
  const bySeq = found.toSorted((a, b) => a.seq - b.seq);
  return {
    on: 'loaded',
    nowMs: clock.nowMs(),
    unfinished: bySeq.flatMap((record) => {
      if (record.state === 'ended') return [];
      const { id, service, kind, seq, atMs, tries, expiresMs } = record;
      const isRepeatable = handlerOf(record)?.isRepeatable;
      return {
        ...{ id, service, kind, seq, atMs, tries, expiresMs, isRepeatable },
        wasBegun: record.state === 'processing',
        stopping: record.stopping === true,
      };
    }),
    finished: bySeq.flatMap((record): Finished[] => {
      if (record.state !== 'ended') return [];
      const { id, service, kind, seq, atMs, final } = record;
      return [{ id, service, kind, seq, atMs, state: final.state }];
    }),
  };
}

function recentOf({ works, finished }: Commands): RecentWork['commands'] {
  const underWay = works.map(({ id, service, kind, atMs, at }) => {
    const state = at === 'arriving' || at === 'beginning' ? 'received' : at;
    return { id, service, kind, atMs, state: state === 'ending' ? 'processing' : state } as const;
  });
  const ended = finished.map(({ id, service, kind, atMs, state }) => ({
    ...{ id, service, kind, atMs, state },
  }));
  return [...ended, ...underWay].slice(-RECENT_MAX).toReversed();
}
