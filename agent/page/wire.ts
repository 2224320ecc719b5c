// What the page knows of the unit, and its two forms for machines and support: JSON and plain text.
// Pure. Holds no secret: there is none in the model.
import type { CloudView } from '../core/cloud.ts';
import type { PackageRow } from '../core/packages.ts';
import type { HotelView, ServiceView } from '../core/services.ts';
import type { RunningBundle } from '../core/update.ts';
import type { Ports } from '../core/connection.ts';
import { CHECKS, REMEDIES, verdictOf, worstFirst } from '../diagnostics/results.ts';
import type { CheckView } from '../diagnostics/results.ts';
import { accountRows, pairingStatus, pmsStatus } from './account.ts';
import { ago, fill, sentence, texts } from './language.ts';
import { packageLines, packageStatus } from './packages.ts';
import { recentRows, recentStatus } from './recent.ts';
import { hotelRows, isDown, serviceLines, serviceStatus } from './services.ts';
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
    /** Only if they are not AWS's. */
    readonly ports: Ports | undefined;
  };
  /** undefined where no agent holds the connection: `diagnose`. */
  readonly connection: CloudView | undefined;
  readonly seal: string | undefined;
  readonly slot: string | undefined;
  /** Which of the bundles this agent is. */
  readonly bundle: RunningBundle | undefined;
  readonly uptimeSeconds: number;
  /** Now, milliseconds since 1970, as the unit believes. */
  readonly wallMs: number;
  readonly views: readonly CheckView[];
  readonly running: boolean;
  /** The systems in the hotel; undefined where no agent runs them: `diagnose`. */
  readonly services: readonly ServiceView[] | undefined;
  readonly hotel: HotelView | undefined;
  /** Interfaces that came as packages; undefined as with services. */
  readonly packages: readonly PackageRow[] | undefined;
  readonly light:
    | { readonly at: 'off' | 'asked' | 'blinking' }
    | { readonly at: 'refused'; readonly why: string };
}

/** What was measured, in one line. */
function measuredOf(view: CheckView, t: Texts): string {
  return view.outcome.notes.map((note) => sentence(note, t)).join('; ');
}

/** The release, and the agent where it is not the release's own. */
export const softwareOf = (release: string, bundle: RunningBundle | undefined): string =>
  bundle === undefined || bundle.copy === 'built-in'
    ? release
    : `${release}, agent ${bundle.version}`;

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
  const { region = '?', from, problem, extraRoots, ports } = model.cloud;
  const notices: string[] = [];
  if (model.serial === undefined) notices.push(t.notices.noSerial);
  if (from === 'override') notices.push(fill(t.notices.override, { region }, t));
  if (problem !== undefined) notices.push(fill(t.notices.overrideInvalid, { why: problem }, t));
  if (extraRoots > 0) notices.push(fill(t.notices.roots, { count: extraRoots }, t));
  if (ports !== undefined) {
    const list = `${ports.mqtt}, ${ports.alpn}, ${ports.https}`;
    notices.push(fill(t.notices.ports, { ports: list }, t));
  }
  const down = (model.services ?? []).filter(isDown).length;
  if (down > 0) notices.push(fill(t.services.down, { count: down }, t));
  return notices;
}

const seconds = (ms: number | undefined): number | null =>
  ms === undefined ? null : Math.round(ms / 1_000);

/** `provisioning`, `link`, `pairing`, `pms`, `outbox` and `recent` of the status; ages in seconds. */
function connectionStatus(connection: CloudView | undefined): Record<string, unknown> {
  if (connection === undefined) {
    return {
      provisioning: null,
      renewal: null,
      link: null,
      pairing: null,
      pms: null,
      outbox: null,
      recent: null,
    };
  }
  const { provisioning, link, outbox } = connection;
  const problemOf = (problem: { why: string; msAgo: number } | undefined): unknown =>
    problem === undefined ? null : { why: problem.why, secondsAgo: seconds(problem.msAgo) };
  return {
    provisioning: { ...provisioning, problem: problemOf(provisioning.problem) },
    renewal:
      connection.renewal === undefined
        ? null
        : {
            failures: connection.renewal.failures,
            problem: problemOf(connection.renewal.problem),
          },
    link: {
      at: link.at,
      port: link.port,
      publishOnly: link.route === 'https-8443',
      sinceSecondsAgo: seconds(link.sinceMsAgo),
      failures: link.failures,
      refused: link.refused,
      problem: problemOf(link.problem),
    },
    pairing: pairingStatus(connection.pairing),
    pms: pmsStatus(connection.pms),
    recent: recentStatus(connection.recentWork),
    outbox: {
      at: outbox.at,
      problem: outbox.problem ?? null,
      waiting: outbox.waiting,
      waitingBytes: outbox.waitingBytes,
      oldestSecondsAgo: seconds(outbox.oldestMsAgo),
      dead: outbox.dead,
      dropped: outbox.dropped,
      tight: outbox.tight,
      trouble: outbox.trouble?.why ?? null,
    },
  };
}

function troubleOf({ trouble }: CloudView['outbox'], t: Texts): string[] {
  if (trouble === undefined) return [];
  const { why, ms } = trouble;
  if (why === 'slow') {
    return [fill(t.notes['outbox-slow'], { seconds: Math.round(ms / 1_000) }, t)];
  }
  return [fill(t.notes['outbox-not-stored'], { why }, t)];
}

/** The cloud connection in words, as it is now: names and values. */
export function connectionRows(
  { connection, wallMs }: PageModel,
  language: Language,
): (readonly [string, string])[] {
  const t = texts[language];
  if (connection === undefined) return [];
  const { provisioning, link, outbox } = connection;
  const aged = (text: string, ms: number | undefined): string =>
    ms === undefined ? text : `${text} (${ago(ms, language)})`;
  const isPublishOnly = link.at === 'up' && link.route === 'https-8443';
  const how = fill(t.link[isPublishOnly ? 'publishOnly' : link.at], { port: link.port }, t);
  const problem = provisioning.step === 'done' ? link.problem : provisioning.problem;
  const queue = [
    outbox.problem === undefined
      ? String(outbox.waiting)
      : fill(t.notes['outbox-closed'], { why: outbox.problem }, t),
    ...(outbox.oldestMsAgo === undefined
      ? []
      : [fill(t.words.oldest, { age: ago(outbox.oldestMsAgo, language) }, t)]),
    ...(outbox.dead > 0 ? [fill(t.notes['outbox-dead'], { count: outbox.dead }, t)] : []),
    ...(outbox.tight ? [t.notes['outbox-tight']] : []),
    ...troubleOf(outbox, t),
  ];
  return [
    [t.words.provisioning, t.steps[provisioning.step]],
    [t.words.connection, aged(how, link.sinceMsAgo)],
    ...(problem === undefined
      ? []
      : [
          [
            t.words.lastProblem,
            aged(fill('{why}', { why: problem.why }, t), problem.msAgo),
          ] as const,
        ]),
    [t.words.queue, queue.join('; ')],
    ...recentRows(connection, { wallMs, language }),
  ];
}

/** The answer of GET /api/status; its schema is in agent/README.md. */
export function renderStatus(model: PageModel, language: Language): unknown {
  const t = texts[language];
  return {
    schema: 1,
    serial: model.serial ?? null,
    hostName: model.hostName,
    release: model.release ?? null,
    agent: model.bundle ?? null,
    slot: model.slot ?? null,
    seal: model.seal ?? null,
    uptimeSeconds: Math.round(model.uptimeSeconds),
    ports: model.ports,
    cloud: {
      region: model.cloud.region ?? null,
      from: model.cloud.from,
      problem: model.cloud.problem ?? null,
      extraRoots: model.cloud.extraRoots,
      ports: model.cloud.ports ?? null,
    },
    ...connectionStatus(model.connection),
    services: model.services?.map(serviceStatus) ?? null,
    packages: model.packages?.map(packageStatus) ?? null,
    hotel: model.hotel ?? null,
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
    [
      t.words.release,
      release === undefined
        ? '-'
        : `${softwareOf(release.version, model.bundle)} (${release.builtAt})`,
    ],
    [t.words.region, `${cloud.region ?? '-'} (${cloud.from})`],
    ...model.ports.map(
      ({ name, mac, addresses }) =>
        [name, `${addresses.join(' ') || t.words.noAddress}, MAC ${mac}`] as const,
    ),
    ...connectionRows(model, language),
    ...(model.connection === undefined ? [] : accountRows(model.connection, language)),
    ...hotelRows(model.hotel, { wallMs: model.wallMs, language }),
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
    ...serviceLines(model.services ?? [], language),
    ...packageLines(model.packages ?? [], { wallMs: model.wallMs, language }),
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
