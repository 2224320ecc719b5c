// Chance: the only place that makes it.
import { randomBytes } from 'node:crypto';

/** From [0, 1), evenly. */
export const systemRandom = (): number => randomBytes(4).readUInt32LE(0) / 2 ** 32;

/** For identifiers that nobody may guess or meet twice. */
export const systemRandomBytes = (count: number): Buffer => randomBytes(count);
