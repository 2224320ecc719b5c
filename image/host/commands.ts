// The commands of build.sh by name, and which one a command line starts. Each stands in commands/NAME.ts;
// the parts that do the work are loaded when they are needed, so that help comes at once and needs none of them.
import { command, commandHelp, nearest, usageError } from './command.ts';
import type { Command } from './command.ts';
import { boot } from './commands/boot.ts';
import { bundle } from './commands/bundle.ts';
import { check } from './commands/check.ts';
import { clean } from './commands/clean.ts';
import { flash } from './commands/flash.ts';
import { image } from './commands/image.ts';
import { inspect } from './commands/inspect.ts';
import { label } from './commands/label.ts';
import { packageInterface } from './commands/package-interface.ts';
import { recover } from './commands/recover.ts';
import { reflash } from './commands/reflash.ts';
import { station } from './commands/station.ts';
import { test } from './commands/test.ts';
import { unit } from './commands/unit.ts';

const help = command('help', {
  summary: 'say what the commands do',
  about: 'Without COMMAND lists the commands.',
  options: {},
  operands: ['[COMMAND]'],
  examples: ['./build.sh help', './build.sh help boot'],
  logged: false,
  run: async ({ operands: [name] }, { print }) => {
    print(name === undefined ? overview() : commandHelp(name, named(name)));
    return 0;
  },
});

/** In the order in which the overview lists them. */
const commands: Readonly<Record<string, Command>> = {
  ...{ image, boot, inspect, bundle, 'package-interface': packageInterface },
  ...{ unit, flash, station, label, recover, reflash },
  ...{ test, check, clean, help },
};

/** The names of all commands. */
export const commandNames: readonly string[] = Object.keys(commands);

/** The command of this name. Throws a usage error that names the nearest one. */
export function named(name: string): Command {
  const found = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (found !== undefined) return found;
  const near = nearest(name, commandNames);
  throw usageError(
    `There is no command "${name}"`,
    near === undefined
      ? `Use one of: ${commandNames.join(', ')}`
      : `Did you mean "./build.sh ${near}"?`,
  );
}

/** Which command a command line starts, and the words that are left for it. */
export function route(words: readonly string[]): { name: string; words: readonly string[] } {
  const [first = 'image', ...rest] = words;
  const asks = (word: string): boolean => word === '--help' || word === '-h';
  if (asks(first)) return { name: 'help', words: rest };
  const name = first.startsWith('-') ? 'image' : first;
  if (rest.some(asks)) return { name: 'help', words: [name] };
  return { name, words: first.startsWith('-') ? words : rest };
}

function overview(): string {
  const width = Math.max(...commandNames.map((name) => name.length));
  const rows = Object.entries(commands).map(
    ([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`,
  );
  return [
    'Usage: ./build.sh [COMMAND] [OPTIONS]',
    '',
    ...rows,
    '',
    '"./build.sh help COMMAND" says more.',
  ].join('\n');
}
