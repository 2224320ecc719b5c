// Text as a printer's code pages have it: each character on the page in use, else on another one, else in ASCII
// letters, else not at all. Pure.
import { toAscii } from '../../core/ascii.ts';
import type { Printer } from './config.ts';
import { byteOn } from './pages.ts';

interface Typed {
  readonly bytes: Buffer;
  /** Of ESC t, at the end of it. */
  readonly pageNumber: number;
  /** Characters written in other letters; characters that became question marks. */
  readonly transliterated: number;
  readonly lost: number;
}
export type Typing =
  | ({ readonly ok: true } & Typed)
  /** Characters that cannot be printed. */
  | { readonly ok: false; readonly characters: string };

/** Control characters would be commands; what they mean to a text is a blank. */
export const plain = (text: string): string =>
  text.normalize('NFC').replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ');

const ESC_T = [0x1b, 0x74] as const;

export function typed(
  text: string,
  { codePages, missing }: Pick<Printer, 'codePages' | 'missing'>,
  pageNumber: number,
): Typing {
  const bytes: number[] = [];
  const refused = new Set<string>();
  let current = codePages.find(({ number }) => number === pageNumber);
  let number = pageNumber;
  let transliterated = 0;
  let lost = 0;

  const put = (character: string): boolean => {
    const here = current === undefined ? undefined : byteOn(current.page, character);
    if (here !== undefined) {
      bytes.push(here);
      return true;
    }
    for (const other of codePages) {
      const byte = byteOn(other.page, character);
      if (byte === undefined) continue;
      current = other;
      number = other.number;
      bytes.push(...ESC_T, number, byte);
      return true;
    }
    return false;
  };
  for (const character of plain(text)) {
    // A mark that could not be joined to its letter, a joiner, a direction: nothing to be seen.
    if (/^[\p{M}\p{Cf}]$/u.test(character)) continue;
    if (put(character)) continue;
    const ascii = toAscii(character);
    const isLost = ascii === '' || ascii.includes('?');
    if (missing === 'refuse' || (isLost && missing === 'transliterate')) {
      refused.add(character);
      continue;
    }
    if (isLost) lost += 1;
    else transliterated += 1;
    for (const letter of isLost ? '?' : ascii) put(letter);
  }
  if (refused.size > 0) return { ok: false, characters: [...refused].slice(0, 10).join('') };
  return { ok: true, bytes: Buffer.from(bytes), pageNumber: number, transliterated, lost };
}

/** Lines of at most `columns` characters, broken at blanks where there are any; blanks in front stay. */
export function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let rest = Array.from(text.trimEnd());
  while (rest.length > columns) {
    const blank = rest.lastIndexOf(' ', columns);
    const isAfterWord = blank > 0 && rest.slice(0, blank).some((character) => character !== ' ');
    const at = isAfterWord ? blank : columns;
    lines.push(rest.slice(0, at).join('').trimEnd());
    rest = rest.slice(isAfterWord ? at + 1 : at);
  }
  return [...lines, rest.join('')];
}
