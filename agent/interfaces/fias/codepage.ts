// The characters above 7F, which each site agrees on: decodes and encodes records in a code page. Pure.
// Where a page lacks a letter, the name is written as a person would write it (Ş as S, Иванова as Ivanova).

import { toAscii } from '../../core/ascii.ts';

/** WHATWG's decoders have these; the DOS pages below are ours, as they are not among them. */
export const CODE_PAGES = [
  'windows-1250',
  'windows-1251',
  'windows-1252',
  'windows-1253',
  'windows-1254',
  'windows-1257',
  'iso-8859-1',
  'iso-8859-2',
  'iso-8859-5',
  'iso-8859-7',
  'iso-8859-9',
  'iso-8859-15',
  'cp437',
  'cp850',
  'cp852',
  'cp866',
  'ascii',
  'utf-8',
] as const;
export type CodePageName = (typeof CODE_PAGES)[number];

export interface CodePage {
  decode(bytes: Uint8Array): string;
  /** Never throws: a character that cannot be written in any way becomes "?". */
  encode(text: string): Buffer;
}

const HALF = 0x80;
/** 80 to FF. From the Unicode Consortium's mapping tables of the vendors' pages. */
const DOS: Readonly<Record<string, string>> = {
  cp437:
    'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0',
  cp850:
    'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0',
  cp852:
    'ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u00ad˝˛ˇ˘§÷¸°¨˙űŘř■\u00a0',
};

/** The 128 upper characters; U+FFFD: the page has none there. */
function upperHalf(name: CodePageName): string {
  const dos = DOS[name];
  if (dos !== undefined) return dos;
  if (name === 'ascii') return '\ufffd'.repeat(HALF);
  const bytes = Uint8Array.from({ length: HALF }, (_value, index) => HALF + index);
  // WHATWG gives ISO 8859-1 and -9 the letters of the Windows pages at 80 to 9F; there ISO has controls, and no text.
  const whole = new TextDecoder(name === 'cp866' ? 'ibm866' : name).decode(bytes);
  return name.startsWith('iso-') ? '\ufffd'.repeat(0x20) + whole.slice(0x20) : whole;
}

/** How a page's letters are found; the pages are few and made once each. */
export function codePage(name: CodePageName): CodePage {
  return name === 'utf-8' ? utf8 : singleByte(upperHalf(name));
}

const utf8: CodePage = {
  decode: (bytes) => new TextDecoder('utf-8').decode(bytes),
  encode: (text) => Buffer.from(text.toWellFormed(), 'utf8'),
};

function singleByte(upper: string): CodePage {
  const bytes = new Map<string, number>();
  for (let byte = 0; byte < HALF; byte += 1) bytes.set(String.fromCharCode(byte), byte);
  for (const [index, char] of Array.from(upper).entries())
    if (char !== '\ufffd' && !/\p{Cc}/u.test(char) && !bytes.has(char))
      bytes.set(char, HALF + index);
  const chars = [
    ...Array.from({ length: HALF }, (_v, byte) => String.fromCharCode(byte)),
    ...Array.from(upper),
  ];
  return {
    decode: (encoded) => {
      let text = '';
      for (const byte of encoded) text += chars[byte] ?? '\ufffd';
      return text;
    },
    encode: (text) =>
      Buffer.from(
        Array.from(text.normalize('NFC')).flatMap(
          (char) => bytes.get(char) ?? [...Buffer.from(toAscii(char), 'latin1')],
        ),
      ),
  };
}
