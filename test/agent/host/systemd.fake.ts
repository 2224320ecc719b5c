// A systemd written by hand. Passes the contract of the real adapter (test/agent/io/systemd.test.ts).
import type { Systemd } from '../../../agent/host/ports.ts';

export function fakeSystemd(
  options: {
    readonly watchdogMs?: number;
    /** The units that may be started. */
    readonly units?: readonly string[];
    readonly isDeaf?: boolean;
  } = {},
): Systemd & { readonly heard: readonly string[] } {
  const { watchdogMs, units = [], isDeaf = false } = options;
  const heard: string[] = [];
  return {
    heard,
    watchdogMs,
    notify: async (state) => {
      if (isDeaf) throw new Error('nobody listens');
      heard.push(state);
    },
    startUnit: async (name) => {
      if (!units.includes(name)) throw new Error(`Unit ${name} not found.`);
    },
  };
}
