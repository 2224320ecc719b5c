// What lies on a card before it is written: cards as they are sold, with somebody's files, ours, and broken ones.
import assert from 'node:assert/strict';
import { mkdtempDisposable, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentWithin } from '../../../image/card/contents.ts';
import type { Content } from '../../../image/card/contents.ts';
import { run } from '../../../image/core/run.ts';
import {
  MIB,
  NOT_FINISHED,
  STATE_AT,
  STATE_LABEL,
  SYSTEM_AT,
  SYSTEM_LABEL,
} from '../../../image/unit/layout.ts';
import { Damaged } from '../../../image/unit/read/source.ts';
import type { OpenedSource } from '../../../image/unit/read/source.ts';
import { CARD_BYTES } from './factory.ts';

const SERIAL = 'a407a36985b48965a3e00ab85aa1e820';
/** Where card makers begin their only partition. */
const PART_AT = 4 * MIB;

/** A card's file and what makes file systems and files on its only partition, or on the whole of it. */
class Card {
  readonly file: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.file = join(folder, 'card');
  }

  async make({ type }: { type?: string } = {}): Promise<void> {
    await writeFile(this.file, '');
    await truncate(this.file, CARD_BYTES);
    if (type === undefined) return;
    const table = `label: dos\nstart=${PART_AT / 512}, type=${type}\n`;
    await run(['sfdisk', '--quiet', this.file], { stdin: table });
  }

  /** `argv` makes a file system on the file that it gets as its last word. */
  async format(argv: readonly string[], { at = PART_AT } = {}): Promise<void> {
    const part = join(this.#folder, 'part');
    await writeFile(part, '');
    await truncate(part, CARD_BYTES - at);
    await run([...argv, part]);
    await this.#put(part, at);
  }

  async #put(part: string, at: number): Promise<void> {
    const dd = [`if=${part}`, `of=${this.file}`, 'bs=1M', `seek=${at / MIB}`];
    await run(['dd', ...dd, 'conv=notrunc,sparse', 'status=none']);
  }

  async write(at: number, bytes: Uint8Array): Promise<void> {
    await using handle = await open(this.file, 'r+');
    await handle.write(bytes, 0, bytes.length, at);
  }

  async bytes(at: number, length: number): Promise<Buffer> {
    await using handle = await open(this.file, 'r');
    return (await handle.read(Buffer.alloc(length), 0, length, at)).buffer;
  }

  /** Mtools on the file system at `at`. */
  async mtools(argv: readonly string[], at = PART_AT): Promise<void> {
    const [program, ...rest] = argv;
    await run([program!, '-i', `${this.file}@@${at}`, ...rest], {
      env: { MTOOLS_SKIP_CHECK: '1' },
    });
  }

  async holds(): Promise<Content> {
    return (await contentWithin(this.file)).holds;
  }
}

async function withCard(use: (card: Card) => Promise<void>): Promise<void> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-contents-'));
  await use(new Card(folder.path));
}

test('an empty card and one that was left unfinished are new; words of somebody are not', async () => {
  await withCard(async (card) => {
    await card.make();
    assert.equal(await card.holds(), 'new');
    await card.write(0, Buffer.from(NOT_FINISHED));
    assert.equal(await card.holds(), 'new');
    await card.write(0, Buffer.from('Somebody’s'));
    assert.equal(await card.holds(), 'files');
  });
});

for (const [name, type, argv] of [
  ['FAT32', 'c', ['mkfs.vfat', '-F', '32']],
  ['FAT16', 'e', ['mkfs.vfat', '-F', '16']],
] as const) {
  for (const at of [PART_AT, 0]) {
    test(`${name} ${at === 0 ? 'without a table' : 'on a partition'}: new without files, also when they were deleted`, async () => {
      await withCard(async (card) => {
        await card.make(at === 0 ? {} : { type });
        await card.format([...argv, '-n', 'NO NAME'], { at });
        assert.equal(await card.holds(), 'new');
        await card.mtools(['mmd', '::System Volume Information'], at);
        assert.equal(await card.holds(), 'new', 'Windows looked at it');
        await card.mtools(['mmd', '::DCIM'], at);
        assert.equal(await card.holds(), 'files');
        await card.mtools(['mrd', '::DCIM'], at);
        assert.equal(await card.holds(), 'new');
        for (const name of ['a long name.txt', 'System backup.tar.gz']) {
          await card.mtools(['mcopy', '/etc/hostname', `::${name}`], at);
          assert.equal(await card.holds(), 'files', name);
          await card.mtools(['mdel', `::${name}`], at);
          assert.equal(await card.holds(), 'new');
        }
        await card.mtools(['mmd', '::System Images'], at);
        assert.equal(await card.holds(), 'files');
      });
    });
  }
}

test('exFAT: new without files', async () => {
  await withCard(async (card) => {
    await card.make({ type: '7' });
    await card.format(['mkfs.exfat', '-L', 'NO NAME']);
    assert.equal(await card.holds(), 'new');
    const boot = await card.bytes(PART_AT, 512);
    const [sector, cluster] = [2 ** boot[108]!, 2 ** (boot[108]! + boot[109]!)];
    const heapAt = PART_AT + boot.readUInt32LE(88) * sector;
    const rootAt = heapAt + (boot.readUInt32LE(96) - 2) * cluster;
    const folder = await card.bytes(rootAt, cluster);
    const end = folder.findIndex((byte, index) => index % 32 === 0 && byte === 0);
    const put = async (name: string): Promise<void> => {
      const parts = Array.from({ length: Math.ceil(name.length / 15) }, (_, n) => {
        const part = Buffer.alloc(32);
        part[0] = 0xc1;
        part.write(name.slice(15 * n, 15 * n + 15), 2, 'utf16le');
        return part;
      });
      const [file, stream] = [Buffer.alloc(32), Buffer.alloc(32)];
      file[0] = 0x85;
      stream[0] = 0xc0;
      await card.write(rootAt + end, Buffer.concat([file, stream, ...parts]));
    };
    await put('System Volume Information');
    assert.equal(await card.holds(), 'new');
    await put('holiday pictures from Бургас');
    assert.equal(await card.holds(), 'files');
  });
});

test('any other file system is somebody’s, and so is a GPT or a file system that leads nowhere', async () => {
  for (const argv of [['mkfs.ext4', '-q'], ['mkswap'], ['mkfs.ntfs', '-q', '-F']]) {
    await withCard(async (card) => {
      await card.make({ type: '83' });
      assert.equal(await card.holds(), 'new', 'a table and nothing in it');
      await card.format(argv);
      assert.equal(await card.holds(), 'files', argv[0]);
    });
  }
  await withCard(async (card) => {
    await card.make();
    await card.format(['mkfs.ntfs', '-q', '-F'], { at: 0 });
    assert.equal(await card.holds(), 'files', 'NTFS without a table');
    // btrfs(5): its superblock lies at 64 KiB, "_BHRfS_M" 64 bytes into it.
    for (const at of [0, PART_AT]) {
      await card.make(at === 0 ? {} : { type: '83' });
      await card.write(at + 64 * 1024 + 64, Buffer.from('_BHRfS_M'));
      assert.equal(await card.holds(), 'files', 'btrfs');
    }
    await card.make();
    const start = CARD_BYTES / 512;
    const entry = Buffer.alloc(66);
    entry[4] = 0x83;
    entry.writeUInt32LE(start, 8);
    entry.writeUInt32LE(2048, 12);
    entry.writeUInt16LE(0xaa_55, 64);
    await card.write(446, entry);
    assert.equal(await card.holds(), 'files', 'a partition that is not there');
    await card.make();
    await run(['sfdisk', '--quiet', card.file], { stdin: 'label: gpt\n' });
    assert.equal(await card.holds(), 'files', 'GPT');
    await card.make({ type: 'c' });
    await card.format(['mkfs.vfat', '-F', '32']);
    await card.write(PART_AT + 44, Buffer.alloc(4, 0xff));
    assert.equal(await card.holds(), 'files', 'its root is beyond its end');
  });
});

test('a unit’s card is one also without its first block; one that a flasher left unfinished is new', async () => {
  const luks = async (label: string, subsystem = ''): Promise<Buffer> => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-luks-'));
    const header = join(folder.path, 'header');
    await writeFile(header, '');
    await truncate(header, 17 * MIB);
    const named = ['--label', label, '--subsystem', subsystem];
    const options = ['--batch-mode', '--type', 'luks2', ...named, '--pbkdf', 'pbkdf2'];
    const cheap = ['--pbkdf-force-iterations', '1000', '--key-file', '-'];
    await run(['cryptsetup', 'luksFormat', ...options, ...cheap, header], { stdin: 'x' });
    return (await readFile(header)).subarray(0, 16 * MIB);
  };
  const [system, state] = [await luks(SYSTEM_LABEL), await luks(STATE_LABEL, SERIAL)];
  await withCard(async (card) => {
    await card.make({ type: '83' });
    await card.write(SYSTEM_AT, system);
    assert.equal(await card.holds(), 'ours');
    await card.write(0, Buffer.alloc(512));
    assert.equal(await card.holds(), 'ours', 'a worn card');
    await card.write(0, Buffer.from(NOT_FINISHED));
    assert.equal(await card.holds(), 'new');
    await card.write(STATE_AT, state);
    assert.deepEqual(
      await contentWithin(card.file),
      { holds: 'ours', unit: SERIAL },
      'begun by mistake: its queue may be saved',
    );
  });
});

test('a card that cannot be read, or does not answer, is called so', async () => {
  const source = (read: OpenedSource['read']) => (): Promise<OpenedSource> =>
    Promise.resolve({ kind: 'device', bytes: 2 ** 32, close: () => Promise.resolve(), read });
  const signed = (at: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    if (at === 0) bytes.writeUInt16LE(0xaa_55, 510);
    return bytes;
  };
  const failing = (bad: number): OpenedSource['read'] => {
    return (at, length) => {
      const isBad = at <= bad && bad < at + length;
      return isBad ? Promise.reject(new Damaged('EIO')) : Promise.resolve(signed(at, length));
    };
  };
  const holds = async (read: OpenedSource['read'], msMax = 10_000): Promise<Content> =>
    (await contentWithin('card', { msMax, open: source(read) })).holds;
  assert.equal(await holds(failing(100)), 'unreadable', 'its first block');
  assert.equal(await holds(failing(132 * 2 ** 20)), 'unreadable', 'where its header is');
  assert.equal(await holds(failing(-1)), 'new');
  assert.equal(await holds(() => new Promise(() => {}), 20), 'unreadable', 'it does not answer');
  assert.deepEqual(await contentWithin('/dev/none'), { holds: 'unreadable' });
});
