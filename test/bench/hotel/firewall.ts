// The hotel router's rules as one nftables text: what is blocked, intercepted or diverted. Pure.
// Loaded as a whole (nft -f is atomic), so that no state in between can be seen.
import {
  BRIDGE,
  HOSTS,
  INTERCEPTOR_PORT,
  LAN,
  PORTAL_PORT,
  SERVICES,
  TLS_PORTS,
  WAN,
} from './places.ts';
import type { Blockable } from './places.ts';

/** `drop` keeps silent, as most firewalls do; `reject` says so at once (ICMP). */
export type How = 'drop' | 'reject';

export interface Firewall {
  readonly blocked: ReadonlyMap<Blockable, How>;
  /** Every TLS connection ends at the router, which shows certificates of its own CA. */
  readonly interceptsTls: boolean;
  /** Every HTTP request on port 80 is answered by the router's login page. */
  readonly hasPortal: boolean;
}

export const OPEN: Firewall = { blocked: new Map(), interceptsTls: false, hasPortal: false };

/** The ruleset for `nft -f -` in the LAN's namespace. */
export function ruleset({ blocked, interceptsTls, hasPortal }: Firewall): string {
  const diverted = [
    ...(interceptsTls
      ? [`${OUTBOUND} tcp dport { ${TLS_PORTS.join(', ')} } redirect to :${INTERCEPTOR_PORT}`]
      : []),
    ...(hasPortal ? [`${OUTBOUND} tcp dport 80 redirect to :${PORTAL_PORT}`] : []),
  ];
  const closed = [...blocked].flatMap(([what, how]) =>
    closing(what).map((rule) => `${rule} ${VERDICTS[how]}`),
  );
  return `flush ruleset
table ip hotel {
  chain diverted {
    type nat hook prerouting priority dstnat; policy accept;
${indented(diverted)}
  }
  chain hidden {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${WAN}" masquerade
  }
  chain forwarded {
    type filter hook forward priority filter; policy accept;
    jump closed
  }
  chain received {
    type filter hook input priority filter; policy accept;
    jump closed
  }
  chain closed {
${indented(closed)}
  }
}
`;
}

const OUTBOUND = `iifname "${BRIDGE}" ip daddr != ${LAN.range}`;

const VERDICTS: Readonly<Record<How, string>> = {
  drop: 'drop',
  reject: 'reject with icmp admin-prohibited',
};

/**
 * By the destination before any redirect (`ct original`): a closed port stays closed while TLS is
 * intercepted. No rule accepts established connections first: closing a port also cuts them.
 */
function closing(what: Blockable): string[] {
  const from = `iifname "${BRIDGE}" ct direction original`;
  if (what === 'dns') {
    return ['tcp', 'udp'].map((one) => `${from} meta l4proto ${one} ct original proto-dst 53`);
  }
  if (what === 'ntp') return [`${from} meta l4proto udp ct original proto-dst 123`];
  const { host, port } = SERVICES[what];
  const to = `ct original ip daddr ${HOSTS[host].address}`;
  return [`${from} meta l4proto tcp ${to} ct original proto-dst ${port}`];
}

function indented(rules: readonly string[]): string {
  return rules.map((rule) => `    ${rule}`).join('\n');
}
