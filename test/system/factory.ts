// The factory and support as a system test has them: ./build.sh's own commands on card files, a ledger and support's
// key in a folder of their own. Knows no test.
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { run } from '../../image/core/run.ts';
import { csvLine } from '../../image/ledger/csv.ts';
import type { Announcement } from '../../image/ledger/registration.ts';
import type { Account } from '../bench/cloud/owner.ts';
import { IMAGE } from './units.ts';

const HOME = fileURLToPath(new URL('../..', import.meta.url));
/** QEMU's cards have a power of two in size. */
const CARD_BYTES = 2 ** 31;

/** What all cards of a fleet get. */
interface Fleet {
  readonly claim: { readonly certPem: string; readonly keyPem: string };
  /** `endpoints.json`; undefined: the release's. */
  readonly endpoints?: string;
}

interface Order {
  /** Units. */
  readonly count: number;
  readonly account: Account;
  /** As the shadow `services` desires them. */
  readonly services: Readonly<Record<string, object>>;
}

/** A factory with support's key; disposing removes it with all its cards. */
export class Factory implements AsyncDisposable {
  readonly folder: string;
  readonly #fleet: readonly string[];

  private constructor(folder: string, { endpoints }: Fleet) {
    this.folder = folder;
    const version = basename(IMAGE, '.img').replace(/^clock-iot-unit-|-claim-[0-9a-f]{8}$/g, '');
    this.#fleet = [
      ...['--yes', '--release', join(dirname(IMAGE), 'release', version), '--claim', 'claim'],
      ...(endpoints === undefined ? [] : ['--endpoints', 'endpoints.json']),
    ];
  }

  static async open(fleet: Fleet): Promise<Factory> {
    const factory = new Factory(await mkdtemp(join(tmpdir(), 'clock-factory-')), fleet);
    const identity = await generateIdentity();
    await writeFile(factory.at('support.txt'), `${identity}\n`, { mode: 0o600 });
    await mkdir(factory.at('claim'));
    await writeFile(factory.at('claim/claim.crt'), fleet.claim.certPem);
    await writeFile(factory.at('claim/claim.key'), fleet.claim.keyPem, { mode: 0o600 });
    if (fleet.endpoints !== undefined) {
      await writeFile(factory.at('endpoints.json'), fleet.endpoints);
    }
    await factory.build(['unit', 'init', '--recipient', await identityToRecipient(identity)]);
    return factory;
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** `./build.sh` with these words, in the factory's folder; what it printed. */
  async build(words: readonly string[], accept: readonly number[] = []): Promise<string> {
    const env = [`CLOCK_LEDGER=${this.at('ledger.db')}`, 'CLOCK_OPERATOR=ada'];
    const argv = ['env', ...env, process.execPath, join(HOME, 'image/main.ts'), ...words];
    return (await run(argv, { accept, cwd: this.folder })).stdout;
  }

  /** Takes in an order of units that are alike: their serials. */
  async order(id: string, { count, account, services }: Order): Promise<readonly string[]> {
    const { kind, host, subscriptionId, accountId, apiUser, apiKey } = account;
    const fields = ['host', 'subscription_id', 'account_id', 'api_user', 'api_key'];
    const head = ['order', 'count', ...fields.map((name) => `${kind}_${name}`), 'services'];
    const accountCells = [host, subscriptionId, accountId, apiUser, apiKey].map(String);
    const cells = [id, String(count), ...accountCells, `${id}.json`];
    await writeFile(this.at(`${id}.json`), JSON.stringify(services));
    await writeFile(this.at(`${id}.csv`), `${csvLine(head)}\n${csvLine(cells)}\n`);
    await this.build(['unit', 'import', `${id}.csv`]);
    const units = JSON.parse(await this.build(['unit', 'list', '--order', id, '--json'])) as {
      serial: string;
    }[];
    return units.map(({ serial }) => serial);
  }

  /** Cards for the next units of an order, all at once. */
  async flash(order: string, count: number): Promise<readonly string[]> {
    const cards: string[] = [];
    for (let n = 1; n <= count; n += 1) cards.push(await this.#newCard(`${order}-${n}`));
    await this.build(['flash', ...cards, '--order', order, ...this.#fleet]);
    return cards;
  }

  /** Brings out what waited on a unit's card: the file, and what was said. */
  async recover(card: string, out: string): Promise<{ file: string; said: string }> {
    const words = ['recover', card, '--identity', 'support.txt', '--out', out];
    return { said: await this.build(words), file: this.at(out) };
  }

  /** Another card for a unit, with what was recovered. */
  async reflash(serial: string, from: string): Promise<string> {
    const card = await this.#newCard(`reflashed-${serial.slice(0, 8)}`);
    const support = ['--from', from, '--identity', 'support.txt'];
    await this.build(['reflash', serial, card, ...support, ...this.#fleet]);
    return card;
  }

  /** What the cloud is to be told. */
  async announced(): Promise<readonly Announcement[]> {
    const { units } = JSON.parse(await this.build(['unit', 'export'])) as {
      units: Announcement[];
    };
    return units;
  }

  /** sfdisk puts a "p" between a name that ends with a digit and the partition's number. */
  async #newCard(name: string): Promise<string> {
    const file = this.at(`${name}.card`);
    await writeFile(file, '');
    await truncate(file, CARD_BYTES);
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
