// The composition root's part for the hotel: Clock's API on one side, the services on the other.
import type { Clock } from './core/clock.ts';
import type { Log } from './core/log.ts';
import type { MakeMessage } from './core/messages.ts';
import type { Records } from './core/records.ts';
import type { Services } from './core/services.ts';
import { createHotel } from './hotel/run.ts';
import type { Hotel } from './hotel/run.ts';
import type { AccountRunner } from './pms/account.ts';

export interface HotelWorld {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly records: Records;
  readonly makeMessage: MakeMessage;
  readonly trustedWallMs: () => number | undefined;
  /** The PMS account, while the unit is paired with one. */
  readonly account: () => AccountRunner | undefined;
  /** There only after the hotel, which they need. */
  readonly services: () => Services;
  readonly onChange: () => void;
}

export const startHotel = (world: HotelWorld): Hotel =>
  createHotel({
    ...world,
    services: {
      list: () => world.services().list(),
      order: async (service, order, signal) => world.services().order(service, order, signal),
      onChange: (look) => world.services().onChange(look),
    },
    pms: () => {
      const account = world.account();
      if (account === undefined) return undefined;
      return {
        calls: account.calls,
        root: () => {
          const { reached } = account.view();
          if (reached === undefined) return undefined;
          return { timeZone: reached.timeZone, businessDay: reached.businessDate };
        },
        keepHello: () => account.keepHello(),
        lookAgain: () => account.lookAgain(),
      };
    },
  });
