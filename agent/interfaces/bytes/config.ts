// Settings of a raw bridge. Pure.
import * as v from 'valibot';
import { parseSettings } from '../../core/fields/config.ts';
import type { Need, Parsed } from '../../core/interface.ts';
import { LineSettings } from '../../core/line/config.ts';
import { needsOfLine } from '../../core/line/needs.ts';

const Settings = v.strictObject({
  line: LineSettings,
  /** Bytes that come within this pause of each other go to the cloud together. */
  idleMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(5_000)), 50),
});
export type Settings = Readonly<v.InferOutput<typeof Settings>>;

export const parse = (settings: unknown): Parsed<Settings> => parseSettings(Settings, settings);
export const needsOf = ({ line }: Settings): readonly Need[] => needsOfLine(line);
