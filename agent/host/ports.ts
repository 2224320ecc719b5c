// What the host capability needs from systemd. Types only.

export interface Systemd {
  /** sd_notify(3); does nothing where nobody listens. */
  notify(state: 'READY=1' | 'WATCHDOG=1' | 'STOPPING=1'): Promise<void>;
  /** How often to say WATCHDOG=1, or undefined without a watchdog. */
  readonly watchdogMs: number | undefined;
  /** Rejects with systemd's reason, or after some seconds. */
  startUnit(name: string): Promise<void>;
}
