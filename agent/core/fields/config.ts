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
    field: (v.getDotPath(issue) ?? '').slice(0, NAME_CHARS_MAX),
    problem: problemOf(issue),
  }));
  return { ok: false, problems };
}

/** A message of ours has no value in it; valibot's own quote what came. */
function problemOf(issue: v.BaseIssue<unknown>): string {
  if (!issue.message.startsWith('Invalid ')) return issue.message;
  if (issue.received === 'undefined') return 'missing';
  if (issue.expected === 'never') return 'not a setting';
  return `expected ${issue.expected ?? issue.type}`;
}
