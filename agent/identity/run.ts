// Who this unit is: reads what the boot script, the builder and the factory left. Makes nothing up
// and never fails: what cannot be read is a problem that the page shows.
import { codeOf } from '../core/errors.ts';
import type { Files } from './ports.ts';
import { parseBootReport, parseEndpoints, parseRelease, parseSerial } from './wire.ts';
import type { Endpoints, Release } from './wire.ts';

export interface Identity {
  readonly serial: string | undefined;
  readonly serialProblem: string | undefined;
  readonly release: Release | undefined;
  readonly releaseProblem: string | undefined;
  readonly endpoints: Endpoints | undefined;
  readonly endpointsFrom: 'built-in' | 'override';
  readonly endpointsProblem: string | undefined;
  /** Empty on a workstation. */
  readonly boot: Readonly<Record<string, string>>;
}

const SERIAL = 'var/lib/clock/serial';
const RELEASE = 'usr/share/clock/release.json';
const BUILT_IN = 'usr/share/clock/endpoints.json';
/** Only the factory's unit record puts it there, on cards that our flasher wrote. */
const OVERRIDE = 'var/lib/clock/endpoints.json';
const BOOT = 'run/clock/boot.env';

export async function readIdentity(files: Files): Promise<Identity> {
  const serial = await load(files, SERIAL, parseSerial);
  const release = await load(files, RELEASE, parseRelease);
  const builtIn = await load(files, BUILT_IN, parseEndpoints);
  const override = await load(files, OVERRIDE, parseEndpoints);
  const boot = await load(files, BOOT, parseBootReport);
  const isOverride = override.value !== undefined;
  const overrideProblem = override.isMissing ? undefined : override.problem;
  return {
    serial: serial.value,
    serialProblem: serial.problem,
    release: release.value,
    releaseProblem: release.problem,
    endpoints: override.value ?? builtIn.value,
    endpointsFrom: isOverride ? 'override' : 'built-in',
    endpointsProblem: overrideProblem ?? (isOverride ? undefined : builtIn.problem),
    boot: boot.value ?? {},
  };
}

type Loaded<T> =
  | { readonly value: T; readonly problem: undefined; readonly isMissing: false }
  | { readonly value: undefined; readonly problem: string; readonly isMissing: boolean };

async function load<T>(files: Files, path: string, parse: (text: string) => T): Promise<Loaded<T>> {
  try {
    return { value: parse(await files.read(path)), problem: undefined, isMissing: false };
  } catch (error) {
    const why = codeOf(error);
    return { value: undefined, problem: `/${path}: ${why}`, isMissing: why === 'ENOENT' };
  }
}
