// The unit's light, readiness and the watchdog, through systemd.
import type { Clock } from '../core/clock.ts';
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Systemd } from './ports.ts';
import { deservesWatchdog, lightAt, next } from './state.ts';
import type { Event, Light } from './state.ts';

const IDENTIFY_UNIT = 'clock-identify.service';
const RESTART_UNIT = 'clock-restart.service';

export interface Host {
  light(): Light;
  /** Resolves when systemd has answered; the light then says what came of it. */
  identify(): Promise<void>;
  /** Asks systemd to restart the machine. Rejects with its reason. */
  restart(): Promise<void>;
  ready(): Promise<void>;
  close(): Promise<void>;
}

export function createHost(needs: {
  readonly systemd: Systemd;
  readonly clock: Clock;
  readonly log: Log;
}): Host {
  const { systemd, clock, log } = needs;
  let light: Light = { at: 'off' };
  let timer: NodeJS.Timeout | undefined;

  const dispatch = async (event: Event): Promise<void> => {
    const { state, effects } = next(light, event);
    light = state;
    for (const effect of effects) {
      switch (effect.do) {
        case 'start-unit':
          await startLight();
      }
    }
  };
  const startLight = async (): Promise<void> => {
    try {
      await systemd.startUnit(IDENTIFY_UNIT);
      await dispatch({ on: 'started', nowMs: clock.nowMs() });
    } catch (error) {
      log.warning(`the light does not blink: ${codeOf(error)}`);
      await dispatch({ on: 'refused', why: codeOf(error), nowMs: clock.nowMs() });
    }
  };
  const tell = async (state: 'READY=1' | 'WATCHDOG=1' | 'STOPPING=1'): Promise<void> =>
    systemd.notify(state).catch((error: unknown) => {
      log.error(`systemd does not hear ${state}: ${codeOf(error)}`);
    });
  const watch = (periodMs: number): void => {
    let dueMs = clock.nowMs() + periodMs;
    timer = setInterval(() => {
      const lateMs = clock.nowMs() - dueMs;
      dueMs = clock.nowMs() + periodMs;
      if (deservesWatchdog({ lateMs })) void tell('WATCHDOG=1');
      else log.error(`no watchdog: the loop stood still for ${Math.round(lateMs)} ms`);
    }, periodMs);
  };
  return {
    light: () => lightAt(light, clock.nowMs()),
    identify: async () => dispatch({ on: 'pressed', nowMs: clock.nowMs() }),
    restart: async () => systemd.startUnit(RESTART_UNIT),
    ready: async () => {
      if (systemd.watchdogMs !== undefined) watch(systemd.watchdogMs);
      await tell('READY=1');
    },
    close: async () => {
      clearInterval(timer);
      await tell('STOPPING=1');
    },
  };
}
