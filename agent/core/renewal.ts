// An order to renew the unit's certificate, for those who take orders: remote work. Types only; who
// renews is provisioning/renew.ts.

export type RenewalOrder =
  /** Begun or under way, and on the card: it goes on whatever happens. */
  | { readonly taken: true }
  | { readonly taken: false; readonly why: 'not-provisioned' | 'clock-not-set' | 'not-stored' };

/** Renews the certificate now, whatever its age. The unit reconnects in the course of it. */
export type OrderRenewal = () => Promise<RenewalOrder>;
