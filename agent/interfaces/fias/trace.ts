// Records as the trace shows them: decoded, with what is a guest's own masked. Pure.
import { maskName, maskNumber } from '../../core/mask.ts';
import type { FiasRecord } from './wire.ts';

const NAMES: ReadonlySet<string> = new Set(['GN', 'GF', 'GT', 'GG', 'PI']);
const NUMBERS: ReadonlySet<string> = new Set(['DD', '$1', '$2', '$3', 'EN', 'EO']);
/** Said to be there, and no more: messages, free texts, pins, proofs. */
const SECRETS: ReadonlySet<string> = new Set(['MT', 'CT', 'X1', 'GP', 'CG', 'BD', 'LT', 'G+']);

const shown = (id: string, value: string): string => {
  if (value === '') return value;
  if (NAMES.has(id)) return maskName(value);
  if (NUMBERS.has(id)) return maskNumber(value);
  // The site's own fields may hold anything.
  return SECRETS.has(id) || /^A[0-9]$/.test(id) ? '…' : value;
};

export const traced = (record: FiasRecord): string =>
  [record.id, ...record.fields.map(([id, value]) => id + shown(id, value)), ''].join('|');
