// What pairing needs from outside. Types only; records and messages are core/.

/** The state folder, where the factory's record lies until it is taken over. */
export interface RecordFolder {
  /** undefined: no such file. */
  read(name: string): Promise<string | undefined>;
  /** Resolves when they are gone from the card. */
  remove(names: readonly string[]): Promise<void>;
}

/** What belongs to an account beside its record; gone with it, in the same commit. */
export interface Belongings {
  /** Keys of Records. */
  keysOf(account: { readonly kind: 'pms' | 'pos'; readonly accountId: number }): readonly string[];
  /** What the hotel's systems reported and the cloud has not got yet: the next account must not get it. */
  dropWaiting(): void;
}
