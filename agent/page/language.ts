// Chooses the language and fills texts in. Pure; the words are in texts/.
import type { Note, Values } from '../diagnostics/results.ts';
import { bg } from './texts/bg.ts';
import { de } from './texts/de.ts';
import { en } from './texts/en.ts';
import { fr } from './texts/fr.ts';
import { LANGUAGES } from './texts/shape.ts';
import type { Language, Texts, WhyKey } from './texts/shape.ts';

export const texts: Readonly<Record<Language, Texts>> = { en, de, bg, fr };

/** The best language of Accept-Language (RFC 9110, 12.5.4) that the page has; English otherwise. */
export function chooseLanguage(acceptLanguage: string): Language {
  const wanted = acceptLanguage
    .slice(0, 256)
    .split(',')
    .map((part) => {
      const [tag = '', q = 'q=1'] = part.trim().split(';');
      const [primary = ''] = tag.toLowerCase().split('-');
      return { primary, q: Number(q.trim().slice(2)) || 0 };
    })
    .filter(({ q }) => q > 0)
    .sort((a, b) => b.q - a.q);
  for (const { primary } of wanted) {
    const language = LANGUAGES.find((known) => known === primary);
    if (language !== undefined) return language;
  }
  return 'en';
}

/** `?lang=de`, or what the browser asks for. */
export function languageOf(asked: unknown, acceptLanguage: string): Language {
  return LANGUAGES.find((known) => known === asked) ?? chooseLanguage(acceptLanguage);
}

/** "{port} open" with the values put in; error codes under `why` in words. */
export function fill(template: string, values: Values, t: Texts): string {
  return template.replaceAll(/\{(\w+)\}/g, (_whole, key: string) => {
    const value = String(values[key] ?? '?');
    return key === 'why' ? inWords(value, t) : value;
  });
}

export function sentence(note: Note, t: Texts): string {
  return fill(t.notes[note.say], note.values, t);
}

/** OpenSSL's codes for a chain that ends at nobody we know. */
const UNTRUSTED =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_\w+|CERT_UNTRUSTED|INVALID_CA)$/;

function inWords(code: string, t: Texts): string {
  if (UNTRUSTED.test(code)) return t.why.UNTRUSTED;
  // MQTT's own codes: 5 is "not authorised", which AWS says as 7.
  if (/^(CONNACK_\d+|HTTP_403)$/.test(code)) return `${t.why.REFUSED} (${code})`;
  return Object.hasOwn(t.why, code) ? t.why[code as WhyKey] : code;
}

const STEPS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Made once: making one costs more than rendering the rest of the page. */
const formats = new Map<Language, Intl.RelativeTimeFormat>();

/** "3 minutes ago", by the runtime's own tables for each language. */
export const ago = (ms: number, language: Language): string => relative(ms, -1, language);
/** "in 3 minutes". */
export const ahead = (ms: number, language: Language): string => relative(ms, 1, language);

function relative(ms: number, sign: 1 | -1, language: Language): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const [unit, size] = STEPS.find(([, size]) => seconds >= size) ?? (['second', 1] as const);
  const format =
    formats.get(language) ?? new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  formats.set(language, format);
  return format.format(sign * Math.floor(seconds / size), unit);
}
