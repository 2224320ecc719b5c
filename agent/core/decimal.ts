// Money and quantities as they are written, without floats: decimal texts, sums in hundredths, products rounded
// once. Pure.

/** `units` / 10^`scale`. */
interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

/** More than any receipt; all of it stays exact in a number of hundredths (below 2^53). */
const WHOLE_DIGITS_MAX = 9;
const FRACTION_DIGITS_MAX = 6;
const DECIMAL = new RegExp(
  `^(-?)(\\d{1,${WHOLE_DIGITS_MAX}})(?:\\.(\\d{1,${FRACTION_DIGITS_MAX}}))?$`,
);

function decimalOf(text: string): Decimal | undefined {
  const found = DECIMAL.exec(text);
  if (found === null) return undefined;
  const [, sign, whole, fraction = ''] = found;
  const units = BigInt(`${whole}${fraction}`);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

/** Half away from zero, as tills do. */
function rounded({ units, scale }: Decimal, toScale: number): bigint {
  if (scale <= toScale) return units * 10n ** BigInt(toScale - scale);
  const divisor = 10n ** BigInt(scale - toScale);
  const size = units < 0n ? -units : units;
  const whole = (size * 2n + divisor) / (divisor * 2n);
  return units < 0n ? -whole : whole;
}

/** The text times 10^`scale`, exactly; undefined: not a decimal, or it has more digits than that. */
export function scaled(text: string, scale: number): number | undefined {
  const decimal = decimalOf(text);
  if (decimal === undefined) return undefined;
  const units = rounded(decimal, scale);
  const isExact =
    units * 10n ** BigInt(FRACTION_DIGITS_MAX) === rounded(decimal, scale + FRACTION_DIGITS_MAX);
  return isExact ? Number(units) : undefined;
}

/** "12.5" -> 1250; undefined: not money with at most two decimals. */
export const centsOf = (text: string): number | undefined => scaled(text, 2);

/** 1250 -> "12.50". */
export const moneyOf = (cents: number): string => fixed(cents, 2);

/** 1500, 3 -> "1.500". */
export function fixed(units: number, scale: number): string {
  const digits = String(Math.abs(units)).padStart(scale + 1, '0');
  return `${units < 0 ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Price times quantity in hundredths, rounded once; undefined: one of them is not a decimal. */
export function productCents(price: string, quantity: string): number | undefined {
  const [a, b] = [decimalOf(price), decimalOf(quantity)];
  if (a === undefined || b === undefined) return undefined;
  const cents = rounded({ units: a.units * b.units, scale: a.scale + b.scale }, 2);
  const size = cents < 0n ? -cents : cents;
  return size > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(cents);
}
