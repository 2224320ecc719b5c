// The hotel's rows: what columns a table has (a row of defaults each), which of them the API may change,
// and the store that holds them. Bounded; knows no HTTP.
import type { Row, TableName } from './api.ts';

type Columns = Readonly<Record<string, unknown>>;

const STAMPS = { created_at: null, updated_at: null };

export const PATTERNS: Readonly<Record<TableName, Columns>> = {
  rooms: {
    ...{ id: 0, name: '', room_type_id: 0, description: null, location_id: null, floor: null },
    ...{ housekeeping_status: '', housekeeping_warning: null, housekeeping_changed_at: null },
    ...{ housekeeping_sector: null, room_door_codes: [], common_door_codes: [] },
    ...{ active_from: null, active_to: null, is_virtual: false, component_room_ids: [] },
    ...{ room_status_allocations: [], internal_lines: [] },
  },
  room_types: { id: 0, name: '', beds_count: 2, is_virtual: false, components_room_type_ids: [] },
  bookings: {
    ...{ id: 0, number: '', uuid: '', status: 'expected', status_changed_at: null },
    ...{ arrival: '', departure: '', arrival_time: null, departure_time: null },
    ...{ early_arrival: false, late_departure: false, adults: 2, children: 0, children_ages: [] },
    ...{ arrival_room_type_id: 0, arrival_room_id: 0, current_room_id: null },
    ...{ room_change_confirmed_at: null, booking_room_changes: [], disable_room_change: false },
    ...{ accept_charge_transfers: true, common_door_codes: [], identity_tags: [] },
    ...{ self_service_key: null, self_service_pin: null, reference_number: null },
    ...{ guest_first_name: '', guest_last_name: '', guest_person_title_name: null },
    ...{ guest_language: 'en', guest_country: null, guest_e_mail: null, guest_phone_number: null },
    ...{ note: null, housekeeping_note: null, meals_note: null, client_request: null },
    ...{ active_notes: [], active_housekeeping_notes: [], rate_id: null, lock_version: 0 },
    ...{ balance: { cents: 0, currency: 'EUR' }, custom_fields: {} },
    ...STAMPS,
  },
  door_keys: {
    ...{ id: 0, booking_id: 0, room_id: 0, room_name: '', encoder_id: 0, encoder_identifier: '' },
    ...{
      valid_from: null,
      valid_to: null,
      guest_name: '',
      issued_at: null,
      reference_system: null,
    },
    ...{ key_reference: null, delete_requested_at: null, deleted_at: null, parent_key_id: null },
    ...{ error_text: null, room_door_code: null, room_door_codes: [], common_door_codes: [] },
    ...{ card_id: null, qr_code_text: null, mobile_key_phone_number: null, mobile_key_email: null },
    ...STAMPS,
  },
  folios: {
    ...{ id: 0, booking_id: 0, number: null, currency: 'EUR', deposit: false, closed_at: null },
    ...{ close_date: null, voided_at: null, balance: { cents: 0, currency: 'EUR' } },
    ...{ qr_code_text: null, ...STAMPS },
  },
  charges: {
    ...{ id: 0, folio_id: 0, source_id: null, source_type: null, charge_template_id: null },
    ...{ revenue_group: '', revenue_category: null, text: '', print_text: null, currency: 'EUR' },
    ...{ price_cents: 0, qty: 1, tax_rate: 0, net_value_cents: 0, tax_value_cents: 0 },
    ...{ gross_value_cents: 0, service_date: null, revenue_date: null, voided_at: null },
    ...{ capacity_pool_id: null, custom_fields: {}, ...STAMPS },
  },
  credit_items: {
    ...{ id: 0, folio_id: 0, payment_type: 'cash', payment_sub_type: '', text: null },
    ...{ value_cents: 0, currency: 'EUR', reference: null, voided_at: null, ...STAMPS },
  },
  charge_templates: {
    ...{ id: 0, text: '', revenue_group: 'extra', revenue_category: null, plain_price_cents: 0 },
    ...{ currency: 'EUR', tax_rate: 0.2, print_text: null, floating_price: false },
  },
  fiscalizations: {
    ...{ id: 0, folio_id: 0, fiscal_request_code: null, fiscal_response_code: null, ...STAMPS },
  },
  orders: { id: 0, number: '', transaction_id: null, notes: null, ...STAMPS },
};

/** What a PUT may name. Anything else is refused. */
export const WRITABLE = {
  rooms: [
    ...['housekeeping_status', 'housekeeping_warning', 'housekeeping_sector', 'description'],
    ...['room_door_codes_text', 'common_door_codes_text'],
  ],
  bookings: [
    ...['note', 'housekeeping_note', 'meals_note', 'client_request', 'arrival_time'],
    ...['departure_time', 'guest_e_mail', 'guest_phone_number', 'reference_number'],
    ...['custom_fields', 'lock_version'],
  ],
  door_keys: [
    ...['issued_at', 'reference_system', 'key_reference', 'error_text', 'deleted_at', 'card_id'],
    'qr_code_text',
  ],
  fiscalizations: ['fiscal_request_code', 'fiscal_response_code'],
} as const;

/** Ids of different tables never meet: a test that mixes them up fails. */
const FIRST_IDS: Readonly<Record<TableName, number>> = {
  ...{ room_types: 11, rooms: 1_001, bookings: 20_001, door_keys: 300_001, folios: 4_000_001 },
  ...{
    charges: 50_000_001,
    credit_items: 90_001,
    charge_templates: 601,
    fiscalizations: 70_001,
    orders: 8_001,
  },
};

export class Store {
  readonly #tables = new Map<TableName, Map<number, Row>>();
  readonly #nowMs: () => number;
  readonly #rowsMax: number;

  constructor(nowMs: () => number, rowsMax: number) {
    this.#nowMs = nowMs;
    this.#rowsMax = rowsMax;
  }

  add(name: TableName, given: Columns): Row {
    const table = this.#table(name);
    if (table.size >= this.#rowsMax) throw new Error(`More than ${this.#rowsMax} ${name}`);
    const now = new Date(this.#nowMs()).toISOString();
    const stamps = 'created_at' in PATTERNS[name] ? { created_at: now, updated_at: now } : {};
    const id = FIRST_IDS[name] + table.size;
    const row = { ...structuredClone(PATTERNS[name]), ...stamps, ...given, id };
    table.set(id, row);
    return row;
  }

  change(name: TableName, id: number, change: Columns): Row {
    const before = this.get(name, id);
    const stamp =
      'updated_at' in before ? { updated_at: new Date(this.#nowMs()).toISOString() } : {};
    const version =
      typeof before['lock_version'] === 'number'
        ? { lock_version: before['lock_version'] + 1 }
        : {};
    const row = { ...before, ...change, ...stamp, ...version, id };
    this.#table(name).set(id, row);
    return row;
  }

  find(name: TableName, id: number): Row | undefined {
    return this.#table(name).get(id);
  }

  /** Throws where there is none: a test's mistake. */
  get(name: TableName, id: number): Row {
    const row = this.find(name, id);
    if (row === undefined) throw new Error(`There is no ${name} ${id}`);
    return row;
  }

  rows(name: TableName): readonly Row[] {
    return [...this.#table(name).values()];
  }

  #table(name: TableName): Map<number, Row> {
    const table = this.#tables.get(name) ?? new Map<number, Row>();
    this.#tables.set(name, table);
    return table;
  }
}
