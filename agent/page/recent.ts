// What the cloud asked of the unit lately, as the page, the report and the status show it. Pure.
import type { CloudView, RecentWork } from '../core/cloud.ts';
import { ago, texts } from './language.ts';
import type { Language } from './texts/shape.ts';

/** The page is for a glance; the status has all. */
const SHOWN_MAX = 5;

/** Names and values: the newest first. `wallMs`: now, by the clock that dated them. */
export function recentRows(
  connection: CloudView | undefined,
  { wallMs, language }: { readonly wallMs: number; readonly language: Language },
): (readonly [string, string])[] {
  if (connection === undefined) return [];
  const { words, work } = texts[language];
  const { commands, jobs } = connection.recentWork;
  const line = (what: string, { state, atMs }: { state: keyof typeof work; atMs: number }) =>
    `${what}: ${work[state]}` +
    (atMs === 0 ? '' : ` (${ago(Math.max(0, wallMs - atMs), language)})`);
  const told = commands.slice(0, SHOWN_MAX).map((one) => line(`${one.service} ${one.kind}`, one));
  const done = jobs.slice(0, SHOWN_MAX).map((one) => {
    const why = one.why === undefined ? '' : `, ${one.why}`;
    return line(one.operation || one.id, one) + why;
  });
  return [
    ...(told.length === 0 ? [] : [[words.commands, told.join('; ')] as const]),
    ...(done.length === 0 ? [] : [[words.jobs, done.join('; ')] as const]),
  ];
}

/** `recent` of the status. */
export function recentStatus({ commands, jobs }: RecentWork): unknown {
  const iso = (atMs: number): string | null => (atMs === 0 ? null : new Date(atMs).toISOString());
  return {
    commands: commands.map(({ atMs, ...rest }) => ({ ...rest, at: iso(atMs) })),
    jobs: jobs.map(({ atMs, ...rest }) => ({ ...rest, at: iso(atMs) })),
  };
}
