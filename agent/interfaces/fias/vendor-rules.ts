// What a strict vendor finds wrong in a record that it got: rules of the document, each a sentence. Pure.
import { charsMax } from './fields.ts';
import { wants } from './filter.ts';
import type { Described } from './filter.ts';
import { RECORD_CHARS_MAX } from './limits.ts';
import { filled, valueOf } from './wire.ts';
import type { FiasRecord } from './wire.ts';

/** Of the text as it came. */
export function textViolations(text: string): readonly string[] {
  const wrong: string[] = [];
  if (!text.endsWith('|')) wrong.push('the last field is not closed');
  if (text.length > RECORD_CHARS_MAX) wrong.push(`a record of ${text.length} characters`);
  const outside = text.replaceAll(/\|MT[^|]*/g, '');
  if (/\p{Cc}/u.test(outside)) wrong.push('a control character');
  return wrong;
}

const NEEDED: Readonly<Record<string, readonly string[]>> = {
  ...{ GI: ['RN'], GO: ['RN'], GC: ['RN'], RE: ['RN'], WR: ['RN', 'DA', 'TI'] },
  ...{ WC: ['RN'], PA: ['AS', 'P#'], KR: ['KC', 'KT', 'RN', 'WS'], KD: ['KC', 'RN', 'WS'] },
  ...{ KM: ['KC', 'RN', 'WS'], PL: ['P#'], LS: ['DA', 'TI'], LA: ['DA', 'TI'] },
};
const NAMES = ['GN', 'GF', 'GT', 'GL'] as const;

export interface RuleContext {
  readonly described: Described;
  readonly isInResync: boolean;
  /** Without LR there is nothing to compare with. */
  readonly isDescribing: boolean;
}

export function recordViolations(record: FiasRecord, context: RuleContext): readonly string[] {
  const { described, isDescribing, isInResync } = context;
  const wrong: string[] = [];
  const { id } = record;
  if (isDescribing && !wants(described, id)) wrong.push(`${id} was not listed`);
  for (const [field, value] of record.fields) {
    if (isDescribing && described.has(id) && !wants(described, id, field))
      wrong.push(`${id} has ${field}, which was not listed`);
    if (Array.from(value).length > charsMax(id, field))
      wrong.push(`${id} has ${field} of ${value.length} characters`);
  }
  for (const field of NEEDED[id] ?? []) {
    const isListed = !described.has(id) || wants(described, id, field);
    if (isListed && filled(record, field) === undefined) wrong.push(`${id} without ${field}`);
  }
  if (['GI', 'GO', 'GC'].includes(id) && wants(described, id, 'G#')) {
    if (id !== 'GO' && filled(record, 'G#') === undefined) wrong.push(`${id} without G#`);
    if (wants(described, id, 'GS') && !/^[YN]$/.test(filled(record, 'GS') ?? ''))
      wrong.push(`${id} without GS`);
  }
  if (id === 'GO' && NAMES.some((name) => valueOf(record, name) !== undefined))
    wrong.push('GO with a name');
  if (valueOf(record, 'SF') !== undefined && !isInResync) wrong.push(`${id} with SF after DE`);
  const shared = record.fields.filter(([field]) => field === 'GS').length;
  if (id === 'GC' && shared === 2 && !isPaired(record)) wrong.push('GS not behind its room');
  if (id === 'GC' && shared > 1 && valueOf(record, 'RO') === undefined) wrong.push('GS twice');
  return wrong;
}

/** Each GS right after the room that it belongs to. */
const isPaired = ({ fields }: FiasRecord): boolean =>
  fields.every(([id], index) => {
    const before = fields[index - 1]?.[0];
    return id !== 'GS' || before === 'RN' || before === 'RO';
  });
