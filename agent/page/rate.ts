// How often one client may ask: a bucket of requests that fills again with time. Pure but for its own
// memory, which is bounded.

/** A browser that loads the page and polls it needs five at once and one a second. */
const REQUESTS_AT_ONCE_MAX = 60;
const REQUESTS_A_SECOND_MAX = 20;
/** A flood from more addresses than this drives out the oldest; each is still bounded by itself. */
const CLIENTS_MAX = 512;

export class RequestRate {
  /** In the order of last use: the first is the oldest. */
  readonly #buckets = new Map<string, { readonly left: number; readonly atMs: number }>();

  /** Takes one request of `client` at `nowMs` (monotonic); false: too many. */
  take(client: string, nowMs: number): boolean {
    const { left, atMs } = this.#buckets.get(client) ?? { left: REQUESTS_AT_ONCE_MAX, atMs: nowMs };
    const filled = left + ((nowMs - atMs) / 1_000) * REQUESTS_A_SECOND_MAX;
    const now = Math.min(REQUESTS_AT_ONCE_MAX, filled);
    const isAllowed = now >= 1;
    this.#buckets.delete(client);
    this.#buckets.set(client, { left: isAllowed ? now - 1 : now, atMs: nowMs });
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= CLIENTS_MAX) break;
      this.#buckets.delete(oldest);
    }
    return isAllowed;
  }

  get size(): number {
    return this.#buckets.size;
  }
}
