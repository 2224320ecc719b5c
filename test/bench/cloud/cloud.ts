// Opens the double of AWS IoT Core: builds its parts and connects them. What a test gets: api.ts.
import type { Cloud, CloudOptions } from './api.ts';

/** Opens the cloud on loopback. Closed by `close()` or at the end of `await using`. */
export async function openCloud(options: CloudOptions = {}): Promise<Cloud> {
  await Promise.resolve(options);
  throw new Error('not yet');
}
