// A device that sends back what it hears. Pure.
import type { Counterpart } from '../../core/interface.ts';

export const createCounterpart = (): Counterpart => ({
  connect: (send) => ({ bytes: send, closed: () => {} }),
  close: () => {},
});
