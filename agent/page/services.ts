// The systems in the hotel as the page and the report show them: state, traffic, and what to do where one is down.
// Pure.
import type { HotelView, ServiceView } from '../core/services.ts';
import { counterIn, stepIn } from '../core/words.ts';
import { ago, ahead, fill, texts } from './language.ts';
import type { ServiceRemedy } from './texts/services.ts';
import type { Language, Texts } from './texts/shape.ts';

/** Counters on the page; all are in the JSON. */
const COUNTERS_SHOWN_MAX = 8;
/** Of its memory; above, one large resync ends it. */
const TIGHT = 0.9;

export interface ServiceText {
  readonly id: string;
  /** "Front desk locks" is not known here: the id as set up, and what it speaks. */
  readonly name: string;
  readonly mood: 'passed' | 'warning' | 'failed' | 'not-needed' | 'running';
  readonly state: string;
  readonly rows: readonly (readonly [string, string])[];
  readonly remedy: { readonly text: string; readonly who: string } | undefined;
  /** Its settings are right: it can be tested. */
  readonly canTest: boolean;
  readonly trial: { readonly title: string; readonly lines: readonly string[] } | undefined;
}

const MOODS = {
  off: 'not-needed',
  refused: 'failed',
  starting: 'running',
  running: 'passed',
  waiting: 'warning',
  parked: 'failed',
  testing: 'running',
} as const;

export function serviceText(view: ServiceView, language: Language): ServiceText {
  const t = texts[language];
  const s = t.services;
  const { process, talk } = view;
  const isRunning = process.at === 'running';
  const mood = isRunning && talk.at === 'down' ? 'failed' : MOODS[process.at];
  const said =
    'with' in talk && talk.with !== '' ? `${s.talk[talk.at]}: ${talk.with}` : s.talk[talk.at];
  const age = (ms: number | undefined): string => (ms === undefined ? s.never : ago(ms, language));
  const counters = Object.entries(view.counters).slice(0, COUNTERS_SHOWN_MAX);
  const row = (isShown: boolean, name: string, value: string): (readonly [string, string])[] =>
    isShown ? [[name, value]] : [];
  return {
    id: view.id,
    name: `${view.id} · ${view.texts?.title[language] ?? view.title}${view.version === '' || view.version === 'built in' ? '' : ` ${view.version}`}`,
    mood: isRunning && talk.at === 'joining' ? 'warning' : mood,
    state: isRunning ? said : s.process[process.at],
    rows: [
      ...row(isRunning, s.lastIn, age(view.lastInMs)),
      ...row(isRunning, s.lastOut, age(view.lastOutMs)),
      ...row(view.waiting > 0, s.waiting, String(view.waiting)),
      ...row(view.dropped > 0, s.dropped, fill(s.droppedMany, { count: view.dropped }, t)),
      ...row(
        counters.length > 0,
        s.counted,
        counters.map(([name, n]) => `${counterIn(view.texts, name, language)} ${n}`).join(', '),
      ),
      ...runRows(view, language),
      ...row(view.reaches.length > 0, s.reaches, view.reaches.join('; ')),
    ],
    remedy: remedyOf(view, t),
    canTest: process.at !== 'refused' && process.at !== 'off',
    trial: trialOf(view, t, language),
  };
}

/** How its process does: since when, how often it ended and why, what memory it takes. */
function runRows(view: ServiceView, language: Language): (readonly [string, string])[] {
  const t = texts[language];
  const s = t.services;
  const { process, ageMs, dueInMs, restarts, lastEnd, memoryBytes, memoryBytesMax } = view;
  const rows: (readonly [string, string])[] = [];
  if (ageMs !== undefined && process.at === 'running') rows.push([s.began, ago(ageMs, language)]);
  if (ageMs !== undefined && process.at === 'parked') rows.push([s.parked, ago(ageMs, language)]);
  if (dueInMs !== undefined) rows.push([s.due, ahead(dueInMs, language)]);
  if (restarts > 0) {
    const last =
      lastEnd === undefined
        ? ''
        : fill(s.lastEnd, { age: ago(lastEnd.msAgo, language), why: lastEnd.why }, t);
    rows.push([s.restarts, [String(restarts), last].filter((text) => text !== '').join(', ')]);
  }
  if (memoryBytes !== undefined) {
    const isTight = memoryBytes > memoryBytesMax * TIGHT;
    const values = { used: mib(memoryBytes), most: mib(memoryBytesMax) };
    rows.push([s.memory, fill(isTight ? s.memoryTight : s.memoryUsed, values, t)]);
  }
  return rows;
}

const mib = (bytes: number): number => Math.round(bytes / 1024 / 1024);

/** A person should look. */
export const isDown = ({ process, talk }: ServiceView): boolean =>
  process.at === 'refused' ||
  process.at === 'parked' ||
  (process.at === 'running' && talk.at === 'down');

function remedyOf(view: ServiceView, t: Texts): ServiceText['remedy'] {
  const { process, talk } = view;
  const s = t.services;
  const reaches = view.reaches.join('; ');
  const say = (which: ServiceRemedy, why: string, who: string): ServiceText['remedy'] => ({
    text: fill(s.remedies[which], { why, reaches }, t),
    who,
  });
  switch (process.at) {
    case 'refused':
      return say('settings', process.why, s.who.clock);
    case 'parked':
      return say('parked', process.why, t.who.support);
    case 'running':
      return talk.at === 'down' ? say(wayOf(view), talk.why, s.who.vendor) : undefined;
    case 'off':
    case 'starting':
    case 'waiting':
    case 'testing':
      return undefined;
  }
}

function wayOf({ ways }: ServiceView): ServiceRemedy {
  const [first] = ways;
  return first ?? 'none';
}

function trialOf(
  { trial, texts: own }: ServiceView,
  t: Texts,
  language: Language,
): ServiceText['trial'] {
  if (trial === undefined) return undefined;
  const s = t.services;
  const name = trial.how === 'test' ? s.tested : s.rehearsed;
  const { outcome } = trial;
  if (outcome === undefined) return { title: `${name}: ${s.testing}`, lines: [] };
  const isGood = outcome.ok && outcome.steps.every(({ ok }) => ok);
  const lines = outcome.ok
    ? outcome.steps.map(
        ({ step, ok, text }) => `${ok ? '✓' : '✕'} ${stepIn(own, step, language)}: ${text}`,
      )
    : [fill('{why}', { why: outcome.why }, t)];
  return {
    title: `${name} (${ago(trial.msAgo, language)}): ${isGood ? s.good : s.bad}`,
    lines,
  };
}

/** The house and the charges, in words: names and values. */
export function hotelRows(
  hotel: HotelView | undefined,
  { wallMs, language }: { readonly wallMs: number; readonly language: Language },
): readonly (readonly [string, string])[] {
  if (hotel === undefined) return [];
  const t = texts[language];
  const s = t.services;
  const { asOfMs, rooms, guests, waiting, problem, open } = hotel;
  const house =
    asOfMs === undefined
      ? s.houseUnknown
      : fill(s.houseKnown, { rooms, guests, age: ago(wallMs - asOfMs, language) }, t);
  const charges = [
    ...(waiting > 0 ? [fill(s.chargesWaiting, { count: waiting }, t)] : []),
    ...(problem === undefined ? [] : [fill('{why}', { why: problem }, t)]),
    ...(open.length > 0 ? [fill(s.open, { count: open.length }, t)] : []),
  ];
  return [
    [s.house, house],
    ...(charges.length > 0 ? [[s.charges, charges.join('; ')] as const] : []),
  ];
}

/** For support's report. */
export function serviceLines(views: readonly ServiceView[], language: Language): string[] {
  return views.flatMap((view) => {
    const { name, state, rows, remedy, trial } = serviceText(view, language);
    return [
      `[${state}] ${name}`,
      ...rows.map(([key, value]) => `    ${key}: ${value}`),
      ...(trial === undefined ? [] : [trial.title, ...trial.lines].map((line) => `    ${line}`)),
      ...(remedy === undefined
        ? []
        : [
            `    ${texts[language].words.todo}: ${remedy.text}`,
            `    ${texts[language].words.who}: ${remedy.who}`,
          ]),
    ];
  });
}

const seconds = (ms: number | undefined): number | null =>
  ms === undefined ? null : Math.round(ms / 1_000);

/** `services` of the status; no settings, for they may hold passwords. */
export const serviceStatus = (view: ServiceView): unknown => ({
  id: view.id,
  interface: view.interface,
  version: view.version,
  process: view.process.at,
  why: 'why' in view.process ? view.process.why : null,
  talk: view.talk,
  problems: view.problems,
  lastInSecondsAgo: seconds(view.lastInMs),
  lastOutSecondsAgo: seconds(view.lastOutMs),
  counters: view.counters,
  sinceSecondsAgo: seconds(view.ageMs),
  dueInSeconds: seconds(view.dueInMs),
  restarts: view.restarts,
  lastEnd:
    view.lastEnd === undefined
      ? null
      : { why: view.lastEnd.why, secondsAgo: seconds(view.lastEnd.msAgo) },
  memoryBytes: view.memoryBytes ?? null,
  memoryBytesMax: view.memoryBytesMax,
  waiting: view.waiting,
  dropped: view.dropped,
  reaches: view.reaches,
  trial: view.trial?.outcome ?? null,
});
