// The station's page as HTML. Pure; escapes everything it is given. Works without JavaScript and with the
// keyboard alone: every button is reached by Tab, and pressed by the key that stands on it.
import { escapeHtml as escape } from '../../agent/core/escape.ts';
import { LANGUAGES } from '../../agent/page/texts/shape.ts';
import type { Language } from '../../agent/page/texts/shape.ts';
import type { CardView } from '../card/ports.ts';
import type { CardIdentity } from '../ledger/ports.ts';
import { FINISHED_SHOWN, ORDERS_SHOWN, ORDER_CHARS_MAX } from './limits.ts';
import type { FinishedUnit, OrderView, StationCard } from './ports.ts';
import { reasonIn } from './reasons.ts';
import { texts } from './texts.ts';
import type { Texts } from './texts.ts';

/** What the page shows. */
export interface StationModel {
  readonly release: { readonly version: string; readonly development: boolean };
  readonly hasClaim: boolean;
  readonly hasPrinter: boolean;
  readonly orders: readonly OrderView[];
  readonly chosen: OrderView | undefined;
  readonly automatic: boolean;
  readonly cards: readonly StationCard[];
  /** How many of them may be written unasked. */
  readonly waiting: number;
  readonly finished: readonly FinishedUnit[];
  /** Why the last button did nothing. */
  readonly notice: Notice | undefined;
}

export type Notice =
  | { readonly say: 'unknown-order'; readonly order: string }
  | { readonly say: 'error'; readonly reason: Why };

type Why = NonNullable<CardView['reason']>;

export function renderStation(model: StationModel, language: Language): string {
  const t = texts[language];
  const { release, notice, chosen } = model;
  const busy = model.cards.some((card) => card.is === 'begun' && !isOver(card.view.phase));
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<noscript><meta http-equiv="refresh" content="3"></noscript>
<title>${escape(t.title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/station.css">
<script src="/station.js" defer></script>
</head>
<body data-busy="${busy}" data-stopped="${escape(t.stopped)}">
<header>
<h1>${escape(t.title)}</h1>
<p>${escape(fill(t.release, { version: release.version }))}</p>
<nav aria-label="${escape(t.language)}">${languageLinks(language)}</nav>
</header>
<main>
${warnings(model, t)}${notice === undefined ? '' : noticeHtml(notice, t)}${orderSection(model, t)}
<section aria-labelledby="cards">
<div class="row"><h2 id="cards">${escape(t.cards)}</h2>
${writeAllForm(model, t)}</div>
<ol class="tiles">
${model.cards.map((card, index) => tile(card, index, t)).join('\n')}
</ol>
${model.cards.length === 0 ? `<p class="empty">${escape(t.noCard)}</p>` : ''}
</section>
${finishedSection(model, t)}
</main>
<div class="spoken" role="status" aria-live="polite">${escape(spoken(model, t, chosen))}</div>
</body>
</html>
`;
}

function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (_whole, key: string) => String(values[key] ?? '?'));
}

const isOver = (phase: string): boolean => ['done', 'bad', 'untouched'].includes(phase);

function languageLinks(language: Language): string {
  return LANGUAGES.map((one) => {
    const current = one === language ? ' aria-current="true"' : '';
    return `<a href="/?lang=${one}" lang="${one}" hreflang="${one}"${current}>${escape(texts[one].name)}</a>`;
  }).join(' ');
}

function warnings({ release, hasClaim }: StationModel, t: Texts): string {
  return [...(release.development ? [t.development] : []), ...(hasClaim ? [] : [t.noClaim])]
    .map((text) => `<p class="notice warn">${escape(text)}</p>\n`)
    .join('');
}

function noticeHtml(notice: Notice, t: Texts): string {
  const html =
    notice.say === 'error'
      ? reasonHtml(notice.reason, t)
      : `<p>${escape(fill(t.unknownOrder, { order: notice.order }))}</p>`;
  return `<div class="notice bad" role="alert">${html}</div>\n`;
}

function orderSection({ orders, chosen, automatic }: StationModel, t: Texts): string {
  const picks = orders.slice(0, ORDERS_SHOWN).map((order) => {
    const pressed = order.name === chosen?.name;
    return `<button name="order" value="${escape(order.name)}" aria-pressed="${pressed}">${escape(order.name)} <small>${escape(leftOf(order, t))}</small></button>`;
  });
  return `<section aria-labelledby="order">
<h2 id="order">${escape(t.order)} <kbd>S</kbd></h2>
<form method="post" action="/order" class="row">
<label>${escape(t.orderHint)}
<input name="order" data-key="S" maxlength="${ORDER_CHARS_MAX}" autocomplete="off" spellcheck="false"${chosen === undefined ? ' autofocus' : ''}></label>
<button>${escape(t.choose)}</button>
</form>
${picks.length === 0 ? '' : `<form method="post" action="/order" class="picks">${picks.join('\n')}</form>`}
<p class="chosen">${escape(chosen === undefined ? t.noOrder : `${chosen.name}: ${leftOf(chosen, t)}`)}</p>
<form method="post" action="/automatic" class="row">
<button name="on" value="${automatic ? '0' : '1'}" aria-pressed="${automatic}" data-key="A">${escape(t.automatic)} <kbd>A</kbd></button>
<span>${escape(automatic ? t.automaticOn : t.automaticOff)}</span>
</form>
</section>`;
}

const leftOf = ({ wanted, done }: OrderView, t: Texts): string =>
  done >= wanted ? fill(t.complete, { wanted }) : fill(t.left, { left: wanted - done, wanted });

function writeAllForm({ waiting }: StationModel, t: Texts): string {
  if (waiting < 2) return '';
  return `<form method="post" action="/write"><button name="device" value="all" data-key="W">${escape(t.writeAll)} <kbd>W</kbd></button></form>`;
}

function tile(card: StationCard, index: number, t: Texts): string {
  const identity = card.is === 'begun' ? card.view.card : card.card;
  const state = stateOf(card);
  return `<li class="tile ${state}" id="card-${idOf(identity.device)}">
<h3><span class="sign" aria-hidden="true">${SIGNS[state]}</span> ${escape(t[state])}</h3>
<p class="card">${escape(describe(identity))}</p>
${tileBody(card, index, t)}
</li>`;
}

const stateOf = (card: StationCard): keyof typeof SIGNS => {
  if (card.is === 'begun') return card.view.phase;
  if (card.is !== 'found') return card.is;
  if (card.reason !== undefined) return 'untouched';
  return card.holds === 'new' ? 'found' : card.holds;
};

/** A sign beside the word: states must not be told by colour alone. */
const SIGNS = {
  found: '○',
  looking: '…',
  ours: '●',
  files: '●',
  unreadable: '?',
  refused: '–',
  preparing: '…',
  writing: '↓',
  reading: '↑',
  finishing: '…',
  done: '✓',
  bad: '✕',
  untouched: '!',
} as const;

function tileBody(card: StationCard, index: number, t: Texts): string {
  switch (card.is) {
    case 'found':
      return card.reason === undefined
        ? foundBody(card, index, t)
        : `${reasonHtml(card.reason, t)}${card.holds === 'new' ? '' : `<p>${escape(t[card.holds])}</p>`}${foundBody(card, index, t)}`;
    case 'refused':
      return reasonHtml(card.reason, t);
    case 'begun':
      return begunBody(card.view, t);
  }
}

function foundBody(
  { card, holds }: Extract<StationCard, { is: 'found' }>,
  index: number,
  t: Texts,
): string {
  switch (holds) {
    case 'looking':
      return '';
    case 'new':
      return writeForm(card, index, t);
    case 'ours':
    case 'files':
    case 'unreadable': {
      const unit = card.unit === undefined ? '' : `<p class="serial">${escape(card.unit)}</p>`;
      // No key writes over what somebody may still want: a tick first, then the button. An id, as no tick is another card's.
      return `${unit}<form method="post" action="/write" id="sure${idOf(card.node ?? '')}">${shownCard(card)}<label><input type="checkbox" name="sure" value="1" required> ${escape(t.sure)}</label>
<button name="device" value="${escape(card.device)}">${escape(t.write)}</button></form>`;
    }
  }
}

function writeForm(card: CardIdentity, index: number, t: Texts): string {
  // Nine keys have digits; the tiles beyond are reached by Tab.
  const key = index < 9 ? String(index + 1) : undefined;
  const keyed = key === undefined ? ['', ''] : [` data-key="${key}"`, ` <kbd>${key}</kbd>`];
  return `<form method="post" action="/write">${shownCard(card)}<button name="device" value="${escape(card.device)}"${keyed[0]}>${escape(t.write)}${keyed[1]}</button></form>`;
}

/** What is written must be what was shown. */
const shownCard = ({ node }: CardIdentity): string =>
  node === undefined ? '' : `<input type="hidden" name="node" value="${escape(node)}">`;

const idOf = (text: string): string => text.replaceAll(/\W/g, '-');

/** In the page's language where it is known, and then the flasher's own words, with their numbers and places, below. */
function reasonHtml({ code, text, hint }: Why, t: Texts): string {
  const known = reasonIn(t.lang, code);
  const said = known ?? { text, hint };
  const whatToDo =
    said.hint === '' ? '' : `<p class="quiet">${escape(t.badHint)}: ${escape(said.hint)}</p>`;
  const own = known === undefined ? '' : `<p class="quiet" lang="en">${escape(text)}</p>`;
  return `<p>${escape(said.text)}</p>${whatToDo}${own}`;
}

function begunBody(view: Extract<StationCard, { is: 'begun' }>['view'], t: Texts): string {
  const serial = view.serial === undefined ? '' : `<p class="serial">${escape(view.serial)}</p>`;
  if (view.phase === 'bad' || view.phase === 'untouched') {
    return view.reason === undefined ? '' : reasonHtml(view.reason, t);
  }
  if (view.phase === 'done') return serial;
  const rate = (view.bytesPerSecond / 1e6).toFixed(0);
  const speed =
    view.secondsLeft === undefined
      ? fill(t.rateOnly, { rate })
      : fill(t.rate, { rate, time: clock(view.secondsLeft) });
  const label = `${t[view.phase]} ${view.card.device}`;
  return `<progress max="1" value="${view.done.toFixed(3)}" aria-label="${escape(label)}"></progress>
<p class="quiet">${Math.floor(view.done * 100)} %${view.bytesPerSecond > 0 ? `, ${escape(speed)}` : ''}</p>${serial}`;
}

/** 95 → "1:35". */
const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.round(seconds) % 60).padStart(2, '0')}`;

const describe = ({ device, model, bytes }: CardIdentity): string =>
  `${device} · ${model} · ${(bytes / 1e9).toFixed(1)} GB`;

function finishedSection({ finished, hasPrinter }: StationModel, t: Texts): string {
  if (finished.length === 0) return '';
  const rows = finished.slice(0, FINISHED_SHOWN).map(({ serial, labelled }, index) => {
    const key = index === 0 ? ' data-key="L"' : '';
    const print = hasPrinter
      ? `<form method="post" action="/label"><button name="serial" value="${escape(serial)}"${key}>${escape(labelled ? t.printAgain : t.print)}${index === 0 ? ' <kbd>L</kbd>' : ''}</button></form>`
      : '';
    return `<li><span class="serial">${escape(serial)}</span> ${labelled ? `<small>${escape(t.printed)}</small> ` : ''}${print}<a href="/label.pdf?serial=${escape(serial)}" download>${escape(t.pdf)}</a></li>`;
  });
  return `<section aria-labelledby="finished"><h2 id="finished">${escape(t.finished)}</h2>
<ul class="finished">
${rows.join('\n')}
</ul></section>`;
}

/** What a screen reader hears: cards that are over, not every percent. */
function spoken({ cards }: StationModel, t: Texts, chosen: OrderView | undefined): string {
  const over = cards
    .map((card) => ({
      state: stateOf(card),
      card: card.is === 'begun' ? card.view.card : card.card,
    }))
    .filter(({ state }) => isOver(state))
    .map(({ state, card }) => `${card.device}: ${t[state]}`);
  return [...(chosen === undefined ? [] : [`${chosen.name}: ${leftOf(chosen, t)}`]), ...over].join(
    '. ',
  );
}
