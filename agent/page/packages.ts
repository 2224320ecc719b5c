// Interfaces that came as signed packages, as the page and the report show them: what each may reach in words, also
// before anyone has approved it; what became of its versions. Pure.
import type { PackageRow, PackageStep, Permission } from '../core/packages.ts';
import { ago, fill, texts } from './language.ts';
import type { Language, Texts } from './texts/shape.ts';

export interface PackageText {
  readonly name: string;
  readonly mood: 'passed' | 'warning' | 'failed' | 'not-needed' | 'running';
  readonly state: string;
  /** What a person should do. */
  readonly remedy: { readonly text: string; readonly who: string } | undefined;
  readonly rows: readonly (readonly [string, string])[];
}

const MOODS = {
  downloading: 'running',
  trial: 'running',
  confirmed: 'passed',
  // Whatever ran before runs on: nothing in the hotel stands still.
  failed: 'warning',
  returned: 'warning',
  removed: 'not-needed',
} as const;

export function packageText(
  row: PackageRow,
  { wallMs, language }: { readonly wallMs: number; readonly language: Language },
): PackageText {
  const t = texts[language];
  const p = t.packages;
  const { name, runs, past, asked } = row;
  const [last] = past;
  const title = runs?.title ?? asked?.title;
  const aged = (text: string, atMs: number | undefined): string =>
    atMs === undefined ? text : `${text} (${ago(wallMs - atMs, language)})`;
  const versions = past.map(
    (step) =>
      [
        fill(p.version, { version: step.version }, t),
        aged(fill(p.past[step.at], { why: step.why ?? '' }, t), step.wallMs),
      ] as const,
  );
  return {
    name: title === undefined ? name : `${name} · ${title}`,
    mood: asked !== undefined ? 'warning' : last === undefined ? 'not-needed' : MOODS[last.at],
    state: asked === undefined ? stateOf(last, t) : p.waits,
    remedy:
      asked === undefined
        ? undefined
        : { text: fill(p.approve, { version: asked.version }, t), who: t.services.who.clock },
    rows: [
      ...(asked === undefined
        ? []
        : [
            [p.wants, inWords(asked.permissions, t)] as const,
            [p.offered, ago(wallMs - asked.wallMs, language)] as const,
          ]),
      [p.runs, runs?.version ?? p.builtIn],
      ...(runs === undefined ? [] : [[p.may, inWords(runs.permissions, t)] as const]),
      ...versions,
    ],
  };
}

/** Without its reason: that stands beside the version. */
const stateOf = (step: PackageStep | undefined, t: Texts): string =>
  step === undefined ? '' : t.packages.past[step.at].replace(/\s*:.*$/, '');

const inWords = (permissions: readonly Permission[], t: Texts): string =>
  permissions.length === 0
    ? t.packages.mayNothing
    : permissions.map((one) => t.packages.permissions[one]).join('; ');

/** For support's report. */
export function packageLines(
  rows: readonly PackageRow[],
  options: { readonly wallMs: number; readonly language: Language },
): string[] {
  const { words } = texts[options.language];
  return rows.flatMap((one) => {
    const { name, state, remedy, rows } = packageText(one, options);
    const todo: readonly (readonly [string, string])[] =
      remedy === undefined
        ? []
        : [
            [words.todo, remedy.text],
            [words.who, remedy.who],
          ];
    return [
      `[${state}] ${name}`,
      ...[...todo, ...rows].map(([key, value]) => `    ${key}: ${value}`),
    ];
  });
}

/** `packages` of the status. */
export const packageStatus = ({ name, runs, past, asked }: PackageRow): unknown => ({
  name,
  runs: runs ?? null,
  past: past.map(({ version, at, why, wallMs }) => ({
    ...{ version, at, why: why ?? null },
    since: timeOf(wallMs),
  })),
  asked:
    asked === undefined
      ? null
      : {
          ...{ title: asked.title, version: asked.version, permissions: asked.permissions },
          since: timeOf(asked.wallMs),
        },
});

const timeOf = (wallMs: number | undefined): string | null =>
  wallMs === undefined ? null : new Date(wallMs).toISOString();
