// A recovery key: what it is, how a file holds it, which bytes its key slots take. Pure.

/** 32 random bytes as lower-case hex: can be read out on the telephone, and typed. */
const DIGITS = /^[0-9a-f]{64}$/;

/** The text of a `recovery.key` for these 32 bytes. */
export function recoveryKeyText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('hex');
  if (!DIGITS.test(text)) throw new RangeError('a recovery key has 32 bytes');
  return `${text}\n`;
}

/**
 * The passphrase of the recovery slots: the 64 digits alone. A file may have any white space behind
 * them; the unit's first boot takes it away too (stage-clock/04-boot, recovery_key). Undefined when
 * that is no recovery key.
 */
export function recoveryPassphrase(content: Uint8Array): Buffer | undefined {
  const text = Buffer.from(content)
    .toString('latin1')
    .replace(/[ \r\n]+$/, '');
  return DIGITS.test(text) ? Buffer.from(text) : undefined;
}
