// Clock shows whether its telephone interface is there by a hello every minute: said while an exchange that reports
// calls is, and not otherwise, or reception would believe in one that is not.
import type { Needs } from './ports.ts';

export function createHello({ services, pms }: Pick<Needs, 'services' | 'pms'>): { close(): void } {
  let stop: (() => void) | undefined;
  const look = (): void => {
    const isThere = services
      .list()
      .some(({ emits, talk }) => emits.includes('call.recorded') && talk.at === 'up');
    if (isThere) stop ??= pms()?.keepHello();
    else {
      stop?.();
      stop = undefined;
    }
  };
  const unhear = services.onChange(look);
  look();
  return {
    close: () => {
      unhear();
      stop?.();
    },
  };
}
