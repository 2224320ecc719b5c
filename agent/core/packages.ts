// Signed packages of interfaces as the rest of the agent sees them, and what they may be allowed. Pure; who
// installs them is packages/.
import type { Need } from './interface.ts';
import type { EventKind, OrderKind } from './vocabulary.ts';

/** The kinds of things an interface may ever ask to reach; which ones exactly, its settings say. */
export const PERMISSIONS = ['connect', 'listen', 'serial', 'usb-printer'] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** An interface with valibot in it has 15 KB; systemd hands a service credentials of 1 MiB in all. */
export const PACKAGE_BYTES_MAX = 512 * 1024;

/** Undefined: no package may ever reach that. */
export function permissionOf(need: Need): Permission | undefined {
  switch (need.need) {
    case 'connect':
    case 'listen':
      return need.need;
    case 'device':
      if (/^\/dev\/(serial\/by-(id|path)\/[^/]+|tty(AMA|S|USB|ACM)\d+)$/.test(need.path)) {
        return 'serial';
      }
      return /^\/dev\/usb\/lp\d+$/.test(need.path) ? 'usb-printer' : undefined;
  }
}

/** What of it goes beyond what a person approved: a service with such a need is not started. */
export const needsBeyond = (
  needs: readonly Need[],
  permissions: readonly Permission[],
): readonly Need[] =>
  needs.filter((need) => {
    const permission = permissionOf(need);
    return permission === undefined || !permissions.includes(permission);
  });

/** A package that services run, or are to run. All of it from the signed manifest, never from its code. */
export interface InstalledPackage {
  /** The interface's. */
  readonly name: string;
  readonly title: string;
  readonly version: string;
  /** Of the JavaScript, hex. */
  readonly sha256: string;
  readonly takes: readonly OrderKind[];
  readonly emits: readonly EventKind[];
  readonly permissions: readonly Permission[];
  /** The JavaScript on the card, and the signed manifest: for the process that verifies and runs it. */
  readonly file: string;
  readonly jws: string;
}

export interface PackageView {
  readonly name: string;
  /** What its services run now; undefined: the built-in interface, or none. */
  readonly runs: string | undefined;
  /** The last thing that was done. */
  readonly at:
    | 'downloading'
    /** Its services run it; the version before stays beside it until it has proved itself. */
    | 'trial'
    | 'confirmed'
    /** It was never run: not fetched, or not what its manifest says. */
    | 'failed'
    /** It was tried, and the version before it runs again. */
    | 'returned'
    | 'removed';
  readonly version: string;
  /** Orders all packages of this name that were ever signed. */
  readonly counter: number;
  /** With `failed` and `returned`: a short text, bounded. */
  readonly why: string | undefined;
}

/** What interfaces are installed beside the built-in ones. */
export interface Packages {
  /** What services of this interface run: a package goes before the built-in interface of its name. */
  use(name: string): InstalledPackage | undefined;
  list(): readonly PackageView[];
  /** Called at every change of a view; what it returns ends that. */
  onChange(look: (view: PackageView) => void): () => void;
}

/** What became of one version. */
export interface PackageStep {
  readonly version: string;
  readonly at: PackageView['at'];
  readonly why: string | undefined;
  /** When it came to that, milliseconds since 1970; undefined: an agent that kept no times did it. */
  readonly wallMs: number | undefined;
}

/** What the page and the report show of the packages of one name. */
export interface PackageRow {
  readonly name: string;
  /** What its services run; undefined: the built-in interface, or none. */
  readonly runs: Pick<InstalledPackage, 'title' | 'version' | 'permissions'> | undefined;
  /** The newest first, one for each version, bounded. */
  readonly past: readonly PackageStep[];
  /** Offered, but nobody has said yes to all that it wants: nothing of it was fetched. */
  readonly asked:
    | (Pick<InstalledPackage, 'title' | 'version' | 'permissions'> & { readonly wallMs: number })
    | undefined;
}
