// Two root directories, file by file: paths, kinds, modes, owners, contents, links, capabilities.
// Knows nothing of how they were made.
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../../image/core/run.ts';
import { hashFile } from '../../../../image/release/inputs.ts';

interface Entry {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly mode: string;
  readonly owner: string;
  /** SHA-256 of a file, the target of a link. */
  readonly content: string;
  readonly capabilities: string;
}

export interface Difference {
  readonly path: string;
  /** `only a`, `only b`, or the fields that differ. */
  readonly what: readonly string[];
}

/** Not readdir's `recursive`, which follows links out of the root. */
async function* below(root: string, path = ''): AsyncGenerator<string> {
  for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
    yield join(path, entry.name);
    if (entry.isDirectory()) yield* below(root, join(path, entry.name));
  }
}

/** Everything below a root by path. */
async function readRoot(root: string): Promise<ReadonlyMap<string, Entry>> {
  const { stdout } = await run(['getcap', '-r', root], { accept: [1] });
  const capabilities = new Map(
    stdout.split('\n').map((line) => line.slice(root.length + 1).split(' ', 2) as [string, string]),
  );
  const found = new Map<string, Entry>();
  for await (const path of below(root)) {
    const file = join(root, path);
    const info = await lstat(file);
    const kind = info.isFile()
      ? 'file'
      : info.isDirectory()
        ? 'folder'
        : info.isSymbolicLink()
          ? 'link'
          : 'other';
    const content =
      kind === 'file' ? await hashFile(file) : kind === 'link' ? await readlink(file) : '';
    found.set(path, {
      ...{ kind, content, mode: (info.mode & 0o7777).toString(8) },
      owner: `${info.uid}:${info.gid}`,
      capabilities: capabilities.get(path) ?? '',
    });
  }
  return found;
}

/** What differs between two roots, by path. */
export async function compareRoots(a: string, b: string): Promise<Difference[]> {
  const [left, right] = [await readRoot(a), await readRoot(b)];
  const differences: Difference[] = [];
  for (const path of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    const [one, other] = [left.get(path), right.get(path)];
    if (one === undefined || other === undefined) {
      differences.push({ path, what: [one === undefined ? 'only b' : 'only a'] });
      continue;
    }
    const fields = ['kind', 'mode', 'owner', 'content', 'capabilities'] as const;
    const what = fields.filter((field) => one[field] !== other[field]);
    if (what.length > 0) differences.push({ path, what });
  }
  return differences;
}

/** Lines that only one of two text files has, marked `-` (of a) or `+` (of b). */
export async function changedLines(a: string, b: string): Promise<string[]> {
  const [left, right] = await Promise.all(
    [a, b].map(async (file) => (await readFile(file, 'latin1')).split('\n')),
  );
  return [
    ...left!.filter((line) => !right!.includes(line)).map((line) => `-${line}`),
    ...right!.filter((line) => !left!.includes(line)).map((line) => `+${line}`),
  ];
}
