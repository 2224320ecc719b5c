// What still runs: for tests that promise to leave no process behind. Reads /proc, ends nothing.
import { readFile, readdir } from 'node:fs/promises';

/** Process ids whose command line holds `text`; a program that has ended but is not yet reaped, not. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(text)) found.push(Number(name));
  }
  return found;
}

/** Resolves when `holds` says so; rejects with `what` after the time. */
export async function until(
  holds: () => Promise<boolean>,
  { what, withinMs }: { readonly what: string; readonly withinMs: number },
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
