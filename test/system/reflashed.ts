// A card that support wrote for a unit that had one, never started: its record holds all that a record can, and the
// queue of its last card. Knows no test.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { openSqlite } from '../../agent/io/sqlite.ts';
import { STORE_LIMITS } from '../../agent/outbox/limits.ts';
import { issue } from '../agent/io/certificates.ts';
import type { Account } from '../bench/cloud/owner.ts';
import { makeStateCard } from '../image/unit/state-card.ts';
import { recordOn } from './card-look.ts';
import { Factory } from './factory.ts';
import { transportKey } from './units.ts';

const ACCOUNT: Account = {
  ...{
    kind: 'pms' as const,
    host: 'sky-eu1.clock-software.test',
    subscriptionId: 7,
    accountId: 42,
  },
  ...{ apiUser: 'clock-iot', apiKey: 'k-that-only-the-card-may-hold' },
};
const SERVICES = {
  hand: {
    interface: 'bytes',
    settings: { line: { kind: 'tcp-server', port: 6_001, from: ['172.17.0.1'] } },
  },
};
const MESSAGES = 50;

export interface Reflashed {
  readonly factory: Factory;
  readonly card: string;
  readonly bytes: number;
  readonly serial: string;
  readonly transport: Buffer;
  readonly record: Readonly<Record<string, Buffer>>;
  /** What of the record may be read nowhere once the unit has it, by the file's name. */
  readonly secrets: Readonly<Record<string, Buffer>>;
  /** Of the messages that the last card had not told. */
  readonly ids: readonly string[];
  /** The same as support brings it out of a card that has started. */
  waitingOn(card: string, name: string): Promise<readonly string[]>;
}

/** `factory` is to be disposed of. Takes some ten seconds. */
export async function reflashed(): Promise<Reflashed> {
  const claim = issue({ name: 'claim' });
  const factory = await Factory.open({ claim, endpoints: '{}' });
  const order = { count: 1, account: ACCOUNT, services: SERVICES };
  const [serial = ''] = await factory.order('A-17', order);
  const digits = '5a'.repeat(32);
  const { card: last } = await makeStateCard(factory.at('last'), {
    ...{ serial, digits, files: await queue(factory.at('unit')), isCut: true },
  });
  await writeFile(factory.at('last.key'), digits);
  await factory.build(['recover', last, '--key', 'last.key', '--out', 'queue.db']);
  const ids = idsIn(factory.at('queue.db'));
  const card = await factory.reflash(serial, 'queue.db');
  const record = await recordOn(card);
  const text = (name: string): Buffer => Buffer.from(record[name]!.toString().trim());
  return {
    ...{ factory, card, serial, record, ids },
    bytes: (await stat(card)).size,
    transport: await transportKey(card),
    secrets: {
      'unit.json': Buffer.from(ACCOUNT.apiKey),
      'claim.key': Buffer.from(claim.keyPem.split('\n')[1]!),
      'recovery.key': text('recovery.key'),
      'registration.token': text('registration.token'),
      // Its beginning is every gzip's.
      'carried.db.gz': record['carried.db.gz']!.subarray(64, 256),
    },
    waitingOn: async (of, name) => idsIn((await factory.recover(of, `${name}.db`)).file),
  };
}

/** A queue of events that nobody was told, as its agent leaves it when the plug is pulled. */
async function queue(folder: string): Promise<Record<string, Uint8Array>> {
  const store = openSqlite(folder, STORE_LIMITS);
  const payload = Buffer.from('{}');
  const add = Array.from({ length: MESSAGES }, (_unused, index) => {
    const id = `not-told-${String(index).padStart(2, '0')}`;
    return { id, lane: 'business', topic: 't', payload, atMs: index } as const;
  });
  store.apply({ add, remove: [], bury: [], put: [], drop: [] });
  await store.sync();
  const files = {
    'outbox.db': await readFile(`${folder}/outbox.db`),
    'outbox.db-wal': await readFile(`${folder}/outbox.db-wal`),
  };
  store.close();
  return files;
}

function idsIn(file: string): readonly string[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = db.prepare('SELECT id FROM waiting ORDER BY place').all();
    return rows.map(({ id }) => String(id));
  } finally {
    db.close();
  }
}
