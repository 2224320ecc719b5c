// What a charge is at Clock: as it was posted, or, for an article of a minibar, what its charge template says.
import type { Records } from '../core/records.ts';
import { decimalsOf } from './house.ts';
import type { Pms, PmsTemplate, PostedCharge } from './ports.ts';
import { keys, parseArticles, referenceOf } from './wire.ts';
import type { Article, Charge } from './wire.ts';

type Priced =
  | { readonly ok: true; readonly charge: PostedCharge }
  /** `later`: Clock could not be asked. */
  | { readonly ok: false; readonly why: 'unpriced' | 'later'; readonly text: string };

export async function priceOf(
  pms: Pms,
  records: Records,
  { id, what }: { readonly id: string; readonly what: Charge | Article },
): Promise<Priced> {
  const reference = referenceOf(id);
  if (what.is === 'charge') {
    const { text, group, price, quantity } = what;
    return { ok: true, charge: { reference, text, revenueGroup: group, price, qty: quantity } };
  }
  const templates = await pms.calls.charges.templates();
  if (!templates.ok) return { ok: false, why: 'later', text: templates.text ?? templates.why };
  const articles = parseArticles(records.get(keys.articles))?.articles ?? {};
  const template = templateOf(what.article, articles, templates.value);
  const price = template === undefined ? undefined : decimal(template);
  if (template === undefined || price === undefined) {
    const text = `Clock has no price for article ${what.article}: give it a charge template`;
    return { ok: false, why: 'unpriced', text };
  }
  const charge = {
    ...{ reference, price, qty: what.quantity, templateId: template.id },
    text: template.text ?? `Minibar ${what.article}`,
    revenueGroup: template.revenue_group ?? 'extra',
  };
  return { ok: true, charge };
}

/** By the setting; else one that is called as the article is. Nothing that only looks alike. */
function templateOf(
  article: string,
  articles: Readonly<Record<string, number>>,
  templates: readonly PmsTemplate[],
): PmsTemplate | undefined {
  const wanted = Object.hasOwn(articles, article) ? articles[article] : undefined;
  if (wanted !== undefined) return templates.find(({ id }) => id === wanted);
  const named = templates.filter(({ text }) => text?.trim() === article);
  return named.length === 1 ? named[0] : undefined;
}

/** Cents are hundredths but for the currencies that have other parts (public API documentation, "Types"). */
function decimal({ plain_price_cents: cents, currency }: PmsTemplate): string | undefined {
  if (cents === null) return undefined;
  const decimals = decimalsOf(currency ?? 'EUR');
  return (cents / 10 ** decimals).toFixed(decimals);
}
