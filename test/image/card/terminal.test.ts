// `./build.sh flash` on a terminal: what is asked, what answers mean, and that a no leaves the card as it was.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { open, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLedger, openLedger } from '../../../image/ledger/ledger.ts';
import { listUnits } from '../../../image/ledger/units.ts';
import { by } from '../ledger/sample.ts';
import { CARD_BYTES, makeWorks } from './factory.ts';
import type { Works } from './factory.ts';

const MAIN = fileURLToPath(new URL('../../../image/main.ts', import.meta.url));
const MS_MAX = 60_000;

let works: Works;
const at = (name: string): string => join(works.folder, name);
before(async () => {
  works = await makeWorks();
  await writeFile(at('signer.pem'), works.key.publicKeyPem);
  createLedger(at('ledger.db'), { recipient: undefined, by }).close();
  await using card = await open(at('card'), 'w');
  await card.truncate(CARD_BYTES);
});
after(() => rm(works.folder, { recursive: true }));

/** Types `answer` when the question stands on a terminal; what was shown, and the exit code. */
async function answered(answer: string): Promise<{ code: number | null; shown: string }> {
  const words = ['flash', at('card'), '--release', works.release, '--signer', at('signer.pem')];
  const env = {
    ...process.env,
    ...{ CLOCK_LEDGER: at('ledger.db'), XDG_CACHE_HOME: at('cache'), CLOCK_OPERATOR: 'ada' },
  };
  const command = [process.execPath, MAIN, ...words].map((word) => `'${word}'`).join(' ');
  // bsdutils' script gives it a terminal.
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    ...{ env, cwd: works.folder, stdio: ['pipe', 'pipe', 'ignore'], timeout: MS_MAX },
  });
  let shown = '';
  let isAsked = false;
  child.stdout.on('data', (piece: Buffer) => {
    shown += piece.toString();
    if (isAsked || !shown.includes('[y/N]')) return;
    isAsked = true;
    child.stdin.write(answer);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  assert.ok(isAsked, shown);
  return { code, shown };
}

for (const [name, answer, ends, said] of [
  ['n', 'n\r', 1, /Nothing was written\r\n {2}→ Answer y/],
  ['Enter alone', '\r', 1, /Nothing was written\r\n {2}→ Answer y/],
  ['Ctrl-D', '\u0004', 1, /Nothing was written\r\n {2}→ Answer y/],
  // As everywhere: 128 + the number of the signal.
  ['Ctrl-C', '\u0003', 130, /Nothing was written\.[^→]*Stopped\./],
] as const) {
  test(`${name} at the question leaves the card as it was, and ends with ${ends}`, async () => {
    const { code, shown } = await answered(answer);
    assert.match(shown, /All that is on this card is lost\./);
    assert.match(shown, said);
    assert.equal(code, ends);
    assert.equal((await stat(at('card'))).blocks, 0, 'nothing lies on it');
    const ledger = openLedger(at('ledger.db'));
    assert.deepEqual(listUnits(ledger), []);
    ledger.close();
  });
}

test('y writes it, and the next time the question says what lies there', async () => {
  const { code, shown } = await answered('y\r');
  assert.equal(code, 0, shown);
  assert.match(shown, /1 card is finished/);
  const [, serial] = /is unit ([0-9a-f]{32})/.exec(shown)!;
  const again = (await answered('n\r')).shown;
  assert.match(
    again,
    new RegExp(`! \\S+card has the card of unit ${serial!}, which needs another`),
  );
});
