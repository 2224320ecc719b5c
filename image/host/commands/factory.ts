// What the factory's commands share: where the ledger is, and who is at work.
import { statSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { ledgerPlace } from '../../ledger/place.ts';
import type { Actor } from '../../ledger/ports.ts';
import { usageError } from '../command.ts';
import type { Option } from '../command.ts';

/** Options of every command that uses the ledger. */
export const LEDGER_OPTIONS = {
  ledger: {
    value: 'FILE',
    help: 'the ledger (or CLOCK_LEDGER) [~/.local/share/clock-iot/ledger.db]',
  },
  operator: { value: 'NAME', help: 'who does it (or CLOCK_OPERATOR) [your user name]' },
  station: { value: 'NAME', help: "where (or CLOCK_STATION) [this machine's name]" },
} as const satisfies Readonly<Record<string, Option>>;

interface Given {
  readonly ledger?: string | undefined;
  readonly operator?: string | undefined;
  readonly station?: string | undefined;
}

/** The ledger's file, and who does what is done, from options and environment. */
export function ledgerOptions(given: Given): { file: string; by: Actor } {
  const { env } = process;
  const first = (...names: readonly (string | undefined)[]): string | undefined =>
    names.find((name) => name !== undefined && name !== '');
  return {
    file: ledgerPlace(given.ledger, env),
    by: {
      // Under sudo: who called it.
      operator: first(given.operator, env['CLOCK_OPERATOR'], env['SUDO_USER']) ?? user(),
      station: first(given.station, env['CLOCK_STATION']) ?? hostname(),
    },
  };
}

/** What is written goes over no part of the ledger, by whatever name. Throws a usage error. */
export function notTheLedger(out: string, file: string): void {
  const found = statSync(out, { throwIfNoEntry: false });
  if (found === undefined) return;
  for (const part of ['', '-wal', '-shm', '.key']) {
    const kept = statSync(file + part, { throwIfNoEntry: false });
    if (kept?.ino !== found.ino || kept.dev !== found.dev) continue;
    throw usageError(`${out} belongs to the ledger`, 'Name another file');
  }
}

function user(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`; // A container's user without a name.
  }
}
