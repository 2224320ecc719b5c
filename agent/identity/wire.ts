// The unit's serial and its endpoints: texts and JSON to typed values. Pure.
import * as v from 'valibot';

/** 32 hex digits; the host name is `clockrpi-` and the serial (41 characters). */
const Serial = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'a serial has 32 hex digits'));

const Host = v.pipe(v.string(), v.regex(/^[a-z0-9.-]{3,253}$/, 'not a host name'));

/** `/usr/share/clock/endpoints.json`: the one place where host names stand. */
export const Endpoints = v.strictObject({
  region: v.pipe(v.string(), v.maxLength(32)),
  clock: v.strictObject({ host: Host }),
  aws: v.strictObject({ host: Host }),
  gems: v.strictObject({ host: Host }),
  ntp: v.pipe(v.array(Host), v.minLength(1), v.maxLength(8)),
});
export type Endpoints = v.InferOutput<typeof Endpoints>;

/** `/usr/share/clock/release.json`. */
export const Release = v.object({ version: v.string(), builtAt: v.string() });
export type Release = v.InferOutput<typeof Release>;

/** What the boot script says in `/run/clock/boot.env`: KEY=value lines. */
export function parseBootReport(text: string): Readonly<Record<string, string>> {
  const report: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) report[line.slice(0, at)] = line.slice(at + 1);
  }
  return report;
}

export function parseSerial(text: string): string {
  return v.parse(Serial, text.trim());
}

export function parseEndpoints(text: string): Endpoints {
  return v.parse(Endpoints, JSON.parse(text));
}

export function parseRelease(text: string): Release {
  return v.parse(Release, JSON.parse(text));
}
