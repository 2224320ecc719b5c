// What replacing the bundle needs from outside. Types only.
import type { Copy } from './wire.ts';

/** Installed bundles on the card. Every call throws with a `code` when the card does not take it. */
export interface BundleFolder {
  /** Where a download goes. */
  readonly download: string;
  readState(): string | undefined;
  /** On the card when it returns: the old text or the new one, never a part. */
  writeState(text: string): void;
  prepare(): void;
  isDownloaded(what: { readonly size: number; readonly sha256: string }): boolean;
  /** The download becomes this copy. */
  install(copy: Copy, jws: string): void;
  dropDownload(): void;
  /** Of the newest copy that the release's key signed; 0: there is none. */
  newestSequence(): number;
  versionOf(copy: Copy): string | undefined;
}

/**
 * Fetches the rest of a file. `expired`: the link is too old, ask for another. `other`: what lies there
 * is not what was announced. `way`: not reached, broken off, the card full: what came is kept.
 */
export type Fetched =
  | { readonly ok: true }
  | { readonly ok: false; readonly kind: 'expired' | 'other' | 'way'; readonly why: string };
export type Fetch = (what: {
  readonly url: string;
  readonly file: string;
  readonly size: number;
  readonly signal: AbortSignal;
}) => Promise<Fetched>;

/** Undefined: all is well. Else what is not, in a word. */
export type Health = () => Promise<string | undefined>;
