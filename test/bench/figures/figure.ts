// What a figure is: measured, against a target, and how a table of them looks. Pure.

export type Unit = 'bytes' | 'ms' | 'percent' | 'times' | 'rate' | 'hourly';

/** One line of a table. */
export interface Figure {
  /** Also its name in the store: stable. */
  readonly what: string;
  readonly unit: Unit;
  readonly measured: number;
  /** At most this is good, or at least that; without either the figure only informs. */
  readonly most?: number;
  readonly least?: number;
  /** How it was measured, where that is not plain. */
  readonly remark?: string;
}

/** A figure with the day it was measured. */
export interface Kept extends Figure {
  readonly day: string;
}

export function isGood({ measured, most, least }: Figure): boolean | undefined {
  if (most !== undefined) return measured <= most;
  return least === undefined ? undefined : measured >= least;
}

const MARKS = { true: '✓', false: '✗', undefined: '' } as const;

function cells(figure: Figure): [string, string, string, string, string] {
  const { what, unit, measured, most, least, remark = '' } = figure;
  const atMost = most === undefined ? '' : `≤ ${formatted(most, unit)}`;
  const target = least === undefined ? atMost : `≥ ${formatted(least, unit)}`;
  return [what, formatted(measured, unit), target, MARKS[`${isGood(figure)}`], remark];
}

/** 1_500 ms is "1.5 s"; 300 ms stays; times of a build are told in minutes. */
export function formatted(value: number, unit: Unit): string {
  switch (unit) {
    case 'bytes':
      return value < 1e6 ? `${(value / 1e3).toFixed(0)} KB` : `${(value / 1e6).toFixed(1)} MB`;
    case 'ms':
      if (value < 10) return `${value.toFixed(1)} ms`;
      if (value < 1_000) return `${value.toFixed(0)} ms`;
      if (value < 120_000) return `${(value / 1e3).toFixed(1)} s`;
      return `${(value / 60_000).toFixed(1)} min`;
    case 'percent':
      return `${value.toFixed(1)} %`;
    case 'times':
      return `${value.toFixed(1)} ×`;
    case 'rate':
      return `${value.toFixed(0)}/s`;
    case 'hourly':
      return `${value.toFixed(0)}/h`;
  }
}

const HEAD = ['what', 'measured', 'target', '', 'how'] as const;

/** Columns for a terminal. */
export function renderText(figures: readonly Figure[]): string {
  const rows = [HEAD as readonly string[], ...figures.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 1 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

const BEGIN = '<!-- figures: npm run bench -- --write -->';
const END = '<!-- /figures -->';

type Row = readonly string[];

const rowOf = (figure: Kept): Row => [...cells(figure), figure.day];

/** A table for a README. */
function renderMarkdown(rows: readonly Row[]): string {
  const head = [...HEAD, 'on'];
  const widths = head.map((name, column) =>
    Math.max(3, name.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (row: Row): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** What renderMarkdown() made. */
function parseMarkdown(table: string): readonly Row[] {
  const lines = table.split('\n').filter((line) => line.startsWith('| '));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  ); // head, rule
}

/**
 * The README with the figures in the table between its two markers; undefined when it has none. What was measured on
 * another machine or day stays, with its day.
 */
export function withTable(readme: string, figures: readonly Kept[]): string | undefined {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END, begin);
  if (begin < 0 || end < 0) return undefined;
  const rows = new Map(parseMarkdown(readme.slice(begin, end)).map((row) => [row[0], row]));
  for (const figure of figures) rows.set(figure.what, rowOf(figure));
  const table = `${BEGIN}\n\n${renderMarkdown([...rows.values()])}\n\n`;
  return readme.slice(0, begin) + table + readme.slice(end);
}

/** New figures replace kept ones of the same name; the order is that of first measurement by group. */
export function merged(
  kept: readonly Kept[],
  fresh: readonly Figure[],
  day: string,
): readonly Kept[] {
  const byName = new Map(kept.map((figure) => [figure.what, figure]));
  for (const figure of fresh) byName.set(figure.what, { ...figure, day });
  return [...byName.values()];
}

/** `share` of the values are at most this (nearest rank): 0.99 is p99. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('no value was measured');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
}

/** The middle one, so that a busy moment does not count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) throw new Error('no value was measured');
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}
