// A client of Clock's API beside the double, for tests: a clock that can be put forward, records that stay.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../agent/core/clock.ts';
import type { Log } from '../../../agent/core/log.ts';
import type { RecordChange, Records, StoredRecord } from '../../../agent/core/records.ts';
import { systemClock } from '../../../agent/io/clock.ts';
import { createHttps } from '../../../agent/io/https.ts';
import { createBan } from '../../../agent/pms/ban.ts';
import { createCalls } from '../../../agent/pms/calls.ts';
import type { Account } from '../../../agent/pms/ports.ts';
import { createUser } from '../../../agent/pms/user.ts';
import { openPms } from '../../bench/pms/pms.ts';
import type { AccountRecord, Pms, PmsOptions } from '../../bench/pms/api.ts';

export class MemoryRecords implements Records {
  readonly kept = new Map<string, string>();
  changes = 0;
  get(key: string): string | undefined {
    return this.kept.get(key);
  }
  list(prefix: string): readonly StoredRecord[] {
    const all = [...this.kept].map(([key, value]) => ({ key, value }));
    return all
      .filter(({ key }) => key.startsWith(prefix))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }
  async change({ put = [], remove = [] }: RecordChange): Promise<void> {
    this.changes += 1;
    for (const { key, value } of put) this.kept.set(key, value);
    for (const key of remove) this.kept.delete(key);
  }
}

/** The system's, put forward. */
export class MovedClock implements Clock {
  aheadMs = 0;
  nowMs(): number {
    return systemClock.nowMs() + this.aheadMs;
  }
  wallMs(): number {
    return systemClock.wallMs() + this.aheadMs;
  }
}

/** Keeps what it is told. */
export class HeardLog implements Log {
  readonly lines: string[] = [];
  error(line: string): void {
    this.lines.push(line);
  }
  warning(line: string): void {
    this.lines.push(line);
  }
  info(line: string): void {
    this.lines.push(line);
  }
}

/** Without its port, which is the bench's. */
export function accountOf(record: AccountRecord): Account {
  const { kind, host, subscriptionId, accountId, apiUser, apiKey } = record;
  return { kind, host, subscriptionId, accountId, apiUser, apiKey };
}

export interface Beside extends AsyncDisposable {
  readonly pms: Pms;
  readonly account: AccountRecord;
  readonly records: MemoryRecords;
  readonly clock: MovedClock;
  readonly log: HeardLog;
  readonly needs: ReturnType<typeof needsOf>;
}

function needsOf(pms: Pms, records: MemoryRecords, clock: MovedClock, log: HeardLog) {
  const https = createHttps([pms.rootsPem]);
  return {
    ...{ http: https.http, port: pms.port, clock, log, records, random: () => 0.5 },
    close: () => https.close(),
    randomBytes: (count: number) => randomBytes(count),
    onChange: () => {},
  };
}

export async function besideClock(options: PmsOptions = {}): Promise<Beside> {
  const pms = await openPms(options);
  const [records, clock, log] = [new MemoryRecords(), new MovedClock(), new HeardLog()];
  const needs = needsOf(pms, records, clock, log);
  return {
    ...{ pms, account: pms.account(), records, clock, log, needs },
    [Symbol.asyncDispose]: async () => {
      needs.close();
      await pms.close();
    },
  };
}

/** One API user; looks for a lost answer at once. */
export function openUser({ needs, account }: Pick<Beside, 'needs' | 'account'>) {
  const ban = createBan(needs);
  const user = createUser(accountOf(account), { ...needs, ban });
  const calls = createCalls(user, new AbortController().signal, async () => true);
  return { user, calls, ban };
}
