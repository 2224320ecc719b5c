// What the host capability needs from systemd. Types only.

export interface Systemd {
  /** sd_notify(3); does nothing where nobody listens. */
  notify(state: 'READY=1' | 'WATCHDOG=1' | 'STOPPING=1'): Promise<void>;
  /** How often to say WATCHDOG=1, or undefined without a watchdog. */
  readonly watchdogMs: number | undefined;
  /** Rejects with systemd's reason, or after some seconds. */
  startUnit(name: string): Promise<void>;
}

export interface Loop {
  /** Share of the time since the last call in which the event loop was busy, 0 to 1. */
  utilisation(): number;
}
