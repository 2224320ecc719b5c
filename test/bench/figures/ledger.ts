// Figures of the ledger: cards noted a second, each of their three steps on the disk, beside bare rows in SQLite on the
// same disk; and the time to verify it all.
import { mkdtempDisposable } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../../../image/core/progress.ts';
import { createLedger } from '../../../image/ledger/ledger.ts';
import type { Ledger } from '../../../image/ledger/ledger.ts';
import { verifyStore } from '../../../image/ledger/verify.ts';
import type { Figure } from './figure.ts';

const CARDS = 500;
/** Both in turns: the machine's other work hits both alike. */
const TURNS = 5;
/** Sixteen cards a minute, all at once at worst, must not wait for the ledger. */
const CARDS_LEAST = 16;
const by = { operator: 'bench', station: 'bench' };
const card = { bytes: 4e9, model: 'Simulated', device: '/dev/null' };
const registration = '0'.repeat(64);
const done = { result: 'done', sha256: registration, bytes: 3e8, writeMs: 1, readMs: 1 } as const;

export async function ledgerFigures(progress: Progress): Promise<Figure[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-bench-'));
  return await progress.step(`ledger: ${CARDS} cards`, async () => {
    const ledger = createLedger(join(folder.path, 'ledger.db'), { recipient: undefined, by });
    try {
      ledger.make([{ count: CARDS, order: 'A', accounts: [], services: [] }], by);
      using bareDb = bareTable(join(folder.path, 'bare.db'));
      let [noted, bare] = [0, 0];
      for (let turn = 0; turn < TURNS; turn += 1) {
        noted += timed(() => noteCards(ledger, CARDS / TURNS));
        bare += timed(() => bareRows(bareDb, (CARDS / TURNS) * 3));
      }
      let problems = 0;
      const verified = timed(() => (problems = verifyStore(ledger.store).problems.length));
      if (problems > 0) throw new Error('the ledger of the bench is not whole');
      return [
        {
          ...{ what: 'ledger: cards noted', unit: 'rate', least: CARDS_LEAST },
          measured: (CARDS / noted) * 1_000,
          remark: `three steps each, each on the disk; as many bare rows in SQLite: ${((CARDS / bare) * 1_000).toFixed(0)}/s`,
        },
        {
          ...{ what: 'ledger: verified', unit: 'ms', measured: verified },
          remark: `${CARDS * 4 + 1} events, and all tables built anew`,
        },
      ];
    } finally {
      ledger.close();
    }
  });
}

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

function noteCards(ledger: Ledger, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const flash = ledger.begin({ order: 'A', card, release: 'bench', registration, by });
    ledger.verified(flash);
    ledger.end(flash, done);
  }
}

function bareTable(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (a TEXT)');
  return db;
}

function bareRows(db: DatabaseSync, count: number): void {
  const insert = db.prepare('INSERT INTO t VALUES (?)');
  for (let n = 0; n < count; n += 1) insert.run(registration);
}
