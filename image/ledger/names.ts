// What an order and a unit may be called: judged where they come in, by import and by hand. Pure.
import { NAME_CHARS_MAX } from './limits.ts';

/** Letters that stand in file names, on labels and in commands without quotes. */
const ORDER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const ORDER_IS = 'letters, digits, . _ - and at most 64 of them';
export const isOrder = (text: string): boolean => ORDER.test(text);

export const NAME_IS = `at most ${NAME_CHARS_MAX} letters on one line`;
export const isName = (text: string): boolean =>
  Array.from(text).length <= NAME_CHARS_MAX && !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text);
