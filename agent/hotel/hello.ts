// Clock shows whether its telephone interface is there by a hello every minute: said while an exchange that reports
// calls is, and not otherwise, or reception would believe in one that is not.
import type { Needs, PmsCalls } from './ports.ts';

interface Hello {
  /** Something may be different. */
  look(): void;
  close(): void;
}

export function createHello({ services, pms }: Pick<Needs, 'services' | 'pms'>): Hello {
  /** To whom it is said: a hello ends with its account. */
  let said: { readonly to: PmsCalls; readonly stop: () => void } | undefined;
  const end = (): void => {
    said?.stop();
    said = undefined;
  };
  const look = (): void => {
    const isThere = services
      .list()
      .some(({ emits, talk }) => emits.includes('call.recorded') && talk.at === 'up');
    const account = isThere ? pms() : undefined;
    if (said?.to === account?.calls) return;
    end();
    if (account !== undefined) said = { to: account.calls, stop: account.keepHello() };
  };
  const unhear = services.onChange(look);
  look();
  return {
    look,
    close: () => {
      unhear();
      end();
    },
  };
}
