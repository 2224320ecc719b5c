// The four languages: the same keys, the same blanks to fill in, no empty or forgotten text.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { counterIn, stepIn } from '../../../agent/core/words.ts';
import { INTERFACES } from '../../../agent/interfaces.ts';
import { CONDITION_WORDS } from '../../../agent/interfaces/datecs/wire.ts';
import { ago, chooseLanguage, fill, languageOf, texts } from '../../../agent/page/language.ts';
import { LANGUAGES } from '../../../agent/page/texts/shape.ts';

/** Every text with its path: "checks.dns" → "Names (DNS)". */
function flat(value: unknown, path = ''): Map<string, string> {
  if (typeof value === 'string') return new Map([[path, value]]);
  const entries = Object.entries(value as Record<string, unknown>);
  return new Map(entries.flatMap(([key, inner]) => [...flat(inner, `${path}.${key}`)]));
}

const english = flat(texts.en);
const blanks = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
/** Names of ports, protocols and units are the same everywhere. */
const SAME = /^\.(checks\.|notes\.(lease|own|celsius|host|name|lease-from)|words\.region|name$)/;

for (const language of LANGUAGES.filter((one) => one !== 'en')) {
  test(`${language} says everything English says, with the same blanks, in its own words`, () => {
    const own = flat(texts[language]);
    assert.deepEqual([...own.keys()].sort(), [...english.keys()].sort());
    for (const [path, text] of own) {
      assert.notEqual(text.trim(), '', path);
      assert.deepEqual(blanks(text), blanks(english.get(path)!), path);
    }
    const same = [...own].filter(([path, text]) => text === english.get(path) && !SAME.test(path));
    assert.deepEqual(
      same.map(([path]) => path).filter((path) => path !== '.words.release'),
      [],
    );
  });
}

test('Bulgarian is written in Cyrillic', () => {
  for (const [path, text] of flat(texts.bg)) {
    if (/^\.(notes|checks)\./.test(path)) continue;
    assert.match(text, /\p{Script=Cyrillic}/u, path);
  }
});

test('chooseLanguage() follows the browser', () => {
  assert.equal(chooseLanguage('de-AT,de;q=0.9,en;q=0.8'), 'de');
  assert.equal(chooseLanguage('it;q=0.9, fr;q=0.5, bg;q=0.7'), 'bg');
  assert.equal(chooseLanguage('de;q=0, fr;q=0.1'), 'fr');
  assert.equal(chooseLanguage('deu'), 'en');
  assert.equal(chooseLanguage('ja'), 'en');
  assert.equal(chooseLanguage(''), 'en');
  assert.equal(chooseLanguage(';;;,,,q=;'.repeat(1_000)), 'en');
});

test('languageOf() lets the link win, and only a language that exists', () => {
  assert.equal(languageOf('fr', 'de'), 'fr');
  assert.equal(languageOf('xx', 'de'), 'de');
  assert.equal(languageOf(['fr', 'bg'], 'de'), 'de');
});

test('fill() puts values in, error codes in words, and leaves a mark where one is missing', () => {
  assert.equal(fill('{host}: {why}', { host: 'h', why: 'ETIMEDOUT' }, texts.en), 'h: no answer');
  assert.equal(fill('{why}', { why: 'EWHATEVER' }, texts.en), 'EWHATEVER');
  assert.equal(fill('{why}', { why: 'toString' }, texts.en), 'toString');
  assert.equal(
    fill('{why}', { why: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' }, texts.de),
    'keine erwartete Zertifizierungsstelle',
  );
  assert.equal(fill('{gone}', {}, texts.en), '?');
});

test('ago() speaks each language', () => {
  assert.equal(ago(125_000, 'en'), '2 minutes ago');
  assert.equal(ago(7_300_000, 'de'), 'vor 2 Stunden');
  assert.equal(ago(0, 'fr'), 'maintenant');
  assert.match(ago(3 * 86_400_000, 'bg'), /3/);
});

const FOLDER = fileURLToPath(new URL('../../../agent/interfaces', import.meta.url));
const SHARED = fileURLToPath(new URL('../../../agent/core', import.meta.url));
/** What the sources under it count and call the steps of a test, where it is written down as it is. */
async function namesIn(
  folder: string,
): Promise<{ readonly steps: string[]; readonly counters: string[] }> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const texts = await Promise.all(names.map(async (name) => readFile(join(folder, name), 'utf8')));
  const all = texts.join('\n');
  const literals = (pattern: RegExp): string[] =>
    [...all.matchAll(pattern)].flatMap(([, found = '']) =>
      [...found.matchAll(/'([^']+)'/g)].map(([, name]) => name!),
    );
  return {
    steps: literals(/\bstep(?::| =) ('[^']+')/g),
    counters: literals(/\bcount\(\s*([^;`]*?)\);/g).filter(
      (name) => !/^(later|printed|unknown|not-begun)$/.test(name),
    ),
  };
}

for (const [name, load] of Object.entries(INTERFACES)) {
  test(`${name}: its title, its test's steps and its counters are in every language`, async () => {
    const { title, texts: own } = await load();
    assert.ok(own !== undefined);
    assert.equal(title, own.title.en);
    for (const [path, text] of flat(own)) {
      assert.notEqual(text.trim(), '', path);
      if (path.endsWith('.bg')) assert.match(text, /\p{Script=Cyrillic}/u, path);
    }
    const mine = await namesIn(join(FOLDER, name));
    const shared = await namesIn(SHARED);
    // In Cyrillic: it was found, and is not the name as it came.
    for (const step of [...mine.steps, ...shared.steps]) {
      assert.match(stepIn(own, step, 'bg'), /\p{Script=Cyrillic}/u, step);
    }
    for (const counter of [...mine.counters, ...shared.counters]) {
      assert.match(counterIn(own, counter, 'bg'), /\p{Script=Cyrillic}/u, counter);
    }
  });
}

test('datecs: each condition of the printer has its words', async () => {
  const { texts: own } = await INTERFACES['datecs']!();
  for (const condition of Object.keys(CONDITION_WORDS)) {
    assert.match(stepIn(own, condition, 'bg'), /\p{Script=Cyrillic}/u, condition);
  }
});

test('what nobody has words for stays as it is: a printer that the hotel named, a package', () => {
  assert.equal(stepIn(undefined, 'Bar', 'de'), 'Bar');
  assert.equal(counterIn(undefined, 'constructor', 'de'), 'constructor');
  assert.equal(counterIn(undefined, 'orders-busy', 'de'), 'Aufträge bei Besetzt');
});
