// Names in the letters that old systems know: ASCII, printable. What has no such letter becomes a question mark,
// as those systems do it. Pure.

/** Letters that are no base letter with a mark. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', þ: 'th', ł: 'l', ı: 'i', ħ: 'h', ŋ: 'n' },
  // Bulgarian as the country's law on transliteration has it; what Russian, Serbian and Ukrainian add.
  ...{ а: 'a', б: 'b', в: 'v', г: 'g', д: 'd', е: 'e', ж: 'zh', з: 'z', и: 'i', й: 'y', к: 'k' },
  ...{ л: 'l', м: 'm', н: 'n', о: 'o', п: 'p', р: 'r', с: 's', т: 't', у: 'u', ф: 'f', х: 'h' },
  ...{ ц: 'ts', ч: 'ch', ш: 'sh', щ: 'sht', ъ: 'a', ь: 'y', ю: 'yu', я: 'ya', ы: 'y', э: 'e' },
  ...{ є: 'ye', і: 'i', ї: 'yi', ґ: 'g', ђ: 'dj', ј: 'j', љ: 'lj', њ: 'nj', ћ: 'c', џ: 'dz' },
  ...{ α: 'a', β: 'v', γ: 'g', δ: 'd', ε: 'e', ζ: 'z', η: 'i', θ: 'th', ι: 'i', κ: 'k', λ: 'l' },
  ...{ μ: 'm', ν: 'n', ξ: 'x', ο: 'o', π: 'p', ρ: 'r', σ: 's', ς: 's', τ: 't', υ: 'y', φ: 'f' },
  ...{ χ: 'ch', ψ: 'ps', ω: 'o' },
  ...{ '‘': "'", '’': "'", '“': '"', '”': '"', '„': '"', '–': '-', '—': '-', '…': '...' },
  ...{ '€': 'EUR', '№': 'No' },
};

/** Printable ASCII (20 to 7E) and nothing else; control characters are left out. */
export function toAscii(text: string): string {
  let ascii = '';
  // Greek writes the sound u with two letters.
  for (const given of text
    .normalize('NFC')
    .replaceAll(/(?<=[\u03bf\u039f])[\u03c5\u03cd]/gu, 'u')) {
    const lower = given.toLowerCase();
    const letter = LETTERS[lower];
    if (letter !== undefined) {
      ascii += lower === given ? letter : letter.charAt(0).toUpperCase() + letter.slice(1);
      continue;
    }
    for (const part of given.normalize('NFKD')) {
      const base = LETTERS[part] ?? part;
      if (/^[\u0020-\u007e]+$/.test(base)) ascii += base;
      else if (!/^[\p{M}\p{Cc}\p{Cf}]$/u.test(part)) ascii += '?';
    }
  }
  return ascii;
}
