// Compresses texts that go to the cloud.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

/** gzip (RFC 1952). */
export const gzipText = async (text: string): Promise<Buffer> => compress(text);
