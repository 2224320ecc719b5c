// Folios, charges, fiscal results, phone calls and a till's orders.
import type { Row } from '../api.ts';
import { defaultFolio, roomIdOf } from '../hotel.ts';
import { Refusal, missing } from '../refusal.ts';
import { WRITABLE } from '../tables.ts';
import { allowed, ids, isObject, list, rowOf, under } from './endpoint.ts';
import type { Asked, Body, Endpoint } from './endpoint.ts';

const GROUPS = [
  ...['rooms', 'f&b', 'extra', 'other', 'tax', 'packages', 'deposit', 'surcharge'],
  ...['surcharge_transfer', 'discount'],
];
const CHARGE = [
  ...[
    'charge_template_id',
    'revenue_group',
    'revenue_category',
    'text',
    'price',
    'currency',
    'qty',
  ],
  ...['tax_rate', 'service_date', 'print_text', 'capacity_pool_id', 'custom_fields'],
];

interface Source {
  readonly folio: Row;
  readonly source?: { readonly source_id: number; readonly source_type: string };
}

/** What a charge becomes, or why it cannot; nothing is stored. */
function judged(given: unknown, { folio, source }: Source, asked: Asked): Body {
  const { store, limits, hotel } = asked;
  if (!isObject(given)) throw missing('charge');
  const charge = allowed(given, CHARGE, limits.stringCharsMax);
  const templateId = charge['charge_template_id'];
  const template =
    templateId === undefined ? {} : store.find('charge_templates', Number(templateId));
  if (template === undefined) throw new Refusal(500, "Couldn't find ChargeTemplate");
  const { text: ownText, revenue_group: ownGroup, plain_price_cents: ownCents } = template as Body;
  const text = charge['text'] ?? ownText;
  const group = charge['revenue_group'] ?? ownGroup;
  const cents =
    charge['price'] === undefined ? ownCents : Math.round(Number(charge['price']) * 100);
  for (const [name, value] of Object.entries({ text, revenue_group: group, price: cents })) {
    if (value === undefined || value === '') throw new Refusal(500, `${name} can't be blank`);
  }
  if (!GROUPS.includes(group as string)) throw new Refusal(500, 'Revenue group is invalid');
  if (!Number.isFinite(cents)) throw new Refusal(500, 'Price is not a number');
  if (folio['voided_at'] !== null) throw new Refusal(500, 'The folio is voided');
  const qty = Number(charge['qty'] ?? 1);
  // "works even if the folio is closed": the guide on voids.
  if (folio['closed_at'] !== null && qty >= 0) throw new Refusal(500, 'The folio is closed');
  const gross = Math.round(Number(cents) * qty);
  const rate = Number(charge['tax_rate'] ?? (template as Body)['tax_rate'] ?? 0);
  const net = Math.round(gross / (1 + rate));
  const { price: _, ...rest } = charge;
  return {
    ...{ ...rest, ...source, folio_id: folio.id, text, revenue_group: group, price_cents: cents },
    ...{ qty, tax_rate: rate, net_value_cents: net, tax_value_cents: gross - net },
    ...{ gross_value_cents: gross, revenue_date: hotel.today() },
  };
}

/** All or nothing. */
function post(given: readonly unknown[], source: Source, asked: Asked): readonly Row[] {
  const { store, limits, fire } = asked;
  const { folio } = source;
  const count = store.rows('charges').filter((one) => one['folio_id'] === folio.id).length;
  if (count + given.length > limits.folioChargesMax) throw new Refusal(500, 'The folio is blocked');
  const all = given.map((one) => judged(one, source, asked));
  const rows = all.map((one) => store.add('charges', one));
  fire('folio_update', { folio_id: folio.id });
  return rows;
}

function bulk({ body, limits }: Asked): readonly unknown[] {
  const charges = isObject(body) ? body['charges'] : undefined;
  if (!Array.isArray(charges)) throw missing('charges');
  if (charges.length > limits.bulkMax) throw new Refusal(500, 'Charges exceeds the limit!');
  return charges;
}

function sourceOf(asked: Asked): Source {
  const booking = rowOf(asked, 'bookings');
  if (booking['accept_charge_transfers'] !== true) {
    throw new Refusal(500, 'The booking does not accept charges');
  }
  return {
    folio: defaultFolio(asked.store, booking.id),
    source: { source_id: booking.id, source_type: 'Pms::Booking' },
  };
}

const FISCAL = 'fiscalization/generic/:id';

function fiscalOf(asked: Asked): Row | undefined {
  const folio = rowOf(asked, 'folios');
  return asked.store.rows('fiscalizations').find((one) => one['folio_id'] === folio.id);
}

function fiscalise(asked: Asked): unknown {
  const { store, body, limits, fire } = asked;
  if (!isObject(body)) throw missing('fiscal_response_code');
  const change = allowed(body, WRITABLE.fiscalizations, limits.stringCharsMax);
  const folio = rowOf(asked, 'folios');
  const row = fiscalOf(asked) ?? store.add('fiscalizations', { folio_id: folio.id });
  const changed = store.change('fiscalizations', row.id, change);
  if (changed['fiscal_response_code'] !== null) fire('folio_fiscalize', { folio_id: folio.id });
  return changed;
}

const DURATION = /^\d\d:\d\d:\d\d$/;
const CALL = [
  'call_datetime',
  'internal_line',
  'duration',
  'dial_number',
  'impulses',
  'price',
  'line',
];
const NEEDS = { price: ['price'], impulses: ['impulses'], zones: ['dial_number', 'duration'] };

/** An object without anything is the hello; an array is calls. */
function phone(asked: Asked): undefined {
  const { body, hotel, phonePricing } = asked;
  if (isObject(body) && Object.keys(body).length === 0) return hotel.heardHello();
  if (!Array.isArray(body)) throw missing('phone_calls');
  const calls = (body as unknown[]).map((one) => {
    if (!isObject(one)) throw missing('call_datetime');
    const call = allowed(one, CALL, asked.limits.stringCharsMax);
    for (const name of ['call_datetime', 'internal_line']) {
      if (typeof call[name] !== 'string' || call[name] === '') throw missing(name);
    }
    if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(call['call_datetime'] as string)) {
      throw new Refusal(500, 'call_datetime is invalid');
    }
    const duration = call['duration'];
    if (duration !== undefined && !(typeof duration === 'string' && DURATION.test(duration))) {
      throw new Refusal(500, 'duration is invalid');
    }
    return call;
  });
  hotel.heardHello();
  for (const call of calls) charge(call, NEEDS[phonePricing], asked);
  return undefined;
}

/** The line's room, its checked-in booking of that date, its folio. */
function charge(call: Body, needs: readonly string[], asked: Asked): void {
  const { store, hotel } = asked;
  const line = call['internal_line'] as string;
  const date = (call['call_datetime'] as string).slice(0, 10);
  const room = store
    .rows('rooms')
    .find((one) => (one['internal_lines'] as string[]).includes(line));
  const booking = store
    .rows('bookings')
    .find((one) => one['status'] === 'checked_in' && roomIdOf(one, date) === room?.id);
  const lacking = needs.find((name) => call[name] === undefined);
  const uncharged = (error: string): void =>
    hotel.called({
      ...{ internalLine: line, state: 'Uncharged', error, chargeId: undefined, given: call },
    });
  if (room === undefined) return uncharged('No room has this internal line');
  if (lacking !== undefined) return uncharged(`${lacking} is missing`);
  if (booking === undefined) return uncharged('No booking is checked in');
  const one = { text: 'Phone call', revenue_group: 'extra', price: call['price'] ?? 0 };
  const [row] = post([one], { folio: defaultFolio(store, booking.id) }, asked);
  return hotel.called({
    ...{ internalLine: line, state: 'Charged', error: undefined, chargeId: row!.id, given: call },
  });
}

const BY_SOURCE = 'bookings/:id/charges_by_source';
const CREATE = 'Charges: Create';

export const MONEY: readonly Endpoint[] = [
  {
    ...{ api: 'pms_api', method: 'POST', path: 'phone_calls', right: 'phone_calls_create' },
    answer: phone,
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: 'bookings/:id/folios/default' },
    right: 'booking_folios_show',
    answer: (asked) => defaultFolio(asked.store, rowOf(asked, 'bookings').id),
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: BY_SOURCE, right: 'charges_by_source_index' },
    answer: (asked) => {
      const { id } = rowOf(asked, 'bookings');
      return list(asked, 'charges').filter((one) => one['source_id'] === id);
    },
  },
  {
    ...{ api: 'pms_api', method: 'POST', path: BY_SOURCE, right: CREATE },
    answer: (asked) => post([under(asked.body, 'charge')], sourceOf(asked), asked)[0],
  },
  {
    ...{ api: 'pms_api', method: 'POST', path: `${BY_SOURCE}/bulk`, right: CREATE },
    answer: (asked) => void post(bulk(asked), sourceOf(asked), asked),
  },
  {
    ...{
      api: 'base_api',
      method: 'GET',
      path: 'charge_templates',
      right: 'charge_templates_index',
    },
    answer: (asked) => list(asked, 'charge_templates'),
  },
  {
    ...{ api: 'base_api', method: 'GET', path: 'folios', right: 'folios_index' },
    answer: (asked) => ids(list(asked, 'folios')),
  },
  {
    ...{ api: 'base_api', method: 'GET', path: 'folios/:id', right: 'folios_show' },
    answer: (asked) => rowOf(asked, 'folios'),
  },
  {
    ...{ api: 'base_api', method: 'GET', path: 'folios/:id/charges', right: 'charges_index' },
    answer: (asked) => {
      const { id } = rowOf(asked, 'folios');
      return list(asked, 'charges').filter((one) => one['folio_id'] === id);
    },
  },
  {
    ...{ api: 'base_api', method: 'GET', path: 'folios/:id/credit_items' },
    right: 'credit_items_index',
    answer: (asked) => {
      const { id } = rowOf(asked, 'folios');
      return list(asked, 'credit_items').filter((one) => one['folio_id'] === id);
    },
  },
  {
    ...{ api: 'base_api', method: 'POST', path: 'folios/:id/charges', right: CREATE },
    answer: (asked) =>
      post([under(asked.body, 'charge')], { folio: rowOf(asked, 'folios') }, asked)[0],
  },
  {
    ...{ api: 'base_api', method: 'POST', path: 'folios/:id/charges/bulk', right: CREATE },
    answer: (asked) => void post(bulk(asked), { folio: rowOf(asked, 'folios') }, asked),
  },
  {
    ...{ api: 'base_api', method: 'GET', path: FISCAL, right: 'fiscalization_show' },
    answer: (asked) => fiscalOf(asked) ?? null,
  },
  {
    ...{ api: 'base_api', method: 'PUT', path: FISCAL, right: 'fiscalization_update' },
    answer: fiscalise,
  },
  {
    ...{ api: 'pos_api', method: 'GET', path: 'orders', right: 'orders_index' },
    answer: (asked) => ids(list(asked, 'orders')),
  },
  {
    ...{ api: 'pos_api', method: 'GET', path: 'orders/:id', right: 'orders_show' },
    answer: (asked) => rowOf(asked, 'orders'),
  },
];
