// The hotel's wall clock. Pure.

const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** "YYYY-MM-DDTHH:MM:SS" in the zone (IANA name); in UTC where the zone is not known here. */
export function localTime(wallMs: number, timeZone: string): string {
  return formatOf(timeZone).format(wallMs).replace(' ', 'T');
}

/** Swedish writes dates as ISO 8601 does. Making a format costs a millisecond. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = FORMATS.get(timeZone);
  if (known !== undefined) return known;
  const how = { dateStyle: 'short', timeStyle: 'medium' } as const;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('sv-SE', { ...how, timeZone });
  } catch {
    format = new Intl.DateTimeFormat('sv-SE', { ...how, timeZone: 'UTC' });
  }
  FORMATS.set(timeZone, format);
  return format;
}
