// What the page knows of the unit, and its two forms for machines and support: JSON and plain text.
// Pure. Holds no secret: there is none in the model.
import { CHECKS, REMEDIES, verdictOf, worstFirst } from '../diagnostics/results.ts';
import type { CheckView } from '../diagnostics/results.ts';
import { fill, sentence, texts } from './language.ts';
import type { Language, Texts } from './texts/shape.ts';

export interface PageModel {
  readonly serial: string | undefined;
  readonly hostName: string;
  /** DHCP's domains: the unit answers to its name in them too. */
  readonly domains: readonly string[];
  readonly ports: readonly {
    readonly name: string;
    readonly mac: string;
    readonly up: boolean;
    readonly addresses: readonly string[];
  }[];
  readonly release: { readonly version: string; readonly builtAt: string } | undefined;
  readonly cloud: {
    readonly region: string | undefined;
    readonly from: 'built-in' | 'override';
    readonly problem: string | undefined;
    readonly extraRoots: number;
  };
  readonly seal: string | undefined;
  readonly slot: string | undefined;
  readonly uptimeSeconds: number;
  readonly views: readonly CheckView[];
  readonly running: boolean;
  readonly light:
    | { readonly at: 'off' | 'asked' | 'blinking' }
    | { readonly at: 'refused'; readonly why: string };
}

/** What was measured, in one line. */
function measuredOf(view: CheckView, t: Texts): string {
  return view.outcome.notes.map((note) => sentence(note, t)).join('; ');
}

export function remedyOf(view: CheckView, t: Texts): { who: string; text: string } | undefined {
  const { outcome } = view;
  if (outcome.state !== 'failed' && outcome.state !== 'warning') return undefined;
  return {
    who: t.who[REMEDIES[outcome.remedy]],
    text: fill(t.remedies[outcome.remedy], outcome.values ?? {}, t),
  };
}

/** What differs from a plain unit and must be said plainly. */
export function noticesOf(model: PageModel, t: Texts): string[] {
  const { region = '?', from, problem, extraRoots } = model.cloud;
  const notices: string[] = [];
  if (model.serial === undefined) notices.push(t.notices.noSerial);
  if (from === 'override') notices.push(fill(t.notices.override, { region }, t));
  if (problem !== undefined) notices.push(fill(t.notices.overrideInvalid, { why: problem }, t));
  if (extraRoots > 0) notices.push(fill(t.notices.roots, { count: extraRoots }, t));
  return notices;
}

const seconds = (ms: number | undefined): number | null =>
  ms === undefined ? null : Math.round(ms / 1_000);

/** The answer of GET /api/status; its schema is in agent/README.md. */
export function renderStatus(model: PageModel, language: Language): unknown {
  const t = texts[language];
  return {
    schema: 1,
    serial: model.serial ?? null,
    hostName: model.hostName,
    release: model.release ?? null,
    slot: model.slot ?? null,
    seal: model.seal ?? null,
    uptimeSeconds: Math.round(model.uptimeSeconds),
    ports: model.ports,
    cloud: {
      region: model.cloud.region ?? null,
      from: model.cloud.from,
      problem: model.cloud.problem ?? null,
      extraRoots: model.cloud.extraRoots,
    },
    notices: noticesOf(model, t),
    verdict: verdictOf(model.views),
    running: model.running,
    light: model.light,
    language,
    results: model.views.map((view) => {
      const { id, outcome } = view;
      const remedy = remedyOf(view, t);
      const hasRemedy = outcome.state === 'failed' || outcome.state === 'warning';
      return {
        id,
        group: CHECKS[id].group,
        title: t.checks[id],
        state: outcome.state,
        measured: measuredOf(view, t),
        needs: outcome.state === 'not-checked' ? (outcome.needs ?? null) : null,
        remedy:
          hasRemedy && remedy !== undefined
            ? { id: outcome.remedy, who: REMEDIES[outcome.remedy], text: remedy.text }
            : null,
        measuredSecondsAgo: seconds(view.measuredMsAgo),
        passedSecondsAgo: seconds(view.passedMsAgo),
      };
    }),
  };
}

/** The report for support and the output of `diagnose`. */
export function renderReport(model: PageModel, language: Language): string {
  const t = texts[language];
  const { release, cloud } = model;
  const head: (readonly [string, string])[] = [
    [t.words.serial, model.serial ?? '-'],
    [t.words.hostName, model.hostName],
    [t.words.release, release === undefined ? '-' : `${release.version} (${release.builtAt})`],
    [t.words.region, `${cloud.region ?? '-'} (${cloud.from})`],
    ...model.ports.map(
      ({ name, mac, addresses }) =>
        [name, `${addresses.join(' ') || t.words.noAddress}, MAC ${mac}`] as const,
    ),
  ];
  const lines = worstFirst(model.views).flatMap((view) => {
    const { id, outcome } = view;
    const needs =
      outcome.state === 'not-checked' && outcome.needs !== undefined
        ? ` (${fill(t.words.needs, { check: t.checks[outcome.needs] }, t)})`
        : '';
    const remedy = remedyOf(view, t);
    return [
      `[${t.states[outcome.state]}${needs}] ${t.checks[id]} (${id})`,
      ...outcome.notes.map((note) => `    ${sentence(note, t)}`),
      ...(remedy === undefined
        ? []
        : [`    ${t.words.todo}: ${remedy.text}`, `    ${t.words.who}: ${remedy.who}`]),
    ];
  });
  const notices = noticesOf(model, t).map((notice) => `! ${notice}`);
  return [
    t.title,
    ...head.map(([name, value]) => `${name}: ${value}`),
    ...notices,
    '',
    verdictText(model, t).first,
    '',
    ...lines,
    '',
  ].join('\n');
}

/** The verdict in one sentence, what follows from it, and its mood. */
export function verdictText(
  model: PageModel,
  t: Texts,
): { mood: 'failed' | 'warning' | 'running' | 'passed'; first: string; more: string } {
  const mood = verdictOf(model.views);
  const count = model.views.filter(({ outcome }) => outcome.state === mood).length;
  const first = {
    failed: count === 1 ? t.verdict.failedOne : fill(t.verdict.failedMany, { count }, t),
    warning: count === 1 ? t.verdict.warningOne : fill(t.verdict.warningMany, { count }, t),
    running: t.verdict.running,
    passed: t.verdict.passed,
  }[mood];
  const more = {
    failed: t.verdict.failedMore,
    warning: t.verdict.warningMore,
    running: t.verdict.runningMore,
    passed: t.verdict.passedMore,
  }[mood];
  return { mood, first, more };
}
