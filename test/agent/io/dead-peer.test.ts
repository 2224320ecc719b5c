// A peer that is gone without a word (power cut, cable) is noticed by both ends of a line that says nothing. Takes
// 25 s and root: part of the long set.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

if (process.env['CLOCK_TEST_LONG'] === '1' && process.getuid?.() === 0)
  test('a line notices within half a minute that its peer is gone without a word', async () => {
    const program = ['--net', process.execPath, 'test/agent/io/dead-peer.ts'];
    const { stdout } = await promisify(execFile)('unshare', program);
    const lines = stdout.trim().split('\n').sort();
    assert.equal(lines.length, 2);
    for (const [index, name] of ['client', 'listener'].entries()) {
      const [who, , why, ms] = lines[index]!.split(' ');
      assert.deepEqual([who, why], [name, 'ETIMEDOUT']);
      // Fifteen seconds of silence, ten probes a second apart.
      assert.ok(Number(ms) > 15_000 && Number(ms) < 45_000, ms);
    }
  });
