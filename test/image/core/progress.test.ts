// Progress: the contract both implementations keep, and what a person sees on a terminal and off it.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Progress } from '../../../image/core/progress.ts';
import { duration, terminalProgress } from '../../../image/core/terminal.ts';
import { recordingProgress } from './progress.fake.ts';

interface Written {
  isTTY: boolean;
  columns: number;
  text: string;
  write(text: string): void;
}

const screen = (isTTY: boolean): Written => ({
  isTTY,
  columns: 40,
  text: '',
  write(text) {
    this.text += text;
  },
});

const CLEAR = '\r\u001B[K';
/** What a terminal shows in its last line after all that was written. */
const lastLine = ({ text }: Written): string => text.replaceAll(CLEAR, '\n').split('\n').at(-1)!;

const implementations: Readonly<Record<string, () => Progress>> = {
  'terminalProgress()': () => terminalProgress(screen(true)),
  'recordingProgress()': recordingProgress,
};

for (const [name, make] of Object.entries(implementations)) {
  test(`${name} returns what the step returned and keeps its time`, async () => {
    const progress = make();
    assert.equal(await progress.step('one', async () => 42), 42);
    assert.deepEqual(
      progress.times.map((time) => time.name),
      ['one'],
    );
  });

  test(`${name} passes a step's error on and keeps no time for it`, async () => {
    const progress = make();
    const broken = progress.step('two', () => Promise.reject(new Error('no')));
    await assert.rejects(broken, { message: 'no' });
    assert.deepEqual(progress.times, []);
  });

  test(`${name} runs steps beside each other`, async () => {
    const progress = make();
    const both = [1, 2].map((n) => progress.step(`step ${n}`, async () => n));
    assert.deepEqual(await Promise.all(both), [1, 2]);
    assert.equal(progress.times.length, 2);
  });
}

test('a log without a terminal gets start, signs of life and end, no control characters', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const to = screen(false);
  let nowMs = 0;
  const progress = terminalProgress(to, { nowMs: () => nowMs, env: {} });
  await progress.step('base root', async (step) => {
    step.note('unpacking\nlibc6');
    step.fraction(0.5);
    nowMs = 30_000;
    mock.timers.tick(30_000);
    step.warn('slow mirror');
    nowMs = 65_000;
  });
  progress.reused('image', 'nothing changed');
  mock.timers.reset();
  assert.equal(
    to.text,
    [
      '· base root …',
      '· base root 30.0 s  ██████████░░░░░░░░░░  50 %  unpacking libc6',
      '! slow mirror',
      '✓ base root 1 min 05 s',
      '✓ image (nothing changed)',
      '',
    ].join('\n'),
  );
});

test('a terminal shows one live line that fits, and finished steps stay', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const to = screen(true);
  const progress = terminalProgress(to, { nowMs: () => 0, env: { NO_COLOR: '1' } });
  await progress.step('base root', async (step) => {
    step.note(`unpacking \u001B[31m${'a'.repeat(100)}`);
    mock.timers.tick(1_000);
    assert.match(lastLine(to), /^\S base root 0\.0 s {2}unpacking a+…$/);
    assert.equal(Array.from(lastLine(to)).length, 39);
    progress.say('a word');
    assert.match(lastLine(to), /base root/, 'the live line comes back after a word');
  });
  mock.timers.reset();
  assert.ok(to.text.includes('a word\n'));
  assert.ok(to.text.endsWith('✓ base root 0.0 s\n'));
  assert.ok(!to.text.includes('\u001B[3'), 'NO_COLOR is obeyed');
});

test('a failed step says so with its last note', async () => {
  const to = screen(false);
  const progress = terminalProgress(to, { nowMs: () => 0, env: {} });
  await assert.rejects(
    progress.step('image', async (step) => {
      step.note('writing the table');
      throw new Error('no');
    }),
  );
  assert.ok(to.text.endsWith('✗ image 0.0 s  writing the table\n'));
});

test('duration() speaks as people do', () => {
  assert.deepEqual([0, 940, 59_949, 59_950, 125_000, 3_720_000].map(duration), [
    '0.0 s',
    '0.9 s',
    '59.9 s',
    '1 min 00 s',
    '2 min 05 s',
    '1 h 02 min',
  ]);
});
