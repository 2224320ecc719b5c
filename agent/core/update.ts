// What replacing the agent's bundle looks like to the rest of the agent: remote work orders it, the
// page and the status show it. Types only; who does it is update/.

export type UpdateView =
  | { readonly at: 'none' }
  | {
      readonly at:
        | 'downloading'
        /** Installed; this process or the next one is the trial. */
        | 'trial'
        /** It runs for good. */
        | 'confirmed'
        /** It was never started: not fetched, or not what its manifest says. */
        | 'failed'
        /** It was tried, and the one before it runs again. */
        | 'returned';
      readonly version: string;
      /** Orders all bundles that were ever signed. */
      readonly sequence: number;
      /** With `failed` and `returned`: a short code or text, bounded, no secret. */
      readonly why: string | undefined;
    };

/** Which bundle this process is. */
export interface RunningBundle {
  readonly version: string;
  readonly copy: 'built-in' | 'a' | 'b';
}

/** `again`: the same bundle was offered before and is under way or has ended: look at `view()`. */
type OfferAnswer =
  | { readonly ok: true; readonly again: boolean }
  | { readonly ok: false; readonly why: string };

export interface AgentUpdate {
  /**
   * Takes on the parameters of a job `replace-agent`, `{ manifest: <JWS>, url }`. `ok` when
   * it is on the card: from then on it goes on by itself, also after a power cut. `freshUrl` gives
   * another link when one has expired (undefined: none just now, it is asked again later).
   */
  offer(
    parameters: unknown,
    options: { readonly freshUrl: () => Promise<string | undefined> },
  ): OfferAnswer;
  /** A download ends as `failed`; what is installed already is not touched. */
  cancel(): void;
  view(): UpdateView;
  /** Called at every change of `view().at`, in this process; what it returns ends that. */
  onChange(listener: (view: UpdateView) => void): () => void;
}
