// What is wrong with an image, collected part by part. Knows nothing of how it is found or shown.

export type Part = 'file' | 'table' | 'boot' | 'system' | 'release' | 'state';

export interface Finding {
  readonly part: Part;
  /** `damage` makes the verdict; a `warning` is something a person should know. */
  readonly grade: 'damage' | 'warning';
  /** For machines: kebab-case, stable. */
  readonly code: string;
  /** One sentence without a full stop. */
  readonly text: string;
}

/** A hostile image could produce a finding per file; nobody reads more than these. */
const FINDINGS_MAX = 100;

export class Findings {
  readonly #all: Finding[] = [];
  readonly #notChecked: string[] = [];

  damage(part: Part, code: string, text: string): void {
    this.#add({ part, grade: 'damage', code, text });
  }

  warning(part: Part, code: string, text: string): void {
    this.#add({ part, grade: 'warning', code, text });
  }

  /** What could not be looked at, and why: it must not pass for good. */
  notChecked(text: string): void {
    this.#notChecked.push(text);
  }

  get all(): readonly Finding[] {
    return this.#all;
  }

  get leftOut(): readonly string[] {
    return this.#notChecked;
  }

  #add(finding: Finding): void {
    if (this.#all.length < FINDINGS_MAX) this.#all.push(finding);
  }
}
