// What becomes of a download of the agent or of a package between its tries: asked anew for a link that has expired, tried
// again later, given up. Pure; what is fetched, and what follows, the state machines know that have one.
import { nextDelayMs } from './retry.ts';

export interface Download<Saved, Order> {
  readonly saved: Saved;
  readonly order: Order;
  readonly url: string | undefined;
  /** A bound on all of it, whatever came in between. */
  readonly tries: number;
}
/** The link's back-off; a download is in no hurry. */
const BACK_OFF_MS_MAX = 120_000;

export type DownloadEffect<Order> =
  | { readonly do: 'fetch'; readonly url: string; readonly order: Order }
  | { readonly do: 'ask-link' }
  | { readonly do: 'wait'; readonly delayMs: number };

export interface DownloadStep<Saved, Order> {
  readonly state: Download<Saved, Order> & { readonly at: 'fetching' | 'asking' | 'waiting' };
  readonly effects: readonly DownloadEffect<Order>[];
}

export interface NotFetched {
  /** A link that has expired, a way there that fails, or what no further try mends. */
  readonly kind: 'expired' | 'other' | 'way';
  readonly why: string;
  /** From [0, 1). */
  readonly random: number;
}

export function again<S, O>({ saved, order, url, tries }: Download<S, O>): DownloadStep<S, O> {
  const known = { saved, order, url, tries };
  return url === undefined
    ? { state: { ...known, at: 'asking' }, effects: [{ do: 'ask-link' }] }
    : { state: { ...known, at: 'fetching' }, effects: [{ do: 'fetch', url, order }] };
}

export const linkCame = <S, O>(
  download: Download<S, O>,
  { url, random }: { readonly url: string | undefined; readonly random: number },
): DownloadStep<S, O> =>
  url === undefined ? later(download, { random }) : again({ ...download, url });

export function later<S, O>(
  { saved, order, url, ...before }: Download<S, O>,
  { random }: { readonly random: number },
): DownloadStep<S, O> {
  const tries = before.tries + 1;
  const delayMs = nextDelayMs({ failures: tries, random, capMs: BACK_OFF_MS_MAX });
  return {
    state: { saved, order, url, tries, at: 'waiting' },
    effects: [{ do: 'wait', delayMs }],
  };
}

/** Undefined: it is given up. */
export function afterFailure<S, O>(
  download: Download<S, O>,
  { kind, random }: NotFetched,
  { triesMax }: { readonly triesMax: number },
): DownloadStep<S, O> | undefined {
  if (kind === 'other' || download.tries + 1 >= triesMax) return undefined;
  // A link that has expired does not get better; a new one may be had at once, but not in a circle.
  const without = { ...download, url: undefined };
  if (kind === 'expired' && download.tries === 0) return again({ ...without, tries: 1 });
  return later(kind === 'expired' ? without : download, { random });
}
