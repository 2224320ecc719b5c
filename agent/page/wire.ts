// What the page shows, as HTML and as plain text. Pure; escapes everything it is given.
import { CHECK_IDS, worstFirst } from '../diagnostics/wire.ts';
import type { CheckResult } from '../diagnostics/wire.ts';
import { texts } from './texts.ts';
import type { Language } from './texts.ts';

export interface PageModel {
  readonly serial: string;
  readonly hostName: string;
  readonly addresses: readonly {
    readonly name: string;
    readonly address: string;
    readonly mac: string;
  }[];
  readonly version: string;
  readonly results: readonly CheckResult[];
  readonly running: boolean;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => ESCAPES[char]!);
}

/** The verdict in one sentence, and its colour class. */
export function headline(model: PageModel, language: Language): { text: string; mood: string } {
  const t = texts[language];
  const failed = model.results.filter(({ state }) => state === 'failed').length;
  if (failed > 0) return { text: t.failed(failed), mood: 'failed' };
  const whole = model.results.length === CHECK_IDS.length;
  return model.running || !whole
    ? { text: t.running, mood: 'running' }
    : { text: t.allPassed, mood: 'passed' };
}

/** The whole page; readable without JavaScript (it then reloads itself while checks run). */
export function renderPage(model: PageModel, language: Language): string {
  const t = texts[language];
  const { text, mood } = headline(model, language);
  const rows = worstFirst(model.results).map(({ id, state, measured }) => {
    const remedy = state === 'failed' || state === 'warning' ? t.remedies[id] : undefined;
    const todo =
      remedy === undefined ? '' : `<p class="todo"><b>${t.todo}:</b> ${escapeHtml(remedy)}</p>`;
    return (
      `<li id="check-${id}" class="${state}"><div><h2>${escapeHtml(t.checks[id])}</h2>` +
      `<span class="state">${t.states[state]}</span></div>` +
      `<p class="measured">${escapeHtml(measured)}</p>${todo}</li>`
    );
  });
  const where = model.addresses.map(({ address, mac }) => `${address} (${mac})`).join(', ');
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${model.running ? '<noscript><meta http-equiv="refresh" content="3"></noscript>' : ''}
<title>${t.title}</title><link rel="stylesheet" href="/page.css"><script src="/page.js" defer></script>
</head><body data-running="${model.running}"><main>
<header><p>${t.title}</p><h1 class="${mood}">${escapeHtml(text)}</h1></header>
<form method="post"><button formaction="/check">${t.again}</button>
<button formaction="/identify">${t.identify}</button><a href="/report.txt">${t.report}</a></form>
<ul>${rows.join('\n')}</ul>
<dl><dt>${t.serial}</dt><dd>${model.serial}</dd><dt>${t.address}</dt><dd>${escapeHtml(where)}</dd>
<dt>Host</dt><dd>${model.hostName}</dd><dt>${t.release}</dt><dd>${escapeHtml(model.version)}</dd></dl>
</main></body></html>
`;
}

/** The report for support: the same facts as text. Holds no secret: there is none in the model. */
export function renderReport(model: PageModel): string {
  const lines = worstFirst(model.results).map(
    ({ id, state, measured }) => `${state.padEnd(12)} ${id.padEnd(12)} ${measured}`,
  );
  const head = [`Clock IoT unit ${model.serial}`, `release ${model.version}`];
  const where = model.addresses.map(({ name, address, mac }) => `${name} ${address} ${mac}`);
  return [...head, ...where, '', ...lines, ''].join('\n');
}
