// What the cloud can set in shadow `unit` (docs: agent/README.md, "Shadows"), as it is desired and as it
// lies on the card. Pure.
import * as v from 'valibot';
import type { State } from './ports.ts';

/** Twelve an hour tell a person enough and cost nothing. */
export const ALIVE_SECONDS = 300;

/** Of each setting. More than one a second of anything is no setting but an attack. */
const FIELDS = {
  /** How often `unit.alive` is said. */
  aliveSeconds: v.pipe(v.number(), v.integer(), v.minValue(10), v.maxValue(86_400)),
} as const;
const isField = (name: string): name is keyof typeof FIELDS => Object.hasOwn(FIELDS, name);
const Settings = v.object({ aliveSeconds: v.exactOptional(FIELDS.aliveSeconds) });
export type Settings = v.InferOutput<typeof Settings>;

/** Names of settings that are refused are somebody's typing: shown, within bounds. */
const NAME_CHARS_MAX = 40;
const REFUSED_MAX = 10;

/** What is in force of it, and why the rest is not. Pure. */
export function judgeSettings(desired: State): { settings: Settings; refused: State } {
  const good: [string, unknown][] = [];
  const refused: [string, string][] = [];
  for (const [name, value] of Object.entries(desired)) {
    if (!isField(name)) refused.push([name.slice(0, NAME_CHARS_MAX), 'no such setting']);
    else {
      const parsed = v.safeParse(FIELDS[name], value);
      if (parsed.success) good.push([name, parsed.output]);
      else refused.push([name, parsed.issues[0].message]);
    }
  }
  const settings = v.parse(Settings, Object.fromEntries(good));
  return { settings, refused: Object.fromEntries(refused.slice(0, REFUSED_MAX)) };
}

/** What lies on the card; throws where that is something else. */
export const parseSettings = (text: string | undefined): Settings =>
  v.parse(Settings, JSON.parse(text ?? '{}'));
