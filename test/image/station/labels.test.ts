// Labels from the station: a printer that takes none, a command that is none.
import assert from 'node:assert/strict';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLedger } from '../../../image/ledger/ledger.ts';
import { checkCommand, labelPrinter } from '../../../image/station/labels.ts';

const by = { operator: 'anna', station: 'bench 1' };

test('a printer that holds its command is named, and the label is not noted as printed', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-labels-'));
  const ledger = createLedger(join(folder.path, 'ledger.db'), { recipient: undefined, by });
  const [unit] = ledger.make([{ count: 1, order: 'A-17', accounts: [], services: [] }], by);
  const { serial } = unit!;
  const { signal } = new AbortController();
  const printer = (command: string) =>
    labelPrinter(ledger, { by, command, format: 'zpl', signal, msMax: 300 }).print!(serial);
  await assert.rejects(printer('sleep 60'), { code: 'printer-holds', message: /"sleep 60"/ });
  assert.equal(ledger.unit(serial).labelled, false);
  await assert.rejects(printer('echo no paper >&2; exit 3'), { code: 'program-failed' });
  assert.equal(ledger.unit(serial).labelled, false);
  await printer('cat >/dev/null');
  assert.equal(ledger.unit(serial).labelled, true);
  ledger.close();
});

test('a command that is no program is refused before the first card', async () => {
  await assert.rejects(checkCommand('lpp -d labels'), { code: 'label-command', message: /"lpp"/ });
  await assert.rejects(checkCommand('/usr/bin/no-printer'), { code: 'label-command' });
  for (const command of ['cat >/dev/lp0', '(cat) >x', 'P=labels lp', '/bin/cat'])
    await checkCommand(command);
});
