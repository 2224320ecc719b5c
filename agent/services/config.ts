// Which services a unit is to run, as the cloud's shadow and the factory's record say it. Pure.
import * as v from 'valibot';
import { problemOf } from '../core/fields/config.ts';
import { CHECKED_MAX, SERVICES_MAX, SETTINGS_CHARS_MAX } from './limits.ts';

const NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** The process of rehearsals has this name. */
export const REHEARSAL = 'rehearsal';

const Wanted = v.strictObject({
  interface: v.pipe(v.string(), v.regex(NAME, 'not a name')),
  active: v.optional(v.boolean(), true),
  settings: v.optional(
    v.pipe(
      v.record(v.string(), v.unknown()),
      v.check((all) => JSON.stringify(all).length <= SETTINGS_CHARS_MAX, 'too large'),
    ),
    {},
  ),
});
export type Wanted = Readonly<v.InferOutput<typeof Wanted>>;

/** By the service's id. */
type WantedServices = ReadonlyMap<string, Wanted>;
export interface Judged {
  readonly services: WantedServices;
  /** Why the rest is not: by what was typed, within bounds. */
  readonly refused: Readonly<Record<string, string>>;
}

/** Names of what is refused are somebody's typing: shown, within bounds. */
const PATH_CHARS_MAX = 80;

/**
 * `desired`: `{ services: { "pbx-reception": { interface, active, settings } } }`. One that is wrong does not hurt
 * the others.
 */
export function judgeServices(desired: Readonly<Record<string, unknown>>): Judged {
  const services = new Map<string, Wanted>();
  const refused: [string, string][] = [];
  const refuse = (path: string, why: string): void => {
    if (refused.length < SERVICES_MAX) refused.push([path.slice(0, PATH_CHARS_MAX), why]);
  };
  for (const name of Object.keys(desired)) if (name !== 'services') refuse(name, 'no such setting');
  const all = 'services' in desired ? desired['services'] : {};
  if (typeof all !== 'object' || all === null || Array.isArray(all)) {
    refuse('services', 'expected an object');
    return { services, refused: Object.fromEntries(refused) };
  }
  for (const [id, value] of Object.entries(all)) {
    const parsed = v.safeParse(Wanted, value);
    const path = `services.${id}`;
    if (!NAME.test(id) || id === REHEARSAL) refuse(path, 'not a name of a service');
    else if (!parsed.success) refuse(path, wordsOf(parsed.issues[0]));
    else if (services.size >= SERVICES_MAX) refuse(path, `more than ${SERVICES_MAX} services`);
    else services.set(id, parsed.output);
  }
  return { services, refused: Object.fromEntries(refused) };
}

/** Never the value: it may be a password. */
function wordsOf(issue: v.BaseIssue<unknown>): string {
  return `${v.getDotPath(issue) ?? 'all of it'}: ${problemOf(issue)}`;
}

/** As it lies on the card; {} where that is nothing or something else. */
export function parseStored(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return v.parse(v.record(v.string(), v.unknown()), value);
  } catch {
    return {};
  }
}

const Checked = v.object({
  v: v.literal(1),
  all: v.array(
    v.object({ of: v.string(), needs: v.array(v.unknown()), targets: v.array(v.string()) }),
  ),
});
/** What a package once said of settings; `of` is the hash of both. */
export interface Checked {
  readonly of: string;
  /** Admitted anew whenever it is used. */
  readonly needs: readonly unknown[];
  readonly targets: readonly string[];
}

/** The newest ones; [] where that is nothing or something else. */
export function parseChecked(text: string | undefined): readonly Checked[] {
  try {
    return v.parse(Checked, JSON.parse(text ?? '')).all;
  } catch {
    return [];
  }
}
export const renderChecked = (all: readonly Checked[]): string =>
  JSON.stringify({ v: 1, all: all.slice(0, CHECKED_MAX) });
