// dnsmasq's lease file to typed values (dnsmasq(8), "dhcp-leasefile"). Pure.

export interface HotelLease {
  readonly address: string;
  readonly mac: string;
  /** As the device called itself; undefined when it did not. */
  readonly hostName: string | undefined;
  /** Seconds since 1970. */
  readonly expiresSeconds: number;
}

/** Each line: expiry, MAC, address, host name or "*", client id. Other lines are not leases. */
export function parseLeases(text: string): HotelLease[] {
  const leases: HotelLease[] = [];
  for (const line of text.split('\n')) {
    const [expiry = '', mac = '', address = '', name] = line.split(' ');
    if (!/^\d+$/.test(expiry) || !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) continue;
    const hostName = name === undefined || name === '*' ? undefined : name;
    leases.push({ address, mac, hostName, expiresSeconds: Number(expiry) });
  }
  return leases;
}
