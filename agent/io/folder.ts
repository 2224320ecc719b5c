// The agent's folder on the state partition: small files that are whole after any power cut.
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../core/errors.ts';
import type { StateFolder } from '../provisioning/ports.ts';
import { realFiles } from './files.ts';

/** Makes the folder if it is not there (0700), as systemd does on the unit (StateDirectory=). */
export function realFolder(path: string): StateFolder {
  const files = realFiles(path);
  return {
    read: async (name) => {
      try {
        return await files.read(name);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    // A file system may put the name on the card before the bytes: hence one fsync for each.
    write: async (name, text) => {
      await mkdir(path, { recursive: true, mode: 0o700 });
      const temporary = join(path, `${name}.new`);
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, join(path, name));
      await syncFolder(path);
    },
    remove: async (names) => {
      let removed = 0;
      for (const name of names) {
        try {
          await unlink(join(path, name));
          removed += 1;
        } catch (error) {
          if (codeOf(error) !== 'ENOENT') throw error;
        }
      }
      if (removed > 0) await syncFolder(path);
    },
  };
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
