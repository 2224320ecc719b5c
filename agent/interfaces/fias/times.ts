// FIAS's dates, times, lengths and amounts, and the vocabulary's. Pure.
import type { Day, LocalTime, Money } from '../../core/vocabulary.ts';
import { filled } from './wire.ts';
import type { Field, FiasRecord } from './wire.ts';

/** "2026-04-01" -> "260401". */
export const fiasDay = (day: Day): string => day.slice(2, 10).replaceAll('-', '');
/** "2026-04-01T10:15:00" -> DA and TI. */
export const stamp = (local: LocalTime): readonly [Field, Field] => [
  ['DA', fiasDay(local)],
  ['TI', local.slice(11, 19).replaceAll(':', '')],
];
/** "…T12:30:00" -> "12:30". */
export const shortTime = (local: LocalTime): string => local.slice(11, 16);
/** "…T12:30:00" -> "123000": Hotek. */
export const longTime = (local: LocalTime): string => local.slice(11, 19).replaceAll(':', '');

/**
 * DA and TI; undefined when they are not a day and a time. Two digits of the year are this century's. TI may lack
 * its seconds.
 */
export function localTimeOf(record: FiasRecord): LocalTime | undefined {
  const day = /^(\d\d)(\d\d)(\d\d)$/.exec(filled(record, 'DA') ?? '');
  const time = /^(\d\d)(\d\d)(\d\d)?$/.exec(filled(record, 'TI') ?? '');
  if (day === null || time === null) return undefined;
  const local = `20${day[1]}-${day[2]}-${day[3]}T${time[1]}:${time[2]}:${time[3] ?? '00'}`;
  const read = new Date(`${local}Z`);
  // The 31st of February is read as the 3rd of March by some, and refused by others.
  const isReal = !Number.isNaN(read.getTime()) && read.toISOString().startsWith(local);
  return isReal ? local : undefined;
}

/** HHMMSS -> seconds; calls longer than a day have hours above 24. */
export function secondsOf(text: string): number | undefined {
  const parts = /^(\d{1,4})(\d\d)(\d\d)$/.exec(text);
  if (parts === null) return undefined;
  return Number(parts[1]) * 3_600 + Number(parts[2]) * 60 + Number(parts[3]);
}

/** A whole number as vendors pad it: zeros, blanks, the sign first. */
export function wholeOf(text: string): number | undefined {
  const clean = text.trim();
  return /^-?\d{1,15}$/.test(clean) ? Number(clean) : undefined;
}

/** Digits behind the point that FIAS sends of a currency: those without any still have two. */
const placesOf = (decimals: number): number => (decimals === 3 ? 3 : 2);

/**
 * FIAS's amount in currency units: "1050" -> "10.50". A vendor that sends a point says the value itself. Of a
 * currency without decimals the two places fall away, if they are zeros; if not, undefined: rounding a charge is
 * nobody's business here.
 */
export function moneyOf(text: string, decimals: number): Money | undefined {
  const clean = text.trim();
  const pointed = /^(-?)(\d{1,11})[.,](\d{1,4})$/.exec(clean);
  if (pointed !== null) return money(pointed[1]!, `${pointed[2]}`, `${pointed[3]}`, decimals);
  const digits = /^(-?)(\d{1,14})$/.exec(clean);
  if (digits === null) return undefined;
  const places = placesOf(decimals);
  const padded = digits[2]!.padStart(places + 1, '0');
  return money(digits[1]!, padded.slice(0, -places), padded.slice(-places), decimals);
}

function money(sign: string, whole: string, rest: string, decimals: number): Money | undefined {
  const kept = rest.slice(0, decimals).padEnd(decimals, '0');
  if (/[^0]/.test(rest.slice(decimals))) return undefined;
  const units = whole.replace(/^0+(?=\d)/, '');
  if (units.length > 11) return undefined;
  const value = decimals === 0 ? units : `${units}.${kept}`;
  return sign === '-' && /[1-9]/.test(value) ? `-${value}` : value;
}
