// The client of Clock's API: one runner for each account the unit is paired with.
import type { PmsView } from '../core/cloud.ts';
import { startAccount } from './account.ts';
import type { AccountNeeds, AccountRunner } from './account.ts';
import { createBan } from './ban.ts';
import type { Account, Consumer } from './ports.ts';

export interface PmsRunner {
  /** Starts what is new, ends what is gone; the same account goes on. */
  sync(accounts: readonly Account[]): void;
  account(kind: Account['kind']): AccountRunner | undefined;
  view(): PmsView;
  close(): void;
}

type Needs = Omit<AccountNeeds, 'ban' | 'consumers'> & {
  /** Who wants to be told of events, by the account's kind. */
  readonly consumers: (
    kind: Account['kind'],
    calls: () => AccountRunner['calls'],
  ) => readonly Consumer[];
};

export function createPms(needs: Needs): PmsRunner {
  const ban = createBan(needs);
  const running = new Map<
    string,
    { readonly kind: Account['kind']; readonly runner: AccountRunner }
  >();
  const find = (kind: Account['kind']): AccountRunner | undefined =>
    [...running.values()].find((one) => one.kind === kind)?.runner;
  /** Whatever of it differs makes another account. */
  const idOf = (one: Account): string =>
    [one.kind, one.host, one.subscriptionId, one.accountId, one.apiUser, one.apiKey].join('\n');
  return {
    sync: (accounts) => {
      const wanted = new Map(accounts.map((one) => [idOf(one), one]));
      for (const [id, { runner }] of running) {
        if (wanted.has(id)) continue;
        runner.close();
        running.delete(id);
      }
      for (const [id, account] of wanted) {
        if (running.has(id)) continue;
        const { kind } = account;
        const consumers = needs.consumers(kind, () => find(kind)!.calls);
        running.set(id, { kind, runner: startAccount(account, { ...needs, ban, consumers }) });
      }
    },
    account: find,
    view: () => ({
      accounts: [...running.values()].map(({ runner }) => runner.view()),
      bannedMs: ban.leftMs(),
    }),
    close: () => {
      for (const { runner } of running.values()) runner.close();
      running.clear();
    },
  };
}
