// `./build.sh recover` as it is called: finds the keys of a card, recovers, and says what came of it.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { OperatorError } from '../../core/errors.ts';
import type { Progress } from '../../core/progress.ts';
import { escrowedKeys } from '../../ledger/escrow.ts';
import { readIdentities } from '../../ledger/seal.ts';
import { digitsOf } from '../../ledger/view.ts';
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
  const { file, nowMs, progress, signal } = request;
  const serial = request.serial === undefined ? undefined : digitsOf(request.serial);
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
      hint: 'It holds 64 hex digits; --identity FILE takes it from the ledger instead',
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
  return escrowedKeys(place, serial, await readIdentities(identity));
}
