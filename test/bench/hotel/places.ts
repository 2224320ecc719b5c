// The map of the simulated hotel: addresses, names, ports and what can be blocked. Pure.
// The names are the product's own: what the unit asks for is answered inside the namespaces.
import endpoints from '../../../stage-clock/01-agent/files/usr/share/clock/endpoints.json' with { type: 'json' };

/** The range that Docker takes by default: a unit must work in it. */
export const LAN = { router: '172.17.0.1', prefix: 16, range: '172.17.0.0/16' } as const;
/** TEST-NET-2 (RFC 5737): addresses that nobody has. */
export const INTERNET = { router: '198.51.100.1', prefix: 24, range: '198.51.100.0/24' } as const;
/** Whether an address is one of a device on the LAN: nothing else is ever scanned. */
export function isOnLan(address: string): boolean {
  return /^172\.17\.\d+\.\d+$/.test(address) || /^fe80::[0-9a-f:]+%lan$/.test(address);
}

/** The IPv6 address that a device gives itself, with the interface to ask on (RFC 4291, appendix A). */
export function linkLocalOf(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac
    .split(':')
    .map((byte) => parseInt(byte, 16));
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${words.map((word) => word.toString(16)).join(':')}%${BRIDGE}`;
}
export const DOMAIN = 'hotel.example';
/** Interfaces inside the LAN's namespace: the bridge, the way out, the unit's plug. */
export const BRIDGE = 'lan';
export const WAN = 'wan';
export const TAP = 'unit';
/** Ports of the router's own servers, behind redirect rules. */
export const INTERCEPTOR_PORT = 4_443;
export const PORTAL_PORT = 8_080;
/** Where a captive portal sends everybody: a foreign name, on purpose. */
export const PORTAL_URL = 'http://login.guest-wifi.example/';

export const HOSTS = {
  clock: { name: endpoints.clock.host, address: '198.51.100.10' },
  aws: { name: endpoints.aws.host, address: '198.51.100.20' },
  gems: { name: endpoints.gems.host, address: '198.51.100.30' },
} as const;
type HostKey = keyof typeof HOSTS;

/** Where the cloud keeps what units download; only a hotel with a double of the cloud has it. */
export const BUCKET = {
  name: 'clock-packages.s3.eu-central-1.amazonaws.com',
  address: '198.51.100.40',
  port: 443,
} as const;
export const TIME_ADDRESS = '198.51.100.123';
/** All that the internet's servers have. */
export const SERVER_ADDRESSES: readonly string[] = [
  ...[...Object.values(HOSTS), BUCKET].map(({ address }) => address),
  TIME_ADDRESS,
];
/** Also those that systemd-timesyncd falls back to (timesyncd.conf.d/clock.conf). */
export const TIME_NAMES = [
  ...new Set([
    ...endpoints.ntp,
    '0.pool.ntp.org',
    '1.pool.ntp.org',
    '2.pool.ntp.org',
    '3.pool.ntp.org',
  ]),
];

interface Service {
  readonly host: HostKey;
  readonly port: number;
  readonly speaks: 'tls' | 'http' | 'ssh' | 'silence';
  /** Protocol names that the server agrees to (AWS IoT developer guide, "protocols"). */
  readonly alpn?: readonly string[];
}

/** Every server of the product description, by the name under which it can be blocked. */
export const SERVICES = {
  'clock-443': { host: 'clock', port: 443, speaks: 'tls' },
  'clock-80': { host: 'clock', port: 80, speaks: 'http' },
  'clock-22': { host: 'clock', port: 22, speaks: 'ssh' },
  'aws-443': { host: 'aws', port: 443, speaks: 'tls', alpn: ['x-amzn-mqtt-ca', 'x-amzn-http-ca'] },
  'aws-8443': { host: 'aws', port: 8443, speaks: 'tls' },
  'aws-8883': { host: 'aws', port: 8883, speaks: 'tls' },
  'gems-5000': { host: 'gems', port: 5000, speaks: 'silence' },
} as const satisfies Readonly<Record<string, Service>>;
export type ServiceName = keyof typeof SERVICES;
export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[];

/** What a firewall may close: a server's port, name servers (port 53), time servers (port 123). */
export type Blockable = ServiceName | 'dns' | 'ntp';
export const BLOCKABLES: readonly Blockable[] = [...SERVICE_NAMES, 'dns', 'ntp'];

export const TLS_PORTS = [
  ...new Set(
    SERVICE_NAMES.map((name) => SERVICES[name])
      .filter(({ speaks }) => speaks === 'tls')
      .map(({ port }) => port),
  ),
];

/** `endpoints.json` for a unit in this hotel: the real names, and the bench's CA as a further root. */
export function endpointsWith(rootsPem: string): string {
  return `${JSON.stringify({ ...endpoints, rootsPem }, undefined, 2)}\n`;
}
