// Which documents were sent to which printer: none is printed twice by itself, not even after a power cut.
import { createHash } from 'node:crypto';
import type { ServiceHost } from '../../core/interface.ts';
import { DOCUMENTS_MAX } from './limits.ts';

/** `begun`: something may be on paper. */
type Fate = 'begun' | 'printed';

export interface Ledger {
  fateOf(printer: string, document: string): Promise<Fate | undefined>;
  /** Resolves when it is on the card. */
  set(printer: string, document: string, fate: Fate): Promise<void>;
}

/** 8 characters: of 120 documents two are alike in one of a billion hotels. */
const shortOf = (printer: string, document: string): string =>
  createHash('sha256').update(`${printer}\n${document}`).digest('base64url').slice(0, 8);

/** One text, in which each document is its hash and a letter: 'b' begun, 'p' printed; the last is the newest. */
const NAME = 'documents';
const ENTRY = /[\w-]{8}[bp]/g;

export function createLedger(host: Pick<ServiceHost, 'recall' | 'remember'>): Ledger {
  let entries: Map<string, Fate> | undefined;
  const load = async (): Promise<Map<string, Fate>> => {
    if (entries !== undefined) return entries;
    const text = (await host.recall(NAME)) ?? '';
    const read = text.match(ENTRY) ?? [];
    entries = new Map(
      read.map((entry) => [entry.slice(0, 8), entry.endsWith('p') ? 'printed' : 'begun']),
    );
    return entries;
  };
  const write = async (short: string, fate: Fate): Promise<void> => {
    const next = new Map(await load());
    next.delete(short);
    next.set(short, fate);
    for (const oldest of next.keys()) {
      if (next.size <= DOCUMENTS_MAX) break;
      next.delete(oldest);
    }
    const letters = { begun: 'b', printed: 'p' } as const;
    await host.remember(NAME, Array.from(next, ([one, is]) => one + letters[is]).join(''));
    // Not before: what did not get to the card was not begun.
    entries = next;
  };
  let tail: Promise<unknown> = Promise.resolve();
  return {
    fateOf: async (printer, document) => (await load()).get(shortOf(printer, document)),
    // One after the other: two printers begin at once.
    set: async (printer, document, fate) => {
      const mine = tail.then(async () => write(shortOf(printer, document), fate));
      tail = mine.catch(() => {});
      return mine;
    },
  };
}
