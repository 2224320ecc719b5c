// The ledger in words, for a terminal: tables of units, one unit with its cards, what to do with it.
import { oneLine as safe } from '../core/terminal.ts';
import type { ChainEvent } from './chain.ts';
import type { UnitEntry } from './ports.ts';
import type { FlashRow, UnitDetails } from './units.ts';
import type { Verdict } from './verify.ts';

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
/** "2026-01-05 08:00:05 UTC" */
const time = (at: string): string => `${at.slice(0, 19).replace('T', ' ')} UTC`;

function accountsText({ accounts }: Pick<UnitEntry, 'accounts'>): string {
  if (accounts.length === 0) return 'pairs by a code';
  return accounts.map(({ kind, host, accountId }) => `${kind} ${accountId} ${host}`).join(', ');
}

/** Columns as wide as their widest cell. What came from a file or a card's firmware stays in its cell. */
function table(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(safe));
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(...rows.map((row) => Array.from(row[column] ?? '').length)),
  );
  const padded = (cell: string, column: number): string =>
    cell + ' '.repeat((widths[column] ?? 0) - Array.from(cell).length);
  return rows.map((row) => row.map(padded).join('  ').trimEnd()).join('\n');
}

/** What an order would make: a row for each of its lines. */
export function orderTable(
  lines: readonly (Pick<UnitEntry, 'order' | 'name' | 'accounts' | 'services'> & {
    readonly count: number;
  })[],
): string {
  const head = ['ORDER', 'COUNT', 'NAME', 'ACCOUNTS', 'SERVICES'];
  const rows = lines.map((line) => [
    ...[line.order ?? '-', String(line.count), line.name ?? '-'],
    ...[accountsText(line), line.services.join(', ') || '-'],
  ]);
  return table([head, ...rows]);
}

export function unitTable(units: readonly UnitEntry[]): string {
  if (units.length === 0) return 'No units.';
  const head = ['SERIAL', 'STATE', 'ORDER', 'NAME', 'ACCOUNTS', 'CARDS', 'LABEL'];
  const rows = units.map((unit) => [
    ...[unit.serial, unit.state, unit.order ?? '-', unit.name ?? '-'],
    ...[accountsText(unit), String(unit.cards), unit.labelled ? 'printed' : '-'],
  ]);
  const isTaken = units.some(({ state }) => state === 'overwritten');
  return [...[table([head, ...rows]), totalText(units)], ...(isTaken ? [OVERWRITTEN] : [])].join(
    '\n',
  );
}

const OVERWRITTEN =
  'Overwritten: something else was written onto its card. "./build.sh unit show SERIAL" says when, and what to do.';

/** As a unit goes through them. */
const STATES = ['new', 'writing', 'done', 'uncertain', 'overwritten', 'retired'] as const;

/** "5 units: 3 new, 2 done" */
function totalText(units: readonly UnitEntry[]): string {
  const byState = Map.groupBy(units, ({ state }) => state);
  const parts = STATES.flatMap((state) => {
    const of = byState.get(state);
    return of === undefined ? [] : [`${of.length} ${state}`];
  });
  return `${units.length} ${units.length === 1 ? 'unit' : 'units'}: ${parts.join(', ')}`;
}

/** What a person should do with a unit in this state; undefined: nothing. */
function adviceFor({ unit, events }: UnitDetails): string | undefined {
  const { serial, state, cards } = unit;
  if (state === 'overwritten') {
    const last = overwritings(events).at(-1);
    return [
      `Its card was written over${last === undefined ? '' : ` on ${takenText(last, serial)}`}: it has none any more. Reflash it:`,
      `  ./build.sh reflash ${serial} DEVICE --claim DIR --identity FILE`,
      '  ./build.sh unit export                   for the cloud, which refuses the first by it',
      'Or make a new unit like it, with another serial and label:',
      `  ./build.sh unit replace ${serial}`,
    ].join('\n');
  }
  if (state !== 'uncertain') return undefined;
  if (cards === 0) {
    return [
      'The ledger was restored and knows no card of it: it may have got one after that backup was made.',
      'Its serial is given to no card by itself. Make a new unit like it, with another serial and label:',
      `  ./build.sh unit replace ${serial}`,
      'Or write it a card; one that it may have had is shut out of the cloud then:',
      `  ./build.sh reflash ${serial} DEVICE --claim DIR`,
      '  ./build.sh unit export                   for the cloud, which refuses the first by it',
    ].join('\n');
  }
  return [
    'Its last card was written and read back, but the station stopped before it was finished: the card',
    'may start or not. Its serial is not given to another card by itself. Put the card into the reader:',
    '  ./build.sh inspect DEVICE                whole? then it is good:',
    `  ./build.sh unit settle ${serial}`,
    'If it is not whole or not to be found, write another card:',
    `  ./build.sh reflash ${serial} DEVICE --claim DIR`,
    '  ./build.sh unit export                   for the cloud, which refuses the first by it',
  ].join('\n');
}

interface Overwriting {
  readonly at: string;
  readonly flash: string;
  readonly into: string;
}

const overwritings = (events: readonly ChainEvent[]): readonly Overwriting[] =>
  events
    .filter(({ kind }) => kind === 'card.overwritten')
    .map(({ at, body }) => ({ ...(JSON.parse(body) as Omit<Overwriting, 'at'>), at }));

const takenText = ({ at, into }: Overwriting, serial: string): string =>
  `${time(at)} ${into === serial ? 'by a card of its own that failed' : `by unit ${into}`}`;

export function unitText(details: UnitDetails, { events }: { events: boolean }): string {
  const { unit, made, why, flashes } = details;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['serial', unit.serial],
    ['host name', `clockrpi-${unit.serial}`],
    ['state', why === undefined ? unit.state : `${unit.state}: ${why}`],
    ['name', unit.name],
    ['order', unit.order],
    ['accounts', accountsText(unit)],
    ['services', unit.services.join(', ')],
    ['MAC', unit.mac],
    ['label', unit.labelled ? 'printed' : 'not printed'],
    ['made', time(made)],
  ];
  const lines = rows.filter(([, value]) => value !== undefined && value !== '');
  const advice = adviceFor(details);
  const taken = new Map(overwritings(details.events).map((one) => [one.flash, one]));
  return [
    table(lines.map(([name, value]) => [name, value!])),
    ...flashes.map((flash, index) => {
      const isOver = index < flashes.findLastIndex(({ verified }) => verified !== null);
      const lost = taken.get(flash.id);
      const was = [
        ...(isOver && flash.verified !== null ? ['superseded; '] : []),
        ...(lost === undefined ? [] : [`written over on ${takenText(lost, unit.serial)}; `]),
      ].join('');
      return `\ncard ${index + 1}: ${was}${flashText(flash)}`;
    }),
    ...(advice === undefined ? [] : ['', advice]),
    ...(events ? ['', eventLines(details.events)] : []),
  ].join('\n');
}

function flashText(flash: FlashRow): string {
  const { state, reason, bytes, write_ms, read_ms, ended } = flash;
  const speed =
    bytes === null || write_ms === null || read_ms === null
      ? ''
      : `, ${megabytes(bytes)} at ${(bytes / 1e3 / write_ms).toFixed(1)} MB/s, read back at ${(bytes / 1e3 / read_ms).toFixed(1)} MB/s`;
  const told = reason === null ? state : `${state}: ${reason} (${flash.code ?? ''})`;
  return [
    `${told}${speed}`,
    `  ${flash.model}, ${megabytes(flash.card_bytes)}, ${flash.device}, CID ${flash.cid ?? 'not told by its reader'}`,
    `  release ${flash.release}, generation ${flash.generation}, recovery key ${flash.escrow === null ? 'KEPT NOWHERE' : 'sealed to support'}`,
    `  ${time(flash.begun)} to ${ended === null ? '…' : time(ended)}, ${flash.operator} at ${flash.station}`,
  ]
    .map((line) => line.slice(0, 2) + safe(line.slice(2)))
    .join('\n');
}

/** What of an event is said in one line; the rest is long or sealed. */
const SAID = [
  'serial',
  'recipient',
  'order',
  'file',
  'units',
  'why',
  'format',
  'mac',
  'generation',
  'into',
];

export function eventLines(events: readonly ChainEvent[]): string {
  const rows = events.map((event) => {
    const body = JSON.parse(event.body) as Record<string, unknown>;
    const by = JSON.parse(event.by) as Record<string, unknown>;
    const how = body['how'] as { result?: string; code?: string } | undefined;
    const said = SAID.filter((name) => ['string', 'number'].includes(typeof body[name])).map(
      (name) => `${name} ${String(body[name])}`,
    );
    const end = how === undefined ? [] : [how.code ?? how.result ?? ''];
    const who = `${String(by['operator'])}@${String(by['station'])}`;
    const what = [...end, ...said].join(', ');
    return [String(event.seq), time(event.at), event.kind, who, what];
  });
  return table(rows);
}

export function verdictText({ events, head, units, problems }: Verdict): string {
  const size = `${events} events, ${units} units`;
  if (problems.length === 0) {
    return `Whole: ${size}.\nhead ${head}\nNote the head elsewhere; later "unit verify --head" asks for it.`;
  }
  return [
    `NOT WHOLE: ${size}.`,
    ...problems.map((problem) => `! ${safe(problem)}`),
    '  → Keep the file, find out who changed it, and bring the last good backup back (unit restore).',
  ].join('\n');
}
