// Settings of an interface as typed into a form: all that is wrong at once, each with its field. Pure.
import * as v from 'valibot';
import type { Parsed } from '../interface.ts';
import { NAME_CHARS_MAX } from './limits.ts';

/** More than a person mends in one go. */
const PROBLEMS_MAX = 50;

/** What an interface's `parse` is, for its schema. Says never what was typed: it may be a password. */
export function parseSettings<S>(
  schema: v.GenericSchema<unknown, S>,
  settings: unknown,
): Parsed<S> {
  const result = v.safeParse(schema, settings);
  if (result.success) return { ok: true, settings: result.output };
  const problems = result.issues.slice(0, PROBLEMS_MAX).map((issue) => ({
    field: (v.getDotPath(issue) ?? 'settings').slice(0, NAME_CHARS_MAX),
    problem: problemOf(issue),
  }));
  return { ok: false, problems };
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'expected a text',
  number: 'expected a number',
  boolean: 'expected true or false',
  integer: 'expected a whole number',
  Array: 'expected a list',
  Object: 'expected settings in braces',
  never: 'not a setting',
};

/** For people who typed it. A message of ours has no value in it; valibot's own quote what came. */
export function problemOf(issue: v.BaseIssue<unknown>): string {
  if (!issue.message.startsWith('Invalid ')) return issue.message;
  if (issue.received === 'undefined') return 'missing';
  const { type, expected } = issue;
  // valibot's form of a choice: ("tcp-client" | "serial"), (7 | 8), "columns".
  if (expected !== null && /^(\((["\d])|")/.test(expected))
    return `one of ${expected.replaceAll(/["()]/g, '').replaceAll(' | ', ', ')}`;
  const bound = /^([<>])=(-?\d+(\.\d+)?)$/.exec(expected ?? '');
  const unit = type.endsWith('_length')
    ? Array.isArray(issue.input)
      ? ' entries'
      : ' characters'
    : '';
  if (bound) return `at ${bound[1] === '>' ? 'least' : 'most'} ${bound[2]}${unit}`;
  return TYPES[expected ?? ''] ?? `expected ${expected ?? type}`;
}

/** That no two rows of a list have the same `key`; `message` is the problem of the whole list. */
export const distinct = <R>(key: keyof R & string, message: string): v.CheckAction<R[], string> =>
  v.check((rows) => new Set(rows.map((row) => row[key])).size === rows.length, message);
