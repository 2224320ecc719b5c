// What a day came to, in numbers and, where something does not agree, in a list.
import type { Difference } from './compare.ts';

export interface Report {
  readonly seed: number;
  readonly rooms: number;
  readonly guests: number;
  readonly staying: number;
  readonly events: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly playedMs: number;
  readonly restMs: number;
  readonly charges: number;
  readonly calls: number;
  readonly cents: number;
  readonly unknown: number;
  readonly rejected: number;
  /** Postings that the unit answered with a no: nobody there. */
  readonly refused: number;
  readonly repeats: number;
  readonly keys: {
    readonly asked: number;
    readonly issued: number;
    readonly failed: number;
    readonly deleted: number;
    readonly cards: number;
  };
  readonly wakeUps: number;
  readonly audits: number;
  readonly connections: number;
  readonly apiCalls: number;
  readonly callsPerSecondMax: number;
  readonly messages: number;
  readonly differences: readonly Difference[];
  /** Of the agent that ran last. */
  readonly log: readonly string[];
}

/** More would hide the first ones. */
const SHOWN_MAX = 100;

export function render(report: Report): string {
  const { keys, counts } = report;
  const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;
  const faults = [...counts].filter(([name]) => name.startsWith('fault '));
  const told = (all: readonly (readonly [string, number])[]): string =>
    all.map(([name, count]) => `${name.replace('fault ', '')} ${count}`).join(', ') || 'none';
  const euros = (report.cents / 100).toFixed(2);
  const lines = [
    `seed          ${report.seed}`,
    `rooms         ${report.rooms}`,
    `guests        ${report.guests}, at the end ${report.staying} in the house`,
    `events        ${report.events} in ${seconds(report.playedMs)}, at rest ${seconds(report.restMs)} later`,
    `              ${told([...counts].filter(([name]) => !name.startsWith('fault ')))}`,
    `faults        ${told(faults)}`,
    `charges       ${report.charges}, calls ${report.calls}, together ${euros}`,
    `postings      ${report.repeats} sent again, ${report.refused} refused at once`,
    `unknown       ${report.unknown}, rejected ${report.rejected}`,
    `keys          ${keys.asked} asked for: ${keys.issued} issued, ${keys.failed} failed, ${keys.deleted} deleted; ${keys.cards} cards made`,
    `exchange      ${report.wakeUps} wake-ups, ${report.audits} night audits`,
    `connections   ${report.connections} of the third parties`,
    `Clock's API   ${report.apiCalls} calls, at most ${report.callsPerSecondMax} within a second`,
    `cloud         ${report.messages} messages`,
  ];
  const { differences } = report;
  if (differences.length === 0) return [...lines, 'All agree.'].join('\n');
  const shown = differences.slice(0, SHOWN_MAX).map(({ where, what }) => `  ${where}: ${what}`);
  return [...lines, `${differences.length} differences:`, ...shown].join('\n');
}
