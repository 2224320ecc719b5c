// A file that holds room on the card, to be given up when the card is full.
import { closeSync, fsyncSync, openSync, rmSync, statSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Reserve {
  release(): void;
  /** Takes it again if the card has room: false if not. */
  restore(): boolean;
}

export function reserveAt(path: string, bytes: number): Reserve {
  return {
    release: () => rmSync(path, { force: true }),
    // Written, not only sized: a file with holes reserves nothing.
    restore: () => {
      try {
        if (statSync(path, { throwIfNoEntry: false })?.size === bytes) return true;
        const { bavail, bsize } = statfsSync(dirname(path));
        if (bavail * bsize < 2 * bytes) return false;
        const file = openSync(path, 'w', 0o600);
        try {
          writeSync(file, Buffer.alloc(bytes, 0xa5));
          fsyncSync(file);
        } finally {
          closeSync(file);
        }
        return true;
      } catch {
        return false;
      }
    },
  };
}
