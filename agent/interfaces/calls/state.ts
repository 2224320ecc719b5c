// The dialogue by which some exchanges let a TCP client in: they ask for a user, then for a password, and then send
// records. What they ask with is a setting. Pure.
import type { Login } from './config.ts';
import { LOGIN_BYTES_MAX } from './limits.ts';

export type Entry =
  | { readonly at: 'asked-user' | 'asked-password'; readonly heard: string }
  /** What comes now are records, unless it asks once more. */
  | { readonly at: 'answered'; readonly heard: string }
  | { readonly at: 'in' }
  | { readonly at: 'refused' };

type Effect =
  | { readonly do: 'send'; readonly text: string }
  | { readonly do: 'read'; readonly text: string }
  | { readonly do: 'refuse'; readonly why: string };

export interface Step {
  readonly state: Entry;
  readonly effects: readonly Effect[];
}

export function begin(login: Login | undefined): Entry {
  if (login === undefined) return { at: 'in' };
  return { at: login.user === undefined ? 'asked-password' : 'asked-user', heard: '' };
}

const LINE_ENDS = { crlf: '\r\n', cr: '\r', lf: '\n' } as const;
/** A prompt ends what has been said, but for blanks. */
const asks = (heard: string, prompt: string): boolean =>
  heard.trimEnd().toLowerCase().endsWith(prompt.trim().toLowerCase());
/** An exchange that lets in says a word or two, a wrong one asks again. */
const ANSWER_CHARS_MAX = 512;

/** `text` as it arrived, in any pieces. */
export function next(entry: Entry, text: string, login: Login | undefined): Step {
  if (login === undefined || entry.at === 'in') {
    return { state: { at: 'in' }, effects: [{ do: 'read', text }] };
  }
  if (entry.at === 'refused') return { state: entry, effects: [] };
  const heard = entry.heard + text;
  if (entry.at === 'answered') return answered(heard, text, login);
  const isUser = entry.at === 'asked-user';
  if (!asks(heard, isUser ? login.userPrompt : login.passwordPrompt)) {
    const why = 'it asks for no user and password: are the prompts right?';
    return heard.length > LOGIN_BYTES_MAX
      ? { state: { at: 'refused' }, effects: [{ do: 'refuse', why }] }
      : { state: { ...entry, heard }, effects: [] };
  }
  const said = isUser ? (login.user ?? '') : login.password;
  return {
    state: { at: isUser ? 'asked-password' : 'answered', heard: '' },
    effects: [{ do: 'send', text: said + LINE_ENDS[login.lineEnd] }],
  };
}

function answered(heard: string, text: string, login: Login): Step {
  const isAskedAgain =
    (login.user !== undefined && asks(heard, login.userPrompt)) ||
    asks(heard, login.passwordPrompt);
  if (isAskedAgain) {
    const why = 'it asks for the password again: user or password is wrong';
    return { state: { at: 'refused' }, effects: [{ do: 'refuse', why }] };
  }
  const isIn = heard.length > ANSWER_CHARS_MAX;
  return {
    state: isIn ? { at: 'in' } : { at: 'answered', heard },
    effects: [{ do: 'read', text }],
  };
}
