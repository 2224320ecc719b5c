// The seam between the engines and everything behind them: an engine says what its root is made from,
// and inside.ts gets a root directory from it. From there on there is one path.
import type { Base } from '../unit/layout.ts';
import { preparePigen } from './pigen/prepare.ts';
import type { PigenSource } from './pigen/inside.ts';
import { makeBase } from './root.ts';
import type { EngineContext } from './root.ts';

/** How inside.ts comes to the root directory. Plain data: it crosses a process boundary as JSON. */
export type RootSource = EmbeddedSource | PigenSource;

/** Unpack what mmdebstrap made, run the stages on it. */
export interface EmbeddedSource {
  readonly engine: 'embedded';
  readonly baseTar: string;
  readonly stages: readonly string[];
  /** The functions that pi-gen gives to stages, for bash to source. */
  readonly contract: string;
}

export interface Engine {
  /** All that the root is made from besides this repository. */
  readonly key: string;
  readonly source: RootSource;
  /** The suite's own programs for this machine (tools.ts): mkfs.erofs is one. */
  readonly tools: string;
}

/** Which engine runs the stages, and on what. */
export type EngineChoice =
  | { readonly engine: 'embedded' }
  | {
      readonly engine: 'pi-gen';
      readonly base: Base;
      /** A checkout of pi-gen; else upstream's pinned commit. */
      readonly folder: string | undefined;
    };

/** Brings into the cache what the engine needs, and says what its root is made from. */
export async function prepareEngine(context: EngineContext, choice: EngineChoice): Promise<Engine> {
  switch (choice.engine) {
    case 'embedded':
      return makeBase(context);
    case 'pi-gen':
      return preparePigen(context, choice);
  }
}
