// What identity needs from outside. Types only.

export interface Files {
  /** The text of a file of bounded size; rejects with the system's code (`ENOENT`). */
  read(path: string): Promise<string>;
}
