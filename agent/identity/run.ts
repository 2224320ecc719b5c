// Who this unit is: reads what the boot script and the builder left. Makes nothing up: without a
// serial there is no unit.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { parseBootReport, parseEndpoints, parseRelease, parseSerial } from './wire.ts';
import type { Endpoints, Release } from './wire.ts';

export interface Identity {
  readonly serial: string;
  readonly hostName: string;
  readonly release: Release;
  readonly endpoints: Endpoints;
  /** Empty on a workstation. */
  readonly boot: Readonly<Record<string, string>>;
}

/** Reads the identity below `root` ("/" on the unit). Throws OperatorError `identity-unreadable`. */
export async function readIdentity(root: string): Promise<Identity> {
  const read = async <T>(path: string, parse: (text: string) => T): Promise<T> => {
    const file = join(root, path);
    try {
      return parse(await readFile(file, 'utf8'));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new OperatorError('identity-unreadable', `Cannot use ${file}: ${why}`, {
        hint: 'Write the card again; on a workstation give a prepared folder with --root',
        cause,
      });
    }
  };
  const serial = await read('var/lib/clock/serial', parseSerial);
  return {
    serial,
    hostName: `clockrpi-${serial}`,
    release: await read('usr/share/clock/release.json', parseRelease),
    endpoints: await read('usr/share/clock/endpoints.json', parseEndpoints),
    boot: parseBootReport(await readFile(join(root, 'run/clock/boot.env'), 'utf8').catch(() => '')),
  };
}
