// Notices that the machine's addresses changed: a cable plugged in, a lease. What the checks found before
// says little then, and a person may be looking at it.
import { ADDRESS_LOOK_MS } from '../core/limits.ts';
import type { Network } from './ports.ts';

/** Starts a run after each change, or when the one under way has ended. What it returns ends that. */
export function watchAddresses(needs: {
  readonly network: Pick<Network, 'interfaces'>;
  readonly isRunning: () => boolean;
  readonly start: () => void;
}): () => void {
  const seen = (): string =>
    needs.network
      .interfaces()
      .map(({ name, address }) => `${name} ${address}`)
      .toSorted()
      .join('\n');
  let known = seen();
  let isDue = false;
  const timer = setInterval(() => {
    const now = seen();
    if (now !== known) isDue = true;
    known = now;
    if (!isDue || needs.isRunning()) return;
    isDue = false;
    needs.start();
  }, ADDRESS_LOOK_MS);
  return () => clearInterval(timer);
}
