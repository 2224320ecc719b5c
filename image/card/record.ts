// What one unit's card holds of it: files of its record, and how much room a release's template keeps
// for them. Pure.
import type { Flash } from '../ledger/ports.ts';
import { KEY_BYTES } from '../unit/template.ts';

/** A fleet's files: the same on all its cards. */
export type FleetFiles = Readonly<
  Partial<Record<'claim.crt' | 'claim.key' | 'endpoints.json', string>>
>;

const HEX_LINE = 2 * KEY_BYTES + 1;
const SERIAL_LINE = 33;
/** Accounts with their API keys and ten services take some 3 KB; what is longer makes a template of its own. */
const UNIT_BYTES = 16 * 1024;

/** By name, the sizes of the files of each card of this fleet. */
export function recordSizes(fleet: FleetFiles): Readonly<Record<string, number>> {
  const shared = Object.entries(fleet).map(([name, text]) => [name, Buffer.byteLength(text)]);
  return {
    ...(Object.fromEntries(shared) as Record<string, number>),
    serial: SERIAL_LINE,
    'unit.json': UNIT_BYTES,
    'recovery.key': HEX_LINE,
    'registration.token': HEX_LINE,
  };
}

/** One unit's files. White space behind their content means nothing (image/README.md). */
export function recordOf(
  flash: Flash,
  fleet: FleetFiles,
  secret: { readonly recoveryKey: string; readonly token: string },
): Readonly<Record<string, Uint8Array>> {
  const texts: Readonly<Record<string, string>> = {
    ...fleet,
    serial: `${flash.unit.serial}\n`,
    'unit.json': `${JSON.stringify(flash.record)}\n`,
    'recovery.key': secret.recoveryKey,
    'registration.token': secret.token,
  };
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]));
}
