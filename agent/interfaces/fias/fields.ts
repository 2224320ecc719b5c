// How long a field may be, and which fields may be cut: a name is, a room or a number never (it would then be
// another room's). Pure.
import { RECORD_CHARS_MAX, ROOM_CHARS_MAX } from './limits.ts';

/** What cannot be cut: a record with more of it must not be sent. */
const IDENTITIES = new Set(['RN', 'RO', 'G#', 'KC', 'WS', 'P#', 'C#', 'SI', 'UO', 'TA', 'MI']);
export const isIdentity = (id: string): boolean => IDENTITIES.has(id);

const CHARS_MAX: Readonly<Record<string, number>> = {
  ...of(200, 'GN $3'),
  ...of(80, 'GF'),
  ...of(40, '$1 CT'),
  ...of(30, 'SI UO'),
  ...of(25, 'X1'),
  ...of(20, 'GT GV PH KO DD BA BI DC'),
  ...of(300, 'BD'),
  ...of(19, '$2'),
  ...of(16, 'WS ID'),
  ...of(15, 'TA TP SC +0'),
  ...of(10, 'GG GL G# G+ V# PI MP'),
  ...of(8, 'KC P# C# MI EN DU'),
  ...of(ROOM_CHARS_MAX, 'RN RO'),
  ...of(6, 'PX DA TI'),
  ...of(5, 'PM SO CV DT'),
  ...of(4, 'MA ST T# VM'),
  ...of(2, 'M# PU RS'),
  ...of(1, 'PT KT CS GS DN ML NP PP'),
  ...of(RECORD_CHARS_MAX, 'MT'),
};
/** Where a field is shorter or longer in one record than in the others. */
const IN_RECORD: Readonly<Record<string, number>> = {
  ...{ 'KZ.GN': 40, 'LO.CT': 80, 'LP.CT': 96, 'PA.CT': 50, 'PS.CT': 20, 'PR.CT': 20 },
  // Six digits where a vendor sends them so, five (10:30) in Oracle's text.
  ...{ 'KR.DT': 6 },
};
/** A0 to A9 are the site's own; what others are called is not known. */
const OTHER_CHARS_MAX = 40;
/** S1 to S9, T1 to T9, D1 to D9: amounts. */
const AMOUNT = /^[STD][1-9]$/;
const AMOUNT_CHARS_MAX = 15;

function of(charsMax: number, ids: string): Record<string, number> {
  return Object.fromEntries(ids.split(' ').map((id) => [id, charsMax]));
}

/** Characters that `field` of `record` holds at most. */
export const charsMax = (record: string, field: string): number =>
  IN_RECORD[`${record}.${field}`] ??
  CHARS_MAX[field] ??
  (AMOUNT.test(field) ? AMOUNT_CHARS_MAX : OTHER_CHARS_MAX);
