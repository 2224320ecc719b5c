// What installing packages needs from outside. Types only.
import type { Talk } from '../core/interface.ts';
import type { InstalledPackage } from '../core/packages.ts';
import type { PackageManifest } from './wire.ts';

/** Packages on the card, two versions of one name at most. Calls reject with a `code` when the card does not take it. */
export interface PackageFolder {
  /** Where a download of this name goes. */
  download(name: string): string;
  prepare(name: string): Promise<void>;
  isDownloaded(manifest: PackageManifest): Promise<boolean>;
  dropDownload(name: string): Promise<void>;
  /** The download becomes this version; on the card, whole or not at all, when it resolves. */
  install(manifest: PackageManifest, jws: string): Promise<void>;
  /** Signed, whole, and exactly this one. */
  holds(manifest: PackageManifest): Promise<boolean>;
  /** Of all versions but these; what a power cut left goes with them. */
  sweep(name: string, keep: readonly string[]): Promise<void>;
  /** What lies there, unverified; undefined: not all of it. */
  read(name: string, version: string): { readonly jws: string; readonly bytes: Buffer } | undefined;
  file(name: string, version: string): string;
}

/** Fetches the rest of a file: see update/ports.ts, whose adapter it is. */
export type FetchPackage = (what: {
  readonly url: string;
  readonly file: string;
  readonly size: number;
  readonly signal: AbortSignal;
}) => Promise<
  | { readonly ok: true }
  | { readonly ok: false; readonly kind: 'expired' | 'other' | 'way'; readonly why: string }
>;

/** How a service is, for judging a new version of its interface. */
export interface ServiceHealth {
  /** Its process: runs, is on the way, or is not started any more (wrong settings, too many ends). */
  readonly process: 'running' | 'starting' | 'given-up';
  /** With `given-up`, and of the last end: for people. */
  readonly why: string | undefined;
  readonly talk: Talk['at'];
  /** Ends of its process that nobody asked for, counted since this agent began. */
  readonly ends: number;
}

/** What the services do for packages. */
export interface ServiceSide {
  /** The services of this interface that are switched on. */
  of(interfaceName: string): readonly string[];
  /** Undefined: there is no such service any more. */
  health(service: string): ServiceHealth | undefined;
  /**
   * The processes of all services of this interface end and begin again, with what `Packages.use` then names.
   * Resolves when they were begun; rejects when that was not possible.
   */
  restart(interfaceName: string): Promise<void>;
  /**
   * Loads it in a short-lived process of its own, as a service would. Undefined: it can be loaded (or there is
   * nothing to try it with); else why not.
   */
  tryOut(candidate: InstalledPackage): Promise<string | undefined>;
}
