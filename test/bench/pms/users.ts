// The API users of both accounts: keys, rights, how often each may call, and whom the firewall shut out.
// Knows no HTTP.
import { randomBytes } from 'node:crypto';
import type { AccountKind, AccountRecord } from './api.ts';
import type { Limits } from './limits.ts';

interface User extends AccountRecord {
  readonly lacks: Set<string>;
  /** Addresses it was seen from: who calls unsigned from there counts as this user too. */
  readonly addresses: Set<string>;
  calls: number[];
}

const SECOND_MS = 1_000;

const recordOf = (user: User): AccountRecord => {
  const { kind, host, port, subscriptionId, accountId, apiUser, apiKey } = user;
  return { kind, host, port, subscriptionId, accountId, apiUser, apiKey };
};

export class Users {
  readonly #users: User[] = [];
  readonly #bans = new Map<string, number>();
  readonly #refused = new Map<string, number[]>();
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  add(account: Omit<AccountRecord, 'apiUser' | 'apiKey'>): AccountRecord {
    const apiUser = `unit-${account.kind}-${this.#users.length + 1}`;
    const apiKey = randomBytes(18).toString('base64url');
    const user = { ...account, apiUser, apiKey, lacks: new Set<string>() };
    this.#users.push({ ...user, addresses: new Set(), calls: [] });
    return recordOf(this.#users.at(-1)!);
  }

  first(kind: AccountKind): AccountRecord {
    return recordOf(this.#users.find((user) => user.kind === kind)!);
  }

  changeKey(apiUser: string): AccountRecord {
    const user = this.#named(apiUser);
    Object.assign(user, { apiKey: randomBytes(18).toString('base64url') });
    return recordOf(user);
  }

  keyOf(apiUser: string, accountId: number): string | undefined {
    return this.#find(apiUser, accountId)?.apiKey;
  }

  rights(apiUser: string): Set<string> {
    return this.#named(apiUser).lacks;
  }

  /** True: one call too many. Refused calls count as well. */
  isTooMany(
    call: { apiUser: string | undefined; accountId: number; address: string },
    nowMs: number,
  ) {
    const { apiUser, accountId, address } = call;
    const users =
      apiUser === undefined
        ? this.#users.filter((one) => one.accountId === accountId && one.addresses.has(address))
        : [this.#find(apiUser, accountId)].filter((one) => one !== undefined);
    let isTooMany = false;
    for (const user of users) {
      if (apiUser !== undefined) user.addresses.add(address);
      user.calls = [...user.calls.filter((atMs) => atMs > nowMs - SECOND_MS), nowMs];
      isTooMany ||= user.calls.length > this.#limits.callsPerSecondMax;
    }
    if (isTooMany) this.#refuse(address, nowMs);
    return isTooMany;
  }

  ban(address: string, nowMs: number): void {
    this.#bans.set(address, nowMs + this.#limits.banMs);
  }

  unban(): void {
    this.#bans.clear();
  }

  isBanned(address: string, nowMs: number): boolean {
    return (this.#bans.get(address) ?? 0) > nowMs;
  }

  #refuse(address: string, nowMs: number): void {
    const recent = (this.#refused.get(address) ?? []).filter((atMs) => atMs > nowMs - 60_000);
    this.#refused.set(address, [...recent, nowMs]);
    if (recent.length >= this.#limits.refusedPerMinuteMax) this.ban(address, nowMs);
  }

  #find(apiUser: string, accountId: number): User | undefined {
    return this.#users.find((one) => one.apiUser === apiUser && one.accountId === accountId);
  }

  #named(apiUser: string): User {
    const user = this.#users.find((one) => one.apiUser === apiUser);
    if (user === undefined) throw new Error(`There is no API user ${apiUser}`);
    return user;
  }
}
