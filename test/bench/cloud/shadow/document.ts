// What follows from an update of a shadow: merging, differences, metadata, sizes. Pure.
// Pages device-shadow-document, device-shadow-data-flow.
import type { Json, JsonObject, Metadata, MetadataObject } from './wire.ts';

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `change` into `base`: null removes, objects merge, everything else replaces. */
export function merged(base: JsonObject, change: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else if (isObject(value)) {
      const before = result[key];
      result[key] = merged(isObject(before) ? before : {}, value);
    } else result[key] = value;
  }
  return result;
}

/** Metadata after an update: what the change names carries the time, what is gone goes. */
export function stamped(
  state: JsonObject,
  options: {
    readonly before: MetadataObject;
    readonly change: JsonObject;
    readonly timestamp: number;
  },
): MetadataObject {
  const { before, change, timestamp } = options;
  const result: Record<string, Metadata> = {};
  for (const [key, value] of Object.entries(state)) {
    const changed = change[key];
    const known = before[key];
    if (changed === undefined && known !== undefined) result[key] = known;
    else if (isObject(value)) {
      const inner = isObject(known) ? (known as MetadataObject) : {};
      const change = isObject(changed) ? changed : {};
      result[key] = stamped(value, { before: inner, change, timestamp });
    } else result[key] = timeOf(value, timestamp);
  }
  return result;
}

function timeOf(value: Json, timestamp: number): Metadata {
  if (Array.isArray(value)) return value.map((item: Json) => timeOf(item, timestamp));
  return isObject(value) ? stamped(value, { before: {}, change: value, timestamp }) : { timestamp };
}

/** Every key of `desired` that `reported` lacks or has otherwise, as desired; undefined: none. */
export function difference(desired: JsonObject, reported: JsonObject): JsonObject | undefined {
  const result: Record<string, Json> = {};
  for (const [key, value] of Object.entries(desired)) {
    const other = reported[key];
    if (isObject(value) && isObject(other)) {
      const inner = difference(value, other);
      if (inner !== undefined) result[key] = inner;
    } else if (JSON.stringify(value) !== JSON.stringify(other)) result[key] = value;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

/** The part of `metadata` that belongs to `state`. */
export function metadataFor(state: JsonObject, metadata: MetadataObject): MetadataObject {
  const result: Record<string, Metadata> = {};
  for (const [key, value] of Object.entries(state)) {
    const known = metadata[key];
    if (known === undefined) continue;
    result[key] =
      isObject(value) && !('timestamp' in known && typeof known.timestamp === 'number')
        ? metadataFor(value, known as MetadataObject)
        : known;
  }
  return result;
}

/** Levels of nesting: a plain value has none. Quotas: 8 in a section. */
export function depthOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map((inner: Json) => depthOf(inner)));
}
