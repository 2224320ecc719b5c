// Whose unit it is, as the page, the report and the status show it: the accounts it works for, or the
// code by which one takes it. Pure.
import type { CloudView, PairingView, PmsView } from '../core/cloud.ts';
import { ago, fill, texts } from './language.ts';
import type { Language } from './texts/shape.ts';

/** For the page's section: accounts as names and values, the code to be read out, what else is to say. */
export interface AccountText {
  readonly rows: readonly (readonly [string, string])[];
  readonly code: { readonly text: string; readonly hint: string } | undefined;
  readonly said: string | undefined;
  /** The button that shows a code can be pressed. */
  readonly canAsk: boolean;
}

const KINDS_MAX = 2;

/** undefined where no agent runs that could know. */
export function accountText(
  connection: CloudView | undefined,
  language: Language,
): AccountText | undefined {
  if (connection === undefined) return undefined;
  const { pairing, link } = connection;
  const { words, pairing: t } = texts[language];
  const isUp = link.at === 'up' && link.route !== 'https-8443';
  const isFree = pairing.accounts.length === 0;
  const said = pairing.isPaused ? t.paused : isFree && !isUp ? t.later : undefined;
  return {
    rows: accountRows(connection, language),
    code: pairing.code === undefined ? undefined : codeText(pairing.code, language),
    said: said ?? (isFree && pairing.code === undefined ? words.noAccount : undefined),
    canAsk:
      isUp &&
      !pairing.isPaused &&
      pairing.code === undefined &&
      pairing.accounts.length < KINDS_MAX,
  };
}

function codeText(
  { text, expiresInMs }: NonNullable<PairingView['code']>,
  language: Language,
): { text: string; hint: string } {
  const t = texts[language];
  const minutes = Math.max(1, Math.round(expiresInMs / 60_000));
  return { text, hint: fill(t.pairing.hint, { minutes }, t) };
}

/** Names and values; nothing of the accounts' keys is in the view. */
export function accountRows(
  { pairing, pms }: Pick<CloudView, 'pairing' | 'pms'>,
  language: Language,
): (readonly [string, string])[] {
  const t = texts[language];
  const { accounts, recordProblem } = pairing;
  const rows = accounts.flatMap(({ kind, accountId, host, by, sinceMsAgo }) => {
    const since = ago(sinceMsAgo, language);
    const own = [
      `Clock ${kind.toUpperCase()}`,
      `${accountId}, ${host} (${t.pairing[by]}, ${since})`,
    ] as const;
    const reached = pms.accounts.find((one) => one.kind === kind)?.reached;
    if (reached === undefined) return [own];
    const { hotel, businessDate, timeZone, msAgo } = reached;
    const seen = `${hotel}, ${businessDate}, ${timeZone} (${ago(msAgo, language)})`;
    return [own, [t.words.hotel, seen] as const];
  });
  if (recordProblem === undefined) return rows;
  return [...rows, [t.words.lastProblem, recordProblem] as const];
}

/** `pms` of the status: whether each account's API is reached, and the hotel's date there. */
export function pmsStatus({ accounts, bannedMs }: PmsView): unknown {
  const seconds = (ms: number): number => Math.round(ms / 1_000);
  return {
    accounts: accounts.map(({ kind, accountId, reached, problem }) => ({
      ...{ kind, accountId },
      reached:
        reached === undefined
          ? null
          : {
              hotel: reached.hotel,
              timeZone: reached.timeZone,
              businessDate: reached.businessDate,
              secondsAgo: seconds(reached.msAgo),
            },
      problem:
        problem === undefined
          ? null
          : { why: problem.why, text: problem.text, secondsAgo: seconds(problem.msAgo) },
    })),
    bannedSeconds: seconds(bannedMs),
  };
}

/** `pairing` of the status; ages in seconds. The code is on the page only: a status goes into reports. */
export function pairingStatus({ accounts, code, isPaused, recordProblem }: PairingView): unknown {
  return {
    accounts: accounts.map(({ sinceMsAgo, ...account }) => ({
      ...account,
      sinceSecondsAgo: Math.round(sinceMsAgo / 1_000),
    })),
    codeExpiresInSeconds: code === undefined ? null : Math.round(code.expiresInMs / 1_000),
    paused: isPaused,
    problem: recordProblem ?? null,
  };
}
