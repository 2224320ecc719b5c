// How the words of a command line are read, and which word was probably meant.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { command, commandHelp, nearest } from '../../../image/host/command.ts';
import { engineOf, imageSummary } from '../../../image/host/commands/image.ts';
import { existing, formatOf } from '../../../image/host/commands/places.ts';
import { commandNames, named, route } from '../../../image/host/commands.ts';

const seen: unknown[] = [];
const paint = command('paint', {
  summary: 'paint a wall',
  about: 'Paints.',
  options: {
    id: { value: 'ID', help: 'which' },
    twice: { help: 'two coats' },
    colour: { value: 'NAME', choices: ['white', 'green'], help: 'the colour', default: 'white' },
    metres: {
      value: 'N',
      help: 'how wide',
      accepts: (text) => (/^\d+$/.test(text) ? undefined : 'Give a whole number'),
    },
  },
  operands: ['WALL', '[BRUSH]'],
  examples: ['paint north'],
  logged: false,
  run: async (given) => {
    seen.push(given);
    return 0;
  },
});

test('a command gets its options, defaults and operands', async () => {
  const context = { progress: {} as never, signal: new AbortController().signal, print: () => {} };
  await paint.read(['north', '--metres=3', '--twice', 'wide'])(context);
  assert.deepEqual(seen.pop(), {
    values: { id: undefined, twice: true, colour: 'white', metres: '3' },
    operands: ['north', 'wide'],
  });
});

const mistakes: readonly (readonly [string, RegExp, RegExp])[] = [
  ['', /"paint" needs a WALL/, /help paint/],
  ['north wide east', /does not know what to do with "east"/, /help paint/],
  ['north --color green', /has no option --color/, /Did you mean --colour\?/],
  ['north --colour gren', /--colour cannot be "gren"/, /Did you mean green\?/],
  ['north --colour violet', /--colour cannot be "violet"/, /one of: white, green/],
  ['north --colour --twice', /--colour needs a NAME/, /help paint/],
  ['north --colour', /--colour needs a NAME/, /help paint/],
  ['north --id', /--id needs an ID/, /help paint/],
  ['north --metres', /--metres needs an N/, /help paint/],
  ['north --twice=yes', /--twice is a switch/, /help paint/],
  ['north --metres wide', /--metres cannot be "wide"/, /Give a whole number/],
  ['north -x', /has no option -x/, /help paint/],
  ['north --constructor', /has no option --constructor/, /help paint/],
];
for (const [words, message, hint] of mistakes) {
  test(`"paint ${words}" is refused in one sentence with a next action`, () => {
    const read = (): unknown => paint.read(words.split(' ').filter((word) => word !== ''));
    assert.throws(read, { code: 'usage', message, hint });
  });
}

test('the help of a command names every option, its choices and its default', () => {
  const text = commandHelp('paint', paint);
  assert.match(text, /^Usage: \.\/build\.sh paint WALL \[BRUSH\] \[OPTIONS\]$/m);
  assert.match(text, /^ {2}--colour NAME {2}the colour \(white or green\) \[white\]$/m);
  assert.match(text, /^ {2}--twice {8}two coats$/m);
});

test('nearest() forgives two slips and a word begun, not more', () => {
  const names = ['image', 'boot', 'test', 'check'];
  assert.equal(nearest('imgae', names), 'image');
  assert.equal(nearest('tset', names), 'test');
  assert.equal(nearest('ch', names), 'check');
  assert.equal(nearest('flash', names), undefined);
  assert.equal(nearest('', names), undefined);
});

test('an option without a command is meant for "image", and --help asks for help anywhere', () => {
  assert.deepEqual(route([]), { name: 'image', words: [] });
  assert.deepEqual(route(['--force']), { name: 'image', words: ['--force'] });
  assert.deepEqual(route(['boot', '--http', '1']), { name: 'boot', words: ['--http', '1'] });
  assert.deepEqual(route(['boot', '--help']), { name: 'help', words: ['boot'] });
  assert.deepEqual(route(['--help']), { name: 'help', words: [] });
  assert.deepEqual(route(['--force', '-h']), { name: 'help', words: ['image'] });
});

test('every command explains itself and gives an example', () => {
  for (const name of commandNames) {
    const found = named(name);
    assert.ok(found.summary.length <= 72, `${name}: one line in the overview`);
    assert.ok(found.examples.length > 0, name);
    for (const line of commandHelp(name, found).split('\n')) {
      assert.ok(line.length <= 100, `${name}: "${line}" fits a terminal`);
    }
  }
});

test("a file's form is the one its name ends in; --format decides where that says nothing, and may not contradict", () => {
  const form = (format?: string, out?: string): string =>
    formatOf(['pdf', 'png', 'zpl'], { format, out });
  assert.equal(form(), 'pdf');
  assert.equal(form(undefined, 'x.PNG'), 'png');
  assert.equal(form(undefined, 'x'), 'pdf');
  assert.equal(form('pdf', 'x.txt'), 'pdf');
  assert.throws(() => form(undefined, 'x.txt'), { code: 'usage', hint: /\.pdf, \.png, \.zpl, or/ });
  assert.equal(form('zpl', '-'), 'zpl');
  assert.equal(form('zpl', 'a.b/x.zpl'), 'zpl');
  assert.throws(() => form('pdf', 'x.png'), {
    ...{ code: 'usage', message: '--format pdf does not go with the name x.png' },
    hint: 'Leave --format away for PNG, or let the name end in .pdf',
  });
});

test('a file in a folder without rights is not said to be missing', async () => {
  using closed = mkdtempDisposableSync(join(tmpdir(), 'clock-closed-'));
  const file = join(closed.path, 'support.txt');
  writeFileSync(file, '');
  assert.equal(await existing(file), file);
  const before = process.geteuid!();
  if (before === 0) process.seteuid!(65_534);
  else chmodSync(closed.path, 0o000);
  try {
    await assert.rejects(existing(file), {
      code: 'not-permitted',
      message: /support\.txt \(EACCES/,
    });
  } finally {
    if (before === 0) process.seteuid!(0);
    else chmodSync(closed.path, 0o700);
  }
});

test('an engine, its base and its folder go together, or the command says what to add', () => {
  const choice = (engine: string, base: string, pigen?: string): unknown =>
    engineOf({ engine, base, pigen });
  assert.deepEqual(choice('embedded', 'debian'), { engine: 'embedded' });
  const raspios = { engine: 'pi-gen', base: 'raspios', folder: '/p' };
  assert.deepEqual(choice('pi-gen', 'raspios', '/p'), raspios);
  for (const [base, pigen] of [['raspios'], ['debian', '/p']] as const) {
    assert.throws(() => choice('embedded', base, pigen), { hint: 'Add --engine pi-gen' });
  }
});

test('the end of a build names the commands for what it has made, flash among them', () => {
  const said = imageSummary({
    ...{ image: '/x/a.img', version: '1', bytes: 1e9, bytesToWrite: 1e8, sha256: 'ab' },
    ...{ developmentKey: false, reused: false },
  });
  assert.match(
    said,
    /\.\/build\.sh boot[^]*\.\/build\.sh flash \/dev\/CARD[^]*bmaptool copy \S*a\.img/,
  );
});
