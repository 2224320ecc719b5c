// Which account the unit works for: from the factory's record, or by a code that is shown on the page and
// that the account's owner enters in the PMS. Keys of accounts leave Records for nobody but the PMS client.
import type { PairingView } from '../core/cloud.ts';
import type { Clock } from '../core/clock.ts';
import type { CommandHandler, Outcome } from '../core/commands.ts';
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { MakeMessage, Message } from '../core/messages.ts';
import type { Records, StoredRecord } from '../core/records.ts';
import { CODE_MS_MAX } from './limits.ts';
import type { Belongings, RecordFolder } from './ports.ts';
import { aged, initial, isWanted, judge, shown } from './state.ts';
import type { Code } from './state.ts';
import {
  KINDS,
  codeBytes,
  codeFrom,
  keyOf,
  parseAssignment,
  parsePaired,
  parseRemoval,
  parseUnitRecord,
  renderPaired,
  spoken,
} from './wire.ts';
import type { Account, Kind, Paired } from './wire.ts';

interface Needs {
  readonly records: Records;
  readonly folder: RecordFolder;
  readonly belongings: Belongings;
  readonly makeMessage: MakeMessage;
  readonly isConnected: () => boolean;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  /** What the factory's record wants of them. */
  readonly services: {
    /** To be put on the card with the accounts; none where the cloud has spoken already. */
    recorded(services: Readonly<Record<string, unknown>>): readonly StoredRecord[];
    /** It is there. */
    reload(): void;
  };
  /** Accounts came or went. */
  readonly onChange: () => void;
}

export interface PairingRunner {
  /** Takes over the factory's record. Never rejects. */
  begin(): Promise<void>;
  readonly handler: CommandHandler;
  accounts(): readonly Paired[];
  /** Somebody opened the page; `isAsked`: pressed the button. A code is made if one is wanted. */
  look(how: { readonly isAsked: boolean }): void;
  view(): PairingView;
}

const UNIT_RECORD = 'unit.json';
const ASSIGN = 'pairing.assign';
const REMOVE = 'pairing.remove';

const refused = (why: string, text: string): Outcome => ({ state: 'error', why, text });

export function createPairing(needs: Needs): PairingRunner {
  const { records, clock, log, makeMessage } = needs;
  let code: Code = initial;
  let recordProblem: string | undefined;
  const paired = (kind: Kind): Paired | undefined => parsePaired(records.get(keyOf(kind)));
  const accounts = (): readonly Paired[] => KINDS.flatMap((kind) => paired(kind) ?? []);
  const pairedAs = (account: Account, by: Paired['by']): Paired => ({
    v: 1,
    ...account,
    by,
    atMs: clock.wallMs(),
  });
  const put = (one: Paired) => ({ key: keyOf(one.kind), value: renderPaired(one) });

  const assign = async (body: unknown): Promise<Outcome> => {
    const parsed = parseAssignment(body);
    if (!parsed.ok) return refused('invalid', parsed.why);
    const { account, code: typed } = parsed.value;
    const now = paired(account.kind);
    // The same again, after a power cut: its code is gone with the process. Or with another key: whose the
    // unit is stays as it was.
    if (now !== undefined && isSame(now, account)) return renew(now, account);
    if (now !== undefined) {
      return refused(
        'already-paired',
        `The unit works for ${account.kind} account ${now.accountId}.`,
      );
    }
    const judged = judge(code, typed, clock.nowMs());
    code = judged.code;
    if (judged.verdict !== 'right') {
      log.warning(`pairing: refused: ${judged.verdict}`);
      return refused(judged.verdict, 'The code is not the one on the unit’s page, or too old.');
    }
    const next = pairedAs(account, 'code');
    await records.change({ put: [put(next)], messages: [changed(makeMessage, next, 'paired')] });
    code = initial;
    log.info(`pairing: works for ${account.kind} account ${account.accountId}`);
    needs.onChange();
    return { state: 'processed' };
  };

  const renew = async (now: Paired, account: Account): Promise<Outcome> => {
    const { apiUser, apiKey } = account;
    if (now.apiUser === apiUser && now.apiKey === apiKey) return { state: 'processed' };
    await records.change({ put: [put({ ...now, apiUser, apiKey })] });
    log.info(`pairing: another key for ${now.kind} account ${now.accountId}`);
    needs.onChange();
    return { state: 'processed' };
  };

  const remove = async (body: unknown): Promise<Outcome> => {
    const parsed = parseRemoval(body);
    if (!parsed.ok) return refused('invalid', parsed.why);
    const { kind, accountId } = parsed.value;
    const now = paired(kind);
    if (now === undefined) return { state: 'processed' };
    if (now.accountId !== accountId) {
      return refused('other-account', `The unit works for ${kind} account ${now.accountId}.`);
    }
    // The last one takes along what waits: it does not say which account it is of.
    if (accounts().length === 1) needs.belongings.dropWaiting();
    await records.change({
      remove: [keyOf(kind), ...needs.belongings.keysOf(now)],
      messages: [changed(makeMessage, now, 'unpaired')],
    });
    log.info(`pairing: works for ${kind} account ${accountId} no more`);
    needs.onChange();
    return { state: 'processed' };
  };

  const adopt = async (): Promise<void> => {
    const text = await needs.folder.read(UNIT_RECORD);
    if (text === undefined) return;
    const parsed = parseUnitRecord(text);
    if (!parsed.ok) {
      recordProblem = `${UNIT_RECORD}: ${parsed.why}`;
      return log.error(`pairing: ${recordProblem}`);
    }
    const { accounts: recorded, services } = parsed.value;
    const fresh = recorded.filter(({ kind }) => paired(kind) === undefined);
    const all = fresh.map((account) => pairedAs(account, 'record'));
    const messages = all.map((one) => changed(makeMessage, one, 'paired'));
    const wanted = services === undefined ? [] : needs.services.recorded(services);
    await records.change({ put: [...all.map(put), ...wanted], messages });
    // Only now: a key lies in one place, and a power cut before it does the same again.
    await needs.folder.remove([UNIT_RECORD]);
    if (all.length > 0) needs.onChange();
    if (wanted.length > 0) needs.services.reload();
  };

  const look = ({ isAsked }: { readonly isAsked: boolean }): void => {
    const nowMs = clock.nowMs();
    const has = { accounts: accounts().length, kinds: KINDS.length };
    code = aged(code, nowMs);
    if (!isWanted(code, { ...has, nowMs, isAsked, isConnected: needs.isConnected() })) return;
    const text = codeFrom(needs.randomBytes(codeBytes));
    if (text === undefined) return;
    code = shown(text, nowMs);
    const expiresAt = new Date(clock.wallMs() + CODE_MS_MAX).toISOString();
    const event = { direction: 'event', lane: 'health', service: 'unit' } as const;
    const said = { ...event, kind: 'pairing.code', body: { code: text, expiresAt } };
    void records.change({ messages: [makeMessage(said)] }).catch((error: unknown) => {
      code = initial;
      log.warning(`pairing: no code: ${codeOf(error)}`);
    });
  };

  return {
    begin: async () => {
      try {
        await adopt();
      } catch (error) {
        recordProblem = `${UNIT_RECORD}: ${codeOf(error)}`;
        log.error(`pairing: ${recordProblem}`);
      }
    },
    handler: {
      service: 'unit',
      kinds: [ASSIGN, REMOVE],
      isRepeatable: true,
      run: async ({ kind, body }) => (kind === ASSIGN ? assign(body) : remove(body)),
    },
    accounts,
    look,
    view: () =>
      viewOf({ code: aged(code, clock.nowMs()), accounts: accounts(), recordProblem }, clock),
  };
}

const isSame = (a: Account, b: Account): boolean =>
  a.accountId === b.accountId && a.subscriptionId === b.subscriptionId && a.host === b.host;

function changed(
  makeMessage: MakeMessage,
  { kind, host, subscriptionId, accountId, by }: Paired,
  state: 'paired' | 'unpaired',
): Message {
  const body = { state, kind, host, subscriptionId, accountId, by };
  const event = { direction: 'event', lane: 'health', service: 'unit' } as const;
  return makeMessage({ ...event, kind: 'pairing.changed', body });
}

function viewOf(
  now: {
    readonly code: Code;
    readonly accounts: readonly Paired[];
    readonly recordProblem: string | undefined;
  },
  clock: Clock,
): PairingView {
  const { code, recordProblem } = now;
  return {
    accounts: now.accounts.map(({ kind, host, subscriptionId, accountId, by, atMs }) => ({
      ...{ kind, host, subscriptionId, accountId, by },
      sinceMsAgo: Math.max(0, clock.wallMs() - atMs),
    })),
    code:
      code.at === 'shown'
        ? { text: spoken(code.text), expiresInMs: code.bornMs + CODE_MS_MAX - clock.nowMs() }
        : undefined,
    isPaused: code.at === 'pause',
    recordProblem,
  };
}
