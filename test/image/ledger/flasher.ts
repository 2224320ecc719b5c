// A flasher without cards, as a process of its own that can be killed: begins, verifies and ends flashes of an order
// until there are none, and says each step before it asks for it and after it is done.
import { writeSync } from 'node:fs';
import { openLedger } from '../../../image/ledger/ledger.ts';
import { randomFrom } from '../../agent/random.ts';

const [file = '', order = '', station = '', seed = '0'] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const by = { operator: 'test', station };
const registration = 'c0'.repeat(32);
const card = { bytes: 4e9, model: 'Simulated', device: '/dev/null' };
const done = { result: 'done', sha256: 'ab', bytes: 3e8, writeMs: 4, readMs: 2 } as const;
const bad = { result: 'bad', code: 'write-failed', reason: 'EIO' } as const;
// To the pipe at once: what a killed process had said must have been said.
const say = (step: string, serial = ''): void => void writeSync(1, `${step} ${serial}\n`);

const ledger = openLedger(file);
say('open');
for (;;) {
  try {
    const flash = ledger.begin({ order, card, release: 'r1', registration, by });
    say('begun', flash.unit.serial);
    if (random() < 0.1) {
      ledger.end(flash, bad);
      say('bad', flash.unit.serial);
      continue;
    }
    say('verifying', flash.unit.serial);
    ledger.verified(flash);
    say('verified', flash.unit.serial);
    ledger.end(flash, done);
    say('done', flash.unit.serial);
  } catch (error) {
    say((error as { code?: string }).code ?? String(error));
    break;
  }
}
ledger.close();
