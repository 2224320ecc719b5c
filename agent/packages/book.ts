// What is remembered of a name for people: what became of its versions and when, and what waits for a yes. Pure.
// Decides nothing: what is installed is in `Saved`, which is kept in the same commit.
import type { PackageRow, PackageStep } from '../core/packages.ts';
import { ASKED_MS_MAX, PAST_MAX } from './limits.ts';
import type { Book, PackageManifest, Work } from './wire.ts';

/** With what is done to a version now; `wallMs` is kept as long as that does not change. */
export function noted(book: Book, work: Work, wallMs: number): Book {
  if (work.at === 'none') return book;
  const { at, version, counter } = work;
  const why = 'why' in work ? work.why : undefined;
  const isIt = (one: Book['past'][number]): boolean =>
    one.version === version && one.counter === counter;
  const before = book.past.find(isIt);
  const step = { version, counter, at, why, wallMs: before?.at === at ? before.wallMs : wallMs };
  const past = [step, ...book.past.filter((one) => !isIt(one))].slice(0, PAST_MAX);
  // Who has approved this one is not asked about an older one any more.
  const isAnswered = book.asked !== undefined && book.asked.counter <= counter;
  return { past, asked: isAnswered ? undefined : book.asked };
}

/** With an offer whose permissions nobody has approved; an older one than the one that waits changes nothing. */
export function asking(book: Book, manifest: PackageManifest, wallMs: number): Book {
  const { version, counter, title, permissions } = manifest;
  if (book.asked !== undefined && book.asked.counter > counter) return book;
  return { ...book, asked: { version, counter, title, permissions, wallMs } };
}

/** For people; `work` is what the card says, whatever the book has missed. */
export function rowOf(
  name: string,
  { book, work, runs }: { readonly book: Book; readonly work: Work } & Pick<PackageRow, 'runs'>,
  wallMs: number,
): PackageRow | undefined {
  const asked =
    book.asked !== undefined && wallMs - book.asked.wallMs < ASKED_MS_MAX ? book.asked : undefined;
  if (work.at === 'none' && asked === undefined) return undefined;
  const isKnown =
    work.at === 'none' ||
    book.past.some(({ version, at }) => version === work.version && at === work.at);
  const missed: readonly PackageStep[] = isKnown
    ? []
    : [
        {
          ...{ version: work.version, at: work.at, wallMs: undefined },
          why: 'why' in work ? work.why : undefined,
        },
      ];
  const steps = book.past.map(({ version, at, why, wallMs }) => ({ version, at, why, wallMs }));
  return {
    name,
    runs: runs && { title: runs.title, version: runs.version, permissions: runs.permissions },
    past: [...missed, ...steps],
    asked,
  };
}
