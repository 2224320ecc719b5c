// `./build.sh recover` as it is called: finds the keys of a card, recovers, and says what came of it.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { OperatorError } from '../../core/errors.ts';
import type { Progress } from '../../core/progress.ts';
import { openLedger } from '../../ledger/ledger.ts';
import { readIdentities, unseal } from '../../ledger/seal.ts';
import { unitDetails } from '../../ledger/units.ts';
import { openSource } from '../read/source.ts';
import { recoveryPassphrase } from '../recovery-key.ts';
import { recover } from './recover.ts';
import type { Recovery } from './recover.ts';

export interface RecoverRequest {
  /** A card, or a file of one. */
  readonly file: string;
  /** Support's identity file; or a file with the recovery key itself. */
  readonly identity: string | undefined;
  readonly key: string | undefined;
  readonly serial: string | undefined;
  readonly out: string | undefined;
  readonly ledger: string;
  readonly nowMs: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Throws OperatorError. */
export async function recoverFile(request: RecoverRequest): Promise<Recovery> {
  const { file, serial, nowMs, progress, signal } = request;
  const card = await openSource(file);
  try {
    return await recover({
      ...{ card, serial, nowMs, progress, signal },
      keysOf: async (of) => keysOf(request, of),
      out: (of) =>
        resolve(request.out ?? join('.', `recovered-${of.slice(0, 8)}-${stamp(nowMs)}.db`)),
    });
  } finally {
    await card.close();
  }
}

/** 20260102T030405Z */
const stamp = (ms: number): string => new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '');

async function keysOf(
  { key, identity, ledger: place }: RecoverRequest,
  serial: string | undefined,
): Promise<readonly Buffer[]> {
  if (key !== undefined) {
    const passphrase = recoveryPassphrase(await readFile(key));
    if (passphrase !== undefined) return [passphrase];
    throw new OperatorError('no-key', `${key} is no recovery key`, {
      hint: 'It holds 64 hex digits, as ./build.sh unit unseals it',
    });
  }
  if (identity === undefined) {
    throw new OperatorError('no-identity', 'Nothing to open the card with', {
      hint: 'Give support’s identity file with --identity, or the recovery key with --key',
    });
  }
  if (serial === undefined) {
    throw new OperatorError('no-serial', 'The card does not say whose it is', {
      hint: 'Give the serial on the unit’s label with --serial',
    });
  }
  return escrowed(place, serial, await readIdentities(identity));
}

/** The recovery keys of all cards of a unit, the newest first: which of them it is, the card shows. */
async function escrowed(
  place: string,
  serial: string,
  identities: readonly string[],
): Promise<readonly Buffer[]> {
  const ledger = openLedger(place);
  try {
    const { flashes } = unitDetails(ledger, serial);
    const keys: Buffer[] = [];
    let refused: unknown;
    for (const { escrow } of flashes.toReversed()) {
      if (escrow === null) continue;
      const text = await unseal(escrow, identities).catch((error: unknown) => {
        refused = error;
      });
      const key = text === undefined ? undefined : recoveryPassphrase(Buffer.from(text));
      if (key !== undefined) keys.push(key);
    }
    if (keys.length === 0 && refused !== undefined) throw refused;
    return keys;
  } finally {
    ledger.close();
  }
}
