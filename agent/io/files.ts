// Files below a root, of bounded size.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_BYTES_MAX } from '../core/limits.ts';
import type { Files } from '../identity/ports.ts';

/** `root` is "/" on the unit, a prepared folder on a workstation. */
export function realFiles(root: string): Files {
  return {
    read: async (path) => {
      const file = await open(join(root, path), 'r');
      try {
        const buffer = Buffer.alloc(FILE_BYTES_MAX + 1);
        const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
        if (bytesRead > FILE_BYTES_MAX) throw new Error(`larger than ${FILE_BYTES_MAX} bytes`);
        return buffer.toString('utf8', 0, bytesRead);
      } finally {
        await file.close();
      }
    },
  };
}
