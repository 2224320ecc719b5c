// What is delivered, dropped or dead, but not yet off the card: losing that only sends it once more. So it
// is deleted now and then, many at once: that changes hardly more pages than one.
import { DELETIONS_MAX } from './limits.ts';
import type { Change } from './ports.ts';

export class Gone {
  readonly #settled = new Set<string>();
  readonly #buried = new Map<string, string>();
  /** The next commit deletes. */
  isDue = false;

  settle(id: string): void {
    this.#settled.add(id);
  }

  /** Rare, and a person may look at it: with the next commit. */
  bury(id: string, why: string): void {
    this.isDue = true;
    this.#buried.set(id, why);
  }

  get settled(): number {
    return this.#settled.size;
  }

  get isEmpty(): boolean {
    return this.#settled.size + this.#buried.size === 0;
  }

  get ids(): readonly string[] {
    return [...this.#settled, ...this.#buried.keys()];
  }

  has(id: string): boolean {
    return this.#settled.has(id) || this.#buried.has(id);
  }

  /** For the next commit: nothing, as long as it is not due; some, if there are too many for one. */
  take(): Pick<Change, 'remove' | 'bury'> {
    if (!this.isDue) return { remove: [], bury: [] };
    const bury = [...this.#buried].slice(0, DELETIONS_MAX).map(([id, why]) => ({ id, why }));
    const remove = [...this.#settled].slice(0, DELETIONS_MAX - bury.length);
    this.isDue = remove.length + bury.length < this.#settled.size + this.#buried.size;
    return { remove, bury };
  }

  deleted({ remove, bury }: Pick<Change, 'remove' | 'bury'>): void {
    for (const id of remove) this.#settled.delete(id);
    for (const { id } of bury) this.#buried.delete(id);
  }
}
