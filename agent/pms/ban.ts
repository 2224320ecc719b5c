// Clock's firewall shuts an address out for two hours; who knocks on is shut out again. Kept on the card: a
// restart does not knock either.
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Records } from '../core/records.ts';
import { BAN_MS } from './limits.ts';
import type { Ban } from './ports.ts';
import { parseBan, renderBan } from './wire.ts';

const KEY = 'pms/ban';

interface Needs {
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Log;
}

/** One for all accounts and channels of a unit: they share its address. */
export function createBan({ records, clock, log }: Needs): Ban {
  const sinceMs = parseBan(records.get(KEY))?.sinceMs;
  // The wall clock may have jumped since: it is never longer than Clock's own, from now on.
  const left = sinceMs === undefined ? 0 : sinceMs + BAN_MS - clock.wallMs();
  let endMs = clock.nowMs() + (left > 0 ? Math.min(left, BAN_MS) : 0);
  return {
    leftMs: () => Math.max(0, endMs - clock.nowMs()),
    begin: () => {
      const isNew = endMs <= clock.nowMs();
      endMs = clock.nowMs() + BAN_MS;
      if (!isNew) return;
      log.error('pms: Clock’s firewall has shut this address out: silent for two hours');
      const value = renderBan({ sinceMs: clock.wallMs() });
      records.change({ put: [{ key: KEY, value }] }).catch(() => {
        log.warning('pms: the ban is not on the card');
      });
    },
  };
}
