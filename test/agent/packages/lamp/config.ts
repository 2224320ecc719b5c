// Settings of the smallest interface there can be, for the tests of packages. Pure.
import * as v from 'valibot';
import type { Parsed } from '../../../../agent/core/interface.ts';
import { Host, Port } from '../../../../agent/core/line/config.ts';

const Settings = v.strictObject({ host: Host, port: Port });
export type Settings = v.InferOutput<typeof Settings>;

export function parse(settings: unknown): Parsed<Settings> {
  const parsed = v.safeParse(Settings, settings);
  if (parsed.success) return { ok: true, settings: parsed.output };
  const problems = parsed.issues.map((issue) => ({
    field: v.getDotPath(issue) ?? '',
    problem: issue.message,
  }));
  return { ok: false, problems };
}
