// What the cloud has set in shadow `unit`: kept on the card, in force also without a connection.
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Records } from '../core/records.ts';
import { ALIVE_SECONDS, judgeSettings, parseSettings } from './config.ts';
import type { Settings } from './config.ts';
import type { State } from './ports.ts';

const KEY = 'settings/unit';

export interface UnitSettings {
  aliveMs(): number;
  /** At the paths of what is desired, and `refused`. */
  report(): State;
  desire(desired: State): Promise<void>;
}

export function createSettings({
  records,
  log,
}: {
  readonly records: Records;
  readonly log: Log;
}): UnitSettings {
  let refused: State = {};
  const read = (): Settings => {
    try {
      return parseSettings(records.get(KEY));
    } catch (error) {
      log.error(`settings: ${codeOf(error)}`);
      return {};
    }
  };
  let settings = read();
  return {
    aliveMs: () => (settings.aliveSeconds ?? ALIVE_SECONDS) * 1_000,
    report: () => ({ ...settings, ...(Object.keys(refused).length > 0 && { refused }) }),
    desire: async (desired) => {
      const judged = judgeSettings(desired);
      refused = judged.refused;
      const value = JSON.stringify(judged.settings);
      if (value === JSON.stringify(settings)) return;
      await records.change({ put: [{ key: KEY, value }] });
      settings = judged.settings;
      log.info(`settings: ${value}`);
    },
  };
}
