// What stands on a unit's label, in words. Pure; sheet.ts draws it, zpl.ts writes it for label printers.
import { OperatorError } from '../core/errors.ts';
import { SERIAL } from '../core/serial.ts';
import type { UnitEntry } from '../ledger/ports.ts';

export interface Label {
  readonly serial: string;
  /** As the unit announces itself by mDNS, and to the DHCP server. */
  readonly host: string;
  /** What the QR code holds, and what an installer opens. */
  readonly address: string;
  readonly name: string | undefined;
  /** What it is, and of which order. */
  readonly head: string;
  /** "PMS 4711" and where; one line each. */
  readonly accounts: readonly string[];
  readonly mac: string | undefined;
}

/** Nearly all accounts are here: what stands before it tells them apart. */
const CLOCK = /\.clock-software\.com$/;

/** Scripts that the label's font (DejaVu Sans) has; a letter of another one would be an empty box. */
const DRAWN =
  /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Georgian}\p{Script=Hebrew}\p{Script=Arabic}\p{N}\p{P}\p{M}\p{Sc}\p{Sm}\x20-\x7e]/u;

/** The name as it can be printed; `?` stands for each letter that the font does not have. */
export function printable(text: string): string {
  return Array.from(text.replaceAll(/\s+/g, ' ').trim().normalize('NFC'), (letter) =>
    DRAWN.test(letter) ? letter : '?',
  ).join('');
}

export function labelOf({ serial, name, accounts, order, mac }: UnitEntry): Label {
  // It goes to the printer as it is, in an address and in commands: from a ledger that was changed it could be any.
  if (!SERIAL.test(serial)) {
    throw new OperatorError('ledger-changed', 'The ledger names a unit by what is no serial', {
      hint: 'Somebody has changed it: "./build.sh unit verify" says what. Bring the last good backup back',
    });
  }
  const host = `clockrpi-${serial}`;
  return {
    ...{ serial, host, address: `http://${host}.local/`, mac },
    head: `CLOCK IoT UNIT${order === undefined ? '' : ` · ${printable(order)}`}`,
    name: name === undefined ? undefined : printable(name),
    accounts: accounts.map(
      ({ kind, host, accountId }) =>
        `${kind.toUpperCase()} ${accountId} · ${host.replace(CLOCK, '')}`,
    ),
  };
}

/** A serial as people compare it: groups of eight, two lines. */
export function serialLines(serial: string): readonly [string, string] {
  const groups = serial.match(/.{8}/g) ?? [serial];
  return [groups.slice(0, 2).join(' '), groups.slice(2).join(' ')];
}

/** As much of a text as fits, with an ellipsis where something was left out. */
export function fitted(text: string, fits: (text: string) => boolean): string {
  if (fits(text)) return text;
  const letters = Array.from(text);
  let [low, high] = [0, letters.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(`${letters.slice(0, middle).join('').trimEnd()}…`)) low = middle;
    else high = middle - 1;
  }
  return `${letters.slice(0, low).join('').trimEnd()}…`;
}

/** At most two lines, broken at a blank where there is one; the last one with an ellipsis if need be. */
export function twoLines(text: string, fits: (text: string) => boolean): readonly string[] {
  if (fits(text)) return [text];
  const words = text.split(' ');
  let count = words.length - 1;
  while (count > 0 && !fits(words.slice(0, count).join(' '))) count -= 1;
  // One word that is longer than a line.
  if (count === 0) return [fitted(text, fits)];
  return [words.slice(0, count).join(' '), fitted(words.slice(count).join(' '), fits)];
}
