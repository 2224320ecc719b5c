// What of a service lies on the card beside its settings: its token, what it remembers, what its package said.
import type { Records } from '../core/records.ts';
import { checkedKey } from './checks.ts';
import { REMEMBER_NAMES_MAX } from '../core/interface.ts';

export const tokenKey = (id: string): string => `services/token/${id}`;
export const memoryKey = (id: string, name: string): string => `services/memory/${id}/${name}`;

/** All of it, to be removed with the service. */
export const keysOf =
  (records: Records) =>
  (id: string): readonly string[] => [
    tokenKey(id),
    checkedKey(id),
    ...records.list(memoryKey(id, '')).map(({ key }) => key),
  ];

export async function remember(
  records: Records,
  service: string,
  { name, value }: { readonly name: string; readonly value: string | undefined },
): Promise<void> {
  const key = memoryKey(service, name);
  if (value === undefined) return records.change({ remove: [key] });
  const others = records.list(memoryKey(service, '')).filter((one) => one.key !== key);
  if (others.length >= REMEMBER_NAMES_MAX) throw new Error('too many names to remember');
  return records.change({ put: [{ key, value }] });
}
