// What every interface's README promises an installer: its chapters, and an example of settings that parses, names no
// unknown setting and says where a wrong one is.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { parseTried, stepsThatFit } from '../../../agent/core/ipc/wire.ts';
import { rehearse } from '../../../agent/core/line/rehearsal.ts';
import { INTERFACES } from '../../../agent/interfaces.ts';
import { systemClock } from '../../../agent/io/clock.ts';
import { standIn } from '../../bench/systems/stand-in.ts';
import { randomFrom, testSeed } from '../random.ts';

const FOLDER = new URL('../../../agent/interfaces/', import.meta.url);
const CHAPTERS = ['## Supported', '## Not supported', '## Settings', '## How known to be right'];
const read = (name: string) => readFileSync(new URL(`${name}/README.md`, FOLDER), 'utf8');
const examplesOf = (text: string): unknown[] =>
  [...text.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json = '']) => JSON.parse(json));

await test('every folder is an interface that ships, and the other way round', () => {
  const folders = readdirSync(FOLDER);
  assert.deepEqual(folders.toSorted(), Object.keys(INTERFACES).toSorted());
});

await test('the README at the top lists every interface', () => {
  const text = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  for (const name of Object.keys(INTERFACES))
    assert.ok(text.includes(`[${name}](agent/interfaces/${name}/README.md)`), name);
});

for (const [name, load] of Object.entries(INTERFACES)) {
  await test(`${name}: the chapters an installer looks for, in this order`, () => {
    const found = read(name)
      .split('\n')
      .filter((line) => CHAPTERS.includes(line));
    assert.deepEqual(found, CHAPTERS);
  });

  await test(`${name}: the example of settings parses, and tells of a wrong one by its field`, async () => {
    const examples = examplesOf(read(name));
    assert.ok(examples.length > 0, 'no example of settings');
    const shipped = await load();
    for (const example of examples) {
      assert.ok(typeof example === 'object' && example !== null);
      const parsed = shipped.parse(example);
      assert.ok(parsed.ok, JSON.stringify(parsed));
      assert.ok(shipped.needs(parsed.settings).length > 0, 'it reaches nothing');
      for (const [field, value] of Object.entries(example)) {
        const wrong = shipped.parse({ ...example, [field]: [[value]] });
        assert.ok(!wrong.ok, `${field} may be anything`);
        const fields = wrong.problems.map((problem) => problem.field.split('.')[0]);
        assert.deepEqual([...new Set(fields)], [field]);
      }
      const unknown = shipped.parse({ ...example, prot: 1 });
      assert.ok(!unknown.ok, 'an unknown setting is taken');
      assert.deepEqual(unknown.problems, [{ field: 'prot', problem: 'not a setting' }]);
    }
  });

  await test(`${name}: "try with simulator" of the example succeeds, and its answer can be read`, async () => {
    const shipped = await load();
    const parsed = shipped.parse(examplesOf(read(name))[0]);
    assert.ok(parsed.ok);
    const needs = { clock: systemClock, random: randomFrom(testSeed()) };
    const counterpart = shipped.counterpart(parsed.settings, needs);
    const { openLine, dialTcp, http, listenHttp } = rehearse(counterpart);
    const stand = standIn({ host: { openLine, dialTcp, http, listenHttp } });
    try {
      const signal = AbortSignal.timeout(30_000);
      const steps = await shipped.test(parsed.settings, stand.host, signal);
      assert.ok(steps.length > 0 && steps.every(({ ok }) => ok), JSON.stringify(steps));
      // Longer than may cross, the answer was lost, and a person waited for two minutes.
      assert.ok(parseTried({ is: 'steps', steps: stepsThatFit(steps) }), JSON.stringify(steps));
    } finally {
      counterpart.close();
    }
  });

  await test(`${name}: every setting at the top is in the README's table`, async () => {
    // Nothing given: the required ones are asked for, each by its name.
    const parsed = (await load()).parse({});
    assert.ok(!parsed.ok);
    for (const { field, problem } of parsed.problems) {
      assert.equal(problem, 'missing', field);
      assert.match(read(name), new RegExp(`\`${field}[\`.[]`), field);
    }
  });
}

await test('an extension too long for its exchange is told before a guest misses his telephone', async () => {
  for (const [name, extension] of [
    ['mitel', '123456'],
    ['nec', '1234567'],
  ] as const) {
    const line = { kind: 'tcp-client', host: '10.1.2.3', port: 23 };
    const shipped = await INTERFACES[name]!();
    const parsed = shipped.parse({ line, extensions: [{ room: '101', extension }] });
    assert.ok(!parsed.ok);
    assert.deepEqual(
      parsed.problems.map(({ field }) => field),
      ['extensions.0'],
    );
  }
});
