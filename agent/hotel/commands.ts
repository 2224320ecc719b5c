// Commands of the cloud: to the hotel's side itself (a person resolves what the unit cannot know), and those that are
// passed through to a service as orders.
import type { Command, CommandHandler, Outcome } from '../core/commands.ts';
import { codeOf } from '../core/errors.ts';
import { ORDER_KINDS, orderOf } from '../core/orders/wire.ts';
import type { Services } from '../core/services.ts';
import type { Ledger } from './ledger.ts';
import type { Needs } from './ports.ts';
import { ordered } from './queues.ts';
import { keys, parseResolve, parseSetArticles, render } from './wire.ts';
import type { Row } from './wire.ts';

export interface Session {
  readonly ledger: Ledger;
  readonly kick: () => void;
  readonly resolveFiscal: (folio: number, as: 'posted' | 'retry' | 'abandon') => Promise<boolean>;
  readonly lookAgain: () => void;
}

const done: Outcome = { state: 'processed' };
const wrong = (why: string, text: string): Outcome => ({ state: 'error', why, text });

/** `session` is there while the unit is paired with a PMS account. */
export function hotelHandler(
  session: () => Session | undefined,
  needs: Pick<Needs, 'records'>,
): CommandHandler {
  return {
    service: 'hotel',
    kinds: ['ledger.resolve', 'minibar.articles', 'house.refresh'],
    isRepeatable: true,
    run: async ({ kind, body }) => {
      const now = session();
      if (now === undefined) return wrong('not-paired', 'The unit works for no PMS account.');
      try {
        if (kind === 'ledger.resolve') return await resolve(body, now);
        if (kind === 'minibar.articles') return await setArticles(body, needs);
        now.lookAgain();
        return done;
      } catch (error) {
        return wrong('not-stored', codeOf(error));
      }
    },
  };
}

async function setArticles(body: unknown, { records }: Pick<Needs, 'records'>): Promise<Outcome> {
  const articles = parseSetArticles(body);
  if (articles === undefined) {
    return wrong('bad-body', 'articles: expected names with the ids of charge templates');
  }
  await records.change({ put: [{ key: keys.articles, value: render({ articles }) }] });
  return done;
}

async function resolve(body: unknown, session: Session): Promise<Outcome> {
  const given = parseResolve(body);
  if (given === undefined) return wrong('bad-body', 'expected { key, as: posted|retry|abandon }');
  const { key, as } = given;
  if (key.startsWith('fiscal/')) {
    const isOpen = await session.resolveFiscal(Number(key.slice('fiscal/'.length)), as);
    return isOpen ? done : notOpen;
  }
  const row = session.ledger.find(key);
  if (row === undefined || (row.state !== 'unknown' && row.state !== 'rejected')) return notOpen;
  const { seq, atMs, service, what } = row;
  const base = { v: 1, seq, atMs, service } as const;
  const next: Row =
    as === 'retry'
      ? { ...base, state: 'stored', seek: true, what }
      : { ...base, state: as === 'posted' ? 'posted' : 'abandoned' };
  if (!(await session.ledger.save([{ id: key, row: next }]))) {
    return wrong('not-stored', 'The unit stops.');
  }
  session.kick();
  return done;
}

const notOpen = wrong('not-open', 'Nothing of that key waits for a person.');

/**
 * Orders of the cloud to one service: `message.light`, `receipt.print`, `key.read`, … They are live: what the third
 * party answers is the command's result. Movements come from the house alone.
 */
export function serviceHandler(service: string, services: Services): CommandHandler {
  return {
    service,
    kinds: ORDER_KINDS.filter((kind) => !FROM_THE_HOUSE.has(kind)),
    isRepeatable: false,
    run: async ({ kind, body }: Command, signal) => {
      const order = orderOf(kind, body);
      if (!order.ok) return wrong('bad-body', order.text);
      const outcome = await ordered(services, service, {
        ...{ order: order.value, signal, msMax: COMMAND_MS_MAX },
      });
      if (!outcome.ok) {
        const { why, text } = outcome;
        return { state: 'error', why, ...(text !== undefined && { text }) };
      }
      return outcome.body === undefined ? done : { state: 'processed', body: outcome.body };
    },
  };
}

/** The cloud's commands have ten minutes (commands/limits.ts); a long receipt on a slow printer has three. */
const COMMAND_MS_MAX = 3 * 60_000;
const FROM_THE_HOUSE: ReadonlySet<string> = new Set([
  ...['room.checked-in', 'room.checked-out', 'room.moved', 'guest.changed', 'night-audit'],
]);
