// Which bundle is started: the built-in one, the copy that has proved itself, or one on trial. Pure;
// launch.ts looks at the copies and does what is said here.
import { PROVED_STARTS_MAX, REFUSED_MAX, TRIAL_STARTS_MAX } from './limits.ts';
import { isReleaseBefore, reason } from './wire.ts';
import type { BundleManifest, Copy, Saved, Work } from './wire.ts';

/** What lies in the root: the release and the date of its sources. */
export interface BuiltIn {
  readonly version: string;
  readonly builtAt: string;
}

/** A copy on the card, its signature, size and hash checked just now. */
export type Look =
  | { readonly ok: true; readonly manifest: BundleManifest }
  | { readonly ok: false; readonly why: string };

export interface Choice {
  readonly start: 'built-in' | Copy;
  /** To be on the card before the start; a trial that cannot be counted is not begun. */
  readonly saved: Saved;
  /** Why it is another one than the card says. */
  readonly notice: string | undefined;
  /** SHA-256 of a copy that has proved itself: its starts are counted. */
  readonly proved?: string;
}

export interface Around {
  readonly builtIn: BuiltIn;
  readonly look: (copy: Copy) => Look;
  /** In a row, none of which lasted. */
  readonly startsOf: (sha256: string) => number;
}

type Trial = Extract<Work, { at: 'trial' }>;

export function choose(saved: Saved, around: Around): Choice {
  const { work } = saved;
  if (work.at !== 'trial') return proved(saved, around);
  const why = whyNot(work, around.builtIn, around.look(work.copy));
  if (why === undefined) {
    const next: Trial = { ...work, starts: work.starts + 1 };
    return { start: work.copy, saved: { ...saved, work: next }, notice: undefined };
  }
  const choice = proved(returned(saved, work, why), around);
  const notice = `bundle ${work.version} is not started any more: ${why}`;
  return {
    ...choice,
    notice: choice.notice === undefined ? notice : `${notice}; ${choice.notice}`,
  };
}

function whyNot(work: Trial, builtIn: BuiltIn, seen: Look): string | undefined {
  if (!seen.ok) return seen.why;
  if (seen.manifest.sha256 !== work.sha256) return 'not the bundle that was installed';
  const unfit = unfitFor(builtIn, seen.manifest);
  if (unfit !== undefined) return unfit;
  return work.starts >= TRIAL_STARTS_MAX ? (work.why ?? 'ended without a word') : undefined;
}

/** Why a bundle does not go with this root; undefined when it does. */
export function unfitFor(builtIn: BuiltIn, manifest: BundleManifest): string | undefined {
  const { builtAt, minimumRelease } = manifest;
  // A new release brings a bundle of its own, and what is older than that one has had its time.
  if (Date.parse(builtAt) < Date.parse(builtIn.builtAt)) return 'older than the built-in one';
  return isReleaseBefore(builtIn.version, minimumRelease) ? 'release too old' : undefined;
}

function proved(saved: Saved, { builtIn, look, startsOf }: Around): Choice {
  const { good, work } = saved;
  const none = { start: 'built-in', saved, notice: undefined } as const;
  if (good === undefined) return none;
  const seen = look(good);
  const why = seen.ok ? unfitFor(builtIn, seen.manifest) : seen.why;
  if (!seen.ok || why !== undefined) {
    return { ...none, notice: `copy ${good} is not started: ${why}` };
  }
  const { version, sequence, sha256 } = seen.manifest;
  if (startsOf(sha256) < PROVED_STARTS_MAX) {
    return { start: good, saved, notice: undefined, proved: sha256 };
  }
  const ends = 'ends again and again';
  // What is being fetched may be the remedy: it goes on.
  const after: Work =
    work.at === 'downloading' ? work : { at: 'returned', version, sequence, why: ends };
  const notice = `copy ${good} is not started: ${ends}`;
  return { ...none, saved: { ...refuse(saved, sha256), good: undefined, work: after }, notice };
}

/** The trial is over: whatever was before it runs again, and this bundle never. */
export function returned(saved: Saved, work: Trial, why: string): Saved {
  return left(refuse(saved, work.sha256), work, why);
}

/** The same, but it may have been the line: signed anew, it may be offered again. */
export function left(saved: Saved, work: Trial, why: string): Saved {
  const { version, sequence } = work;
  return { ...saved, work: { at: 'returned', version, sequence, why: reason(why) } };
}

function refuse(saved: Saved, sha256: string): Saved {
  const others = saved.refused.filter((one) => one !== sha256);
  return { ...saved, refused: [...others, sha256].slice(-REFUSED_MAX) };
}
