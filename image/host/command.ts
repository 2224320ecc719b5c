// What a command of build.sh is: its options, its help, how its words are read.
// Knows no command; they stand in commands.ts.
import { parseArgs } from 'node:util';
import { OperatorError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { hasSecretKey } from '../core/secret.ts';

/** One option. Without `value` it is a switch; with it, the name of what must follow. */
export interface Option {
  readonly help: string;
  readonly value?: string;
  readonly choices?: readonly string[];
  /** Says what should be given instead, or nothing when the text will do. */
  readonly accepts?: (text: string) => string | undefined;
  readonly default?: string;
}

type Options = Readonly<Record<string, Option>>;

/** What the options were given as: switches are booleans, the others texts. */
type Values<O extends Options> = {
  readonly [K in keyof O]: O[K] extends { value: string; default: string }
    ? string
    : O[K] extends { value: string }
      ? string | undefined
      : boolean;
};

/** What a running command may use of the process around it. */
interface Context {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** A line of the answer, on stdout. */
  readonly print: (text: string) => void;
}

interface Spec<O extends Options> {
  readonly summary: string;
  /** A paragraph for `help COMMAND`. */
  readonly about: string;
  readonly options: O;
  /**
   * Names of what stands behind the command, e.g. `FILE`; all are needed unless in brackets, and the last
   * may be any number of them: `[DEVICE…]`.
   */
  readonly operands: readonly string[];
  readonly examples: readonly string[];
  /** Whether a run leaves a log in build/log. */
  readonly logged: boolean;
  /** Returns the exit code. */
  readonly run: (
    given: { readonly values: Values<O>; readonly operands: readonly string[] },
    context: Context,
  ) => Promise<number>;
}

export interface Command extends Omit<Spec<Options>, 'run'> {
  /** Reads the words and returns what starts the command. Throws a usage error. */
  readonly read: (words: readonly string[]) => (context: Context) => Promise<number>;
}

/** Makes a command of its description. */
export function command<const O extends Options>(name: string, spec: Spec<O>): Command {
  const { run, ...rest } = spec;
  return {
    ...rest,
    read: (words) => {
      const given = readWords(name, spec, words);
      return (context) => run(given as { values: Values<O>; operands: readonly string[] }, context);
    },
  };
}

/** A mistake in what was typed: ends with exit code 2. */
export function usageError(message: string, hint: string): OperatorError {
  return new OperatorError('usage', message, { hint });
}

function readWords(
  name: string,
  spec: { readonly options: Options; readonly operands: readonly string[] },
  words: readonly string[],
): { values: Record<string, string | boolean | undefined>; operands: string[] } {
  if (words.some(hasSecretKey)) throw secretTyped();
  const more = `See "./build.sh help ${name}"`;
  const known = Object.entries(spec.options);
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      known.map(([key, { value }]) => [key, { type: value === undefined ? 'boolean' : 'string' }]),
    ),
  });
  const values: Record<string, string | boolean | undefined> = {};
  for (const [key, { value, default: usual }] of known) {
    values[key] = value === undefined ? false : usual;
  }
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const [, option] = known.find(([key]) => key === token.name) ?? [];
    if (option === undefined) {
      const near = nearest(
        token.name,
        known.map(([key]) => key),
      );
      const hint = near === undefined ? more : `Did you mean --${near}?`;
      throw usageError(`"${name}" has no option ${token.rawName}`, hint);
    }
    values[token.name] = readOption(token, option, more);
  }
  const needed = spec.operands.filter((operand) => !operand.startsWith('['))[operands.length];
  if (needed !== undefined) throw usageError(`"${name}" needs ${withArticle(needed)}`, more);
  const isOpenEnded = spec.operands.at(-1)?.includes('…') === true;
  const extra = isOpenEnded ? undefined : operands[spec.operands.length];
  if (extra === undefined) return { values, operands };
  throw usageError(`"${name}" does not know what to do with "${extra}"`, more);
}

/** No option takes one, and whatever quotes it would show it. */
const secretTyped = (): OperatorError =>
  usageError(
    'What begins with AGE-SECRET-KEY- is the secret half of a key: it is never typed',
    'The public half (age1…) stands above it in its file ("# public key"), or: age-keygen -y FILE. ' +
      'Where a file is asked for, give its name. Remove this line from the history of your shell',
  );

/** As it is spoken: "a FILE", "an ID", "an N", "a URL". */
const withArticle = (word: string): string =>
  `${/^([AEIO]|[FHLMNRSX]$)/.test(word) ? 'an' : 'a'} ${word}`;

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function readOption(token: OptionToken, option: Option, more: string): string | boolean {
  const { rawName, value, inlineValue } = token;
  if (option.value === undefined) {
    if (value === undefined) return true;
    throw usageError(`${rawName} is a switch and takes no value`, more);
  }
  if (value === undefined || value === '' || (inlineValue !== true && value.startsWith('-'))) {
    throw usageError(`${rawName} needs ${withArticle(option.value)}`, more);
  }
  if (option.choices !== undefined && !option.choices.includes(value)) {
    const near = nearest(value, option.choices);
    const choices = `Use one of: ${option.choices.join(', ')}`;
    const hint = near === undefined ? choices : `Did you mean ${near}?`;
    throw usageError(`${rawName} cannot be "${value}"`, hint);
  }
  const instead = option.accepts?.(value);
  if (instead === undefined) return value;
  throw usageError(`${rawName} cannot be "${value}"`, instead);
}

/** The help of one command. */
export function commandHelp(name: string, { about, options, operands, examples }: Command): string {
  const entries = Object.entries(options).map(([key, option]) => ({
    left: `--${key}${option.value === undefined ? '' : ` ${option.value}`}`,
    right: [
      option.help,
      ...(option.choices === undefined ? [] : [`(${option.choices.join(' or ')})`]),
      ...(option.default === undefined ? [] : [`[${option.default}]`]),
    ].join(' '),
  }));
  const width = Math.max(0, ...entries.map(({ left }) => left.length));
  const usage = ['./build.sh', name, ...operands, ...(entries.length > 0 ? ['[OPTIONS]'] : [])];
  return [
    `Usage: ${usage.join(' ')}`,
    '',
    about,
    ...(entries.length > 0 ? ['', 'Options:'] : []),
    ...entries.map(({ left, right }) => `  ${left.padEnd(width)}  ${right}`),
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
  ].join('\n');
}

/** The known word that was probably meant: at most two slips of the finger away, or begun with it. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const rated = known
    .map((name) => ({ name, slips: distance(word, name) }))
    .filter(({ name, slips }) => slips <= Math.min(2, name.length - 2))
    .sort((a, b) => a.slips - b.slips);
  const begun = word.length >= 2 ? known.find((name) => name.startsWith(word)) : undefined;
  return begun ?? rated[0]?.name;
}

/** Levenshtein's distance: letters to insert, remove or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}
