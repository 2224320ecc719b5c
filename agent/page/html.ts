// The page as HTML. Pure; escapes everything it is given. Readable without JavaScript and style.
import { escapeHtml as escape } from '../core/escape.ts';
import { accountText } from './account.ts';
import type { AccountText } from './account.ts';
import { CHECKS, GROUPS, worstFirst } from '../diagnostics/results.ts';
import type { CheckView, Group } from '../diagnostics/results.ts';
import { ago, fill, sentence, texts } from './language.ts';
import { packageText } from './packages.ts';
import { hotelRows, serviceText } from './services.ts';
import type { ServiceText } from './services.ts';
import { LANGUAGES } from './texts/shape.ts';
import type { Language, Texts } from './texts/shape.ts';
import { connectionRows, noticesOf, remedyOf, softwareOf, verdictText } from './wire.ts';
import type { PageModel } from './wire.ts';

/** A sign beside the word: states must not be told by colour alone. */
const SIGNS = {
  passed: '✓',
  warning: '!',
  failed: '✕',
  running: '…',
  'not-needed': '–',
  'not-checked': '?',
} as const;

export function renderPage(model: PageModel, language: Language): string {
  const t = texts[language];
  const { mood, first, more } = verdictText(model, t);
  const toDo = worstFirst(model.views).filter((view) => remedyOf(view, t) !== undefined);
  const account = accountText(model.connection, language);
  const isFree = account !== undefined && account.rows.length === 0;
  const title = mood === 'failed' ? `${first} ${t.title}` : t.title;
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${model.running ? '<noscript><meta http-equiv="refresh" content="3"></noscript>\n' : ''}<title>${escape(title)}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
</head>
<body data-running="${model.running}">
<header class="bar">
<p class="name">${escape(t.title)}</p>
${languageLinks(language, t)}
</header>
<main>
<section class="verdict ${mood}" role="status" aria-live="polite" aria-atomic="true">
<span class="sign" aria-hidden="true">${SIGNS[mood]}</span>
<div><h1>${escape(first)}</h1><p>${escape(more)}</p></div>
</section>
${notices(model, t)}${actions(model, language, t)}
${isFree ? accountSection(account, language) : ''}${toDo.length === 0 ? '' : `<section aria-labelledby="to-do"><h2 id="to-do">${escape(t.words.toDo)}</h2>\n${toDo.map((view) => task(view, language, t)).join('\n')}\n</section>`}
${GROUPS.map((group) => groupSection(group, model, language, t)).join('\n')}
${servicesSection(model, language)}${packagesSection(model, language)}${connectionSection(model, language)}${isFree ? '' : accountSection(account, language)}${unitSection(model, t)}
</main>
</body>
</html>
`;
}

function languageLinks(language: Language, t: Texts): string {
  const links = LANGUAGES.map((one) => {
    const name = escape(texts[one].name);
    const current = one === language ? ' aria-current="true"' : '';
    return `<a href="/?lang=${one}" lang="${one}" hreflang="${one}"${current}>${name}</a>`;
  });
  return `<nav class="languages" aria-label="${escape(t.words.language)}">${links.join(' ')}</nav>`;
}

function notices(model: PageModel, t: Texts): string {
  const all = noticesOf(model, t);
  if (all.length === 0) return '';
  return `<aside class="notice">${all.map((text) => `<p>${escape(text)}</p>`).join('')}</aside>\n`;
}

function actions(model: PageModel, language: Language, t: Texts): string {
  const { light } = model;
  const said =
    light.at === 'off'
      ? ''
      : fill(t.light[light.at], light.at === 'refused' ? { why: light.why } : {}, t);
  const busy = model.running ? ' disabled' : '';
  return `<form class="actions" method="post" action="/check?lang=${language}">
<button class="primary"${busy}>${escape(model.running ? t.buttons.busy : t.buttons.again)}</button>
<button formaction="/identify?lang=${language}"${light.at === 'asked' || light.at === 'blinking' ? ' disabled' : ''}>${escape(t.buttons.identify)}</button>
<a class="button" href="/report.txt?lang=${language}" download>${escape(t.buttons.report)}</a>
<p class="said ${light.at}" role="status">${escape(said)}</p>
${checkedLine(model, language, t)}</form>`;
}

/** When the last result came in. Not announced: it changes all the time. */
function checkedLine(model: PageModel, language: Language, t: Texts): string {
  const ages = model.views.flatMap(({ measuredMsAgo }) => measuredMsAgo ?? []);
  if (ages.length === 0 || model.running) return '';
  const age = ago(Math.min(...ages), language);
  return `<p class="checked">${escape(fill(t.words.checked, { age }, t))}</p>\n`;
}

/** A failure or warning: what to do comes first, what was measured is for the technician. */
function task(view: CheckView, language: Language, t: Texts): string {
  const { id, outcome } = view;
  const remedy = remedyOf(view, t)!;
  return `<article class="task ${outcome.state}" id="check-${id}">
<h3>${badge(view, t)} ${escape(t.checks[id])}</h3>
<dl><dt>${escape(t.words.todo)}</dt><dd class="remedy">${escape(remedy.text)}</dd>
<dt>${escape(t.words.who)}</dt><dd><strong class="who">${escape(remedy.who)}</strong></dd>
<dt>${escape(t.words.measured)}</dt><dd class="measured">${measured(view, t)}<br>${escape(passedAge(view, language, t))}</dd></dl>
</article>`;
}

function groupSection(group: Group, model: PageModel, language: Language, t: Texts): string {
  // What must be done stands above; here is the rest.
  const rows = model.views
    .filter((view) => CHECKS[view.id].group === group && remedyOf(view, t) === undefined)
    .map((view) => row(view, language, t));
  if (rows.length === 0) return '';
  return `<section aria-labelledby="group-${group}"><h2 id="group-${group}">${escape(t.groups[group])}</h2>
<ul class="rows">
${rows.join('\n')}
</ul></section>`;
}

function row(view: CheckView, language: Language, t: Texts): string {
  const { id, outcome } = view;
  const { measuredMsAgo } = view;
  const age =
    measuredMsAgo === undefined
      ? ''
      : fill(t.words.checked, { age: ago(measuredMsAgo, language) }, t);
  const needs =
    outcome.state === 'not-checked' && outcome.needs !== undefined
      ? `<p class="needs">${escape(fill(t.words.needs, { check: t.checks[outcome.needs] }, t))}</p>`
      : '';
  const last = outcome.state === 'passed' ? '' : ` · ${escape(passedAge(view, language, t))}`;
  return `<li id="check-${id}" class="${outcome.state}" title="${escape(age)}${last}">
<span class="mark" aria-hidden="true">${SIGNS[outcome.state]}</span>
<div class="head"><h3>${escape(t.checks[id])}</h3>${badge(view, t)}</div>
${needs}<p class="measured">${measured(view, t)}</p></li>`;
}

function badge({ outcome }: CheckView, t: Texts): string {
  const { state } = outcome;
  return `<span class="badge ${state}">${escape(t.states[state])}</span>`;
}

function measured(view: CheckView, t: Texts): string {
  return view.outcome.notes.map((note) => escape(sentence(note, t))).join('<br>');
}

function passedAge({ passedMsAgo }: CheckView, language: Language, t: Texts): string {
  if (passedMsAgo === undefined) return t.words.neverPassed;
  return fill(t.words.lastPassed, { age: ago(passedMsAgo, language) }, t);
}

function servicesSection(model: PageModel, language: Language): string {
  const { services } = model;
  if (services === undefined) return '';
  const t = texts[language];
  const rows = hotelRows(model.hotel, { wallMs: model.wallMs, language });
  const all = services.map((view) => serviceArticle(serviceText(view, language), language, t));
  const none = all.length > 0 ? '' : `<p class="said">${escape(t.services.none)}</p>`;
  return `<section class="unit services" aria-labelledby="services"><h2 id="services">${escape(t.services.title)}</h2>
${rows.length === 0 ? '' : `<dl>${list(rows)}</dl>`}${none}${all.join('\n')}</section>
`;
}

function serviceArticle(one: ServiceText, language: Language, t: Texts): string {
  const { id, name, mood, state, rows, trial, canTest } = one;
  const where = `lang=${language}&amp;service=${encodeURIComponent(id)}`;
  const tried =
    trial === undefined
      ? ''
      : `<p class="said">${[trial.title, ...trial.lines].map(escape).join('<br>')}</p>`;
  const tests = canTest
    ? `<button formaction="/test-service?${where}">${escape(t.services.test)}</button>
<button formaction="/rehearse-service?${where}">${escape(t.services.rehearse)}</button>
`
    : '';
  return `<article class="service ${mood}" id="service-${escape(id)}">
<h3>${heading({ mood, name, state })}</h3>
<dl>${list([...remedyRows(one, t), ...rows])}</dl>${tried}
<form class="actions" method="post">${tests}<a class="button" href="/trace.txt?${where}" download>${escape(t.services.trace)}</a></form>
</article>`;
}

const heading = ({ mood, name, state }: Pick<ServiceText, 'mood' | 'name' | 'state'>): string =>
  `<span class="mark" aria-hidden="true">${SIGNS[mood]}</span> ${escape(name)} <span class="badge ${mood}">${escape(state)}</span>`;

const remedyRows = (
  { remedy }: Pick<ServiceText, 'remedy'>,
  { words }: Texts,
): readonly (readonly [string, string])[] =>
  remedy === undefined
    ? []
    : [
        [words.todo, remedy.text],
        [words.who, remedy.who],
      ];

function packagesSection({ packages = [], wallMs }: PageModel, language: Language): string {
  if (packages.length === 0) return '';
  const t = texts[language];
  const all = packages.map((row) => {
    const one = packageText(row, { wallMs, language });
    return `<article class="service ${one.mood}" id="package-${escape(row.name)}">
<h3>${heading(one)}</h3>
<dl>${list([...remedyRows(one, t), ...one.rows])}</dl>
</article>`;
  });
  return `<section class="unit services" aria-labelledby="packages"><h2 id="packages">${escape(t.packages.title)}</h2>
${all.join('\n')}</section>
`;
}

function connectionSection(model: PageModel, language: Language): string {
  const rows = connectionRows(model, language);
  if (rows.length === 0) return '';
  const title = escape(texts[language].checks.connection);
  return `<section class="unit" aria-labelledby="connection"><h2 id="connection">${title}</h2>
<dl>${list(rows)}</dl></section>
`;
}

/** A unit without an account shows it first: it is why the installer stands there. */
function accountSection(account: AccountText | undefined, language: Language): string {
  if (account === undefined) return '';
  const { words, pairing } = texts[language];
  const { rows, code, said, canAsk } = account;
  const parts = [
    rows.length === 0 ? '' : `<dl>${list(rows)}</dl>`,
    code === undefined
      ? ''
      : `<p class="code">${escape(code.text)}</p><p class="said">${escape(code.hint)}</p>`,
    said === undefined ? '' : `<p class="said">${escape(said)}</p>`,
    canAsk
      ? `<form method="post" action="/pair?lang=${language}"><button>${escape(pairing.ask)}</button></form>`
      : '',
  ];
  return `<section class="unit account" aria-labelledby="account"><h2 id="account">${escape(words.account)}</h2>
${parts.join('')}</section>
`;
}

const list = (rows: readonly (readonly [string, string])[]): string =>
  rows.map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`).join('\n');

function unitSection(model: PageModel, t: Texts): string {
  const { release, cloud } = model;
  const rows: (readonly [string, string])[] = [
    [t.words.serial, model.serial ?? '–'],
    [t.words.hostName, model.hostName],
    ...model.ports.flatMap(({ name, mac, addresses }) => [
      [`${t.words.address} (${name})`, addresses.join(', ') || t.words.noAddress] as const,
      [`${t.words.mac} (${name})`, mac] as const,
    ]),
    [t.words.release, release === undefined ? '–' : softwareOf(release.version, model.bundle)],
    [t.words.region, cloud.region ?? '–'],
  ];
  return `<section class="unit" aria-labelledby="unit"><h2 id="unit">${escape(t.words.unit)}</h2>
<dl>${list(rows)}</dl></section>`;
}
