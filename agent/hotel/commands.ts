// Commands of the cloud to the hotel's side: a person resolves what the unit cannot know. Orders to a service go there
// directly (services/).
import type { CommandHandler, Outcome } from '../core/commands.ts';
import { codeOf } from '../core/errors.ts';
import type { Ledger } from './ledger.ts';
import type { Needs } from './ports.ts';
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
