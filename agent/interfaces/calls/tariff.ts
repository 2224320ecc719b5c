// What a call costs where the PBX does not say: zones by the number dialled, price by the begun unit. Money is
// counted in ten-thousandths as whole numbers, never as fractions of two. Pure.
import type { Money } from '../../core/vocabulary.ts';

export interface Zone {
  readonly name: string;
  /** Of the number as dialled, without the access code; the longest one that fits wins. "": any number. */
  readonly prefixes: readonly string[];
  readonly connection: Money;
  readonly unitSeconds: number;
  readonly unitPrice: Money;
  /** A call that ends within them costs nothing; after them the first unit begins. */
  readonly freeSeconds: number;
}

export interface Tariff {
  readonly zones: readonly Zone[];
  /** Of the currency; the price is rounded to them, half a unit up. */
  readonly decimals: number;
}

const PLACES = 4;
const SCALE = 10n ** BigInt(PLACES);

/** "12.5" -> 125000n. */
export function fromMoney(money: Money): bigint {
  const [, sign = '', whole = '0', part = ''] = /^(-?)(\d+)(?:\.(\d{1,4}))?$/.exec(money) ?? [];
  const amount = BigInt(whole) * SCALE + BigInt(part.padEnd(PLACES, '0'));
  return sign === '-' ? -amount : amount;
}

/** 125000n, 2 -> "12.50". For amounts of 0 and more. */
export function toMoney(amount: bigint, decimals: number): Money {
  const step = 10n ** BigInt(PLACES - decimals);
  const steps = (amount + step / 2n) / step;
  const digits = steps.toString().padStart(decimals + 1, '0');
  const at = digits.length - decimals;
  return decimals === 0 ? digits : `${digits.slice(0, at)}.${digits.slice(at)}`;
}

/** Undefined: no zone has a prefix of the number. */
export function zoneOf({ zones }: Tariff, dialled: string): Zone | undefined {
  let best: { readonly zone: Zone; readonly length: number } | undefined;
  for (const zone of zones) {
    for (const prefix of zone.prefixes) {
      const isLonger = best === undefined || prefix.length > best.length;
      if (isLonger && dialled.startsWith(prefix)) best = { zone, length: prefix.length };
    }
  }
  return best?.zone;
}

export function priceOf(zone: Zone, seconds: number, decimals: number): Money {
  const paid = seconds - zone.freeSeconds;
  if (paid <= 0) return toMoney(0n, decimals);
  const units = BigInt(Math.ceil(paid / zone.unitSeconds));
  return toMoney(fromMoney(zone.connection) + units * fromMoney(zone.unitPrice), decimals);
}
