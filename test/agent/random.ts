// Chance that can be repeated: the same seed, the same run.

/** mulberry32: small, good enough, the same everywhere. From [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** CLOCK_TEST_SEED repeats a run; every test says its own. */
export const testSeed = (): number =>
  Number(process.env['CLOCK_TEST_SEED'] ?? Date.now() % 2 ** 32) >>> 0;
