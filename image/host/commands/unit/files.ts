// The actions of `./build.sh unit` that read and write files: orders in, announcements out, backups.
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OperatorError } from '../../../core/errors.ts';
import { writeWhole } from '../../../core/files.ts';
import { oneLine } from '../../../core/terminal.ts';
import { backUp, restore } from '../../../ledger/backup.ts';
import { announce, announcementsCsv } from '../../../ledger/export.ts';
import type { Ledger, UnitsWanted } from '../../../ledger/ledger.ts';
import { CSV_BYTES_MAX } from '../../../ledger/limits.ts';
import { readOrders } from '../../../ledger/orders.ts';
import type { OrderLine } from '../../../ledger/orders.ts';
import { orderTable } from '../../../ledger/report.ts';
import { readIdentities, seal } from '../../../ledger/seal.ts';
import { importedAt, listOrders, unsealWaiting } from '../../../ledger/units.ts';
import { usageError } from '../../command.ts';
import { notTheLedger } from '../factory.ts';
import { existing, formatOf, writableFile } from '../places.ts';
import { within } from './call.ts';
import type { Action } from './call.ts';

const importOrders: Action = async (call) => {
  const { what, print, by } = call;
  if (what === undefined) throw usageError('Which file?', 'Give a CSV of orders');
  const file = await existing(what);
  const bytes = readBounded(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return within(call, async (ledger) => {
    const before = importedAt(ledger, sha256);
    if (before !== undefined) {
      print(`This file was imported already, at ${before}. Nothing was changed.`);
      return 0;
    }
    const orders = await readOrders(bytes, {
      // One whose units are all retired may come again: its file was wrong.
      known: new Set(listOrders(ledger).map(({ name }) => name)),
      beside: (name) => textBeside(file, name),
    });
    if (!orders.ok) {
      for (const { line, field, problem } of orders.problems) {
        print(oneLine(`${basename(file)}:${line}: ${field}: ${problem}`));
      }
      throw new OperatorError('orders-wrong', `${basename(file)} is wrong; no unit was made`, {
        hint: 'Mend the lines above and import it again',
      });
    }
    const wanted: UnitsWanted[] = [];
    for (const line of orders.lines) wanted.push(await sealed(line, ledger));
    const count = wanted.reduce((sum, line) => sum + line.count, 0);
    const names = [...new Set(orders.lines.map(({ order }) => order))];
    const made = `${count} ${count === 1 ? 'unit' : 'units'} for ${names.join(', ')}`;
    if (call.values['dry-run']) {
      print(orderTable(orders.lines));
      print(`All is well: would make ${made}.`);
    } else {
      ledger.make(wanted, by, { name: basename(file), sha256 });
      print(`Made ${made}.`);
      const secrets = secretsIn(orders.lines);
      if (secrets !== undefined)
        print(`The file has ${secrets} in clear: remove it when you are done.`);
    }
    return 0;
  });
};

/** What of a file of orders nobody else should read, in words. */
function secretsIn(lines: readonly OrderLine[]): string | undefined {
  if (lines.some(({ accounts }) => accounts.length > 0)) return 'API keys';
  return lines.some(({ services }) => services.length > 0) ? 'settings of services' : undefined;
}

async function sealed({ record, ...line }: OrderLine, ledger: Ledger): Promise<UnitsWanted> {
  const isSecret = line.accounts.length > 0 || line.services.length > 0;
  if (!isSecret) return line;
  const { recipient } = ledger;
  const text = recipient === undefined ? undefined : await seal(JSON.stringify(record), recipient);
  return { ...line, secret: { record, sealed: text } };
}

function readBounded(file: string): Buffer {
  if (statSync(file).size <= CSV_BYTES_MAX) return readFileSync(file);
  throw new OperatorError('file-large', `${file} is larger than a file of orders can be`, {
    hint: `Up to ${CSV_BYTES_MAX / 1024 / 1024} MB are read`,
  });
}

function textBeside(file: string, name: string): string | undefined {
  const path = join(dirname(file), name);
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true ? readBounded(path).toString('utf8') : undefined;
}

/** As `announce` and its table begin: an earlier export is replaced, nothing else. */
const EXPORTS = {
  json: { begins: '{\n  "v": 1,\n  "events": ', is: 'export as JSON' },
  csv: { begins: 'serial,registration,generation,', is: 'export as CSV' },
} as const;

const exportUnits: Action = (call) =>
  within(call, async (ledger) => {
    const all = announce(ledger);
    const { out } = call.values;
    if (out !== undefined) notTheLedger(out, call.file);
    const format = formatOf(['json', 'csv'], call.values);
    if (out !== undefined) await writableFile(out, { over: EXPORTS[format] });
    const text = format === 'csv' ? announcementsCsv(all) : JSON.stringify(all, undefined, 2);
    if (out === undefined) call.print(text);
    else {
      writeWhole([[out, Buffer.from(`${text}\n`)]]);
      call.print(`Wrote ${all.units.length} serials to ${out}`);
    }
  });

const backup: Action = (call) =>
  within(call, (ledger) => {
    if (call.what === undefined) throw usageError('Where to?', 'Give a file or a folder');
    const { file, verdict, isNew } = backUp(ledger.store, call.what);
    const told = isNew ? `Wrote ${file}` : `Nothing new since ${file}`;
    call.print(`${told}: ${verdict.events} events, ${verdict.units} units.`);
    call.print(`head ${verdict.head}`);
  });

const bringBack: Action = async ({ what, file, by, values, print }) => {
  if (what === undefined) throw usageError('Which backup?', 'Give the file that backup wrote');
  const source = await existing(what);
  const { verdict, aside, gap } = restore(source, file, { by, force: values.force });
  print(`Restored ${file}: ${verdict.events} events, ${verdict.units} units.`);
  if (aside !== undefined) print(`What was there is now ${aside}`);
  if (gap) {
    print('Units that had no card are uncertain now: they may have got one since this backup.');
    print('See "./build.sh unit list --state uncertain"; new ones in their place: unit replace.');
  }
  return 0;
};

const unseal: Action = (call) =>
  within(call, async (ledger) => {
    const { identity } = call.values;
    if (identity === undefined) throw usageError('Whose key?', 'Give --identity FILE');
    const count = await unsealWaiting(ledger, await readIdentities(identity));
    call.print(`Opened ${count} ${count === 1 ? 'record' : 'records'} for the cards that wait.`);
  });

export const FILE_ACTIONS: Readonly<Record<string, Action>> = {
  ...{ import: importOrders, export: exportUnits, backup, restore: bringBack, unseal },
};
