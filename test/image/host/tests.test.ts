// How the tests are counted, and that ./build.sh test leaves nothing out that npm run check does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GATE, count, renderParts } from '../../../image/host/tests.ts';
import packageJson from '../../../package.json' with { type: 'json' };

test('./build.sh test runs every part of npm run check', () => {
  const check = [...GATE.map((script) => `npm run ${script}`), 'npm test'].join(' && ');
  assert.equal(packageJson.scripts.check, check);
});

test('count() reads closing lines, in colour too, and nothing else', () => {
  const tally = { passed: 0, failed: 0 };
  const lines = [
    'ℹ pass 12',
    '\u001B[34mℹ fail 1\u001B[39m',
    'ℹ tests 13',
    'passed 99',
    '  # pass 9',
  ];
  for (const line of lines) count(line, tally);
  assert.deepEqual(tally, { passed: 12, failed: 1 });
});

test('count() takes a skipped, cancelled or unfinished test for a failure', () => {
  const tally = { passed: 0, failed: 0 };
  for (const line of ['ℹ skipped 1', 'ℹ cancelled 2', 'ℹ todo 3']) count(line, tally);
  assert.deepEqual(tally, { passed: 0, failed: 6 });
});

test('renderParts() ends with the line that counts and names what was not checked', () => {
  const parts = [
    { name: 'fast tests', ms: 61_000, tally: { passed: 40, failed: 0 } },
    { name: 'system/boot', ms: 1_000, tally: { passed: 2, failed: 1 } },
  ];
  const lines = renderParts(parts, {
    notChecked: ['the rest'],
    ms: parts.reduce((sum, { ms }) => sum + ms, 0),
  }).split('\n');
  assert.match(lines[1]!, /^✓ fast tests +40 passed +0 failed +1 min 01 s$/);
  assert.match(lines[2]!, /^✗ system\/boot +2 passed +1 failed +1\.0 s$/);
  assert.equal(lines[3], '- not checked: the rest');
  assert.equal(lines.at(-1), '42 passed, 1 failed in 1 min 02 s');
});
