// The recovery keys that the ledger keeps for support, opened with support's identity.
import { recoveryPassphrase } from '../unit/recovery-key.ts';
import { openLedger } from './ledger.ts';
import { unseal } from './seal.ts';
import { unitDetails } from './units.ts';

/**
 * The passphrases of all cards of a unit, the newest first: which of them it is, the card shows. `file` is the
 * ledger's. Throws OperatorError when none can be opened.
 */
export async function escrowedKeys(
  file: string,
  serial: string,
  identities: readonly string[],
): Promise<readonly Buffer[]> {
  const ledger = openLedger(file);
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
