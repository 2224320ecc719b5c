// What the root helper needs of the machine. Types only.
import type { Device } from './state.ts';

/** What a service's process is given to read. */
export interface Credentials {
  readonly token: Uint8Array;
  readonly settings: Uint8Array;
  /** Of a service whose interface is a signed package; its process verifies it. */
  readonly package?: { readonly js: Uint8Array; readonly jws: Uint8Array };
}

/** The agent's own program where it is a bundle that was installed since: its services run the same. */
export interface Bundle {
  readonly js: Uint8Array;
  readonly jws: Uint8Array;
}
/** Who may say that it is one of ours. */
export type JudgeBundle = (
  bundle: Bundle,
) => { readonly ok: true; readonly sha256: string } | { readonly ok: false; readonly why: string };

export interface UnitsMachine {
  /** The agent's request; undefined: it has none. Rejects when it is too long or not the agent's own file. */
  request(): Promise<string | undefined>;
  /** What the agent left for this service to read; rejects as `request` does, and when it is not there. */
  credentials(id: string): Promise<Credentials>;
  /** As the agent left it; undefined: it runs the one in the root. Rejects as `request` does. */
  bundle(): Promise<Bundle | undefined>;
  /** Puts it where the drop-ins name it. */
  writeBundle(js: Uint8Array): Promise<void>;
  device(path: string): Promise<Device>;
  /** The services that have a sandbox, whoever made it. */
  existing(): Promise<readonly string[]>;
  /** Resolves with whether it was another sandbox before, or none. */
  write(
    id: string,
    sandbox: Credentials & { readonly dropIn: string; readonly hosts: string },
  ): Promise<boolean>;
  remove(id: string): Promise<void>;
  /** Applies nft's commands as one transaction. Rejects with nft's words. */
  firewall(commands: string): Promise<void>;
  /** systemd reads all units again. */
  reload(): Promise<void>;
  /** Of these, starts what runs anew: systemd gives what runs no other devices (257, seen). */
  restart(ids: readonly string[]): Promise<void>;
  /** Stops the processes of services that have no sandbox any more. */
  stop(ids: readonly string[]): Promise<void>;
  answer(text: string): Promise<void>;
}
