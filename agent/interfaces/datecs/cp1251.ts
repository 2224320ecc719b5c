// Text as the printers want it: Windows code page 1251. Pure.

const decoder = new TextDecoder('windows-1251');
const ENCODE = new Map(
  Array.from({ length: 256 }, (_none, byte) => [decoder.decode(Uint8Array.of(byte)), byte]),
);
const UNKNOWN = 0x3f;

/** What the page does not have becomes "?". */
export const encode = (text: string): Buffer =>
  Buffer.from(Array.from(text.normalize('NFC'), (char) => ENCODE.get(char) ?? UNKNOWN));

export const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

/** Letters without the characters that part fields and end frames: a text cannot become a command. */
export const plain = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
