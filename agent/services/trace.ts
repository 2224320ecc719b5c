// The last frames of each service, decoded and masked by the service itself: bounded, in memory only. Pure.
import { TRACE_MAX } from '../core/ipc/limits.ts';
import type { TraceEntry } from '../core/ipc/wire.ts';

export interface Traces {
  add(service: string, entries: readonly TraceEntry[]): void;
  /** The oldest first. */
  of(service: string): readonly TraceEntry[];
  /** Only these services are left. */
  keep(services: readonly string[]): void;
}

const ARROWS = { in: '<-', out: '->', note: '--' } as const;

export function createTraces(): Traces {
  const rings = new Map<string, TraceEntry[]>();
  return {
    add: (service, entries) => {
      const ring = rings.get(service) ?? [];
      ring.push(...entries);
      ring.splice(0, ring.length - TRACE_MAX);
      rings.set(service, ring);
    },
    of: (service) => rings.get(service) ?? [],
    keep: (services) => {
      for (const one of rings.keys()) if (!services.includes(one)) rings.delete(one);
    },
  };
}

/** A line of the file that people download: "2026-04-01T10:15:00.123Z -> LS|DA260401|TI101500|". */
export const renderEntry = ({ atMs, direction, text }: TraceEntry): string =>
  `${new Date(atMs).toISOString()} ${ARROWS[direction]} ${text}`;
