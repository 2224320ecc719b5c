// Formats of the outside world to typed values: NTP, networkd's leases, the kernel's tables. Pure.
import type { HttpAnswer, Lease } from './ports.ts';

/** A client's request (RFC 5905, figure 8), marked so that only its own answer is taken. */
export function ntpRequest(mark: Uint8Array): Uint8Array {
  const packet = new Uint8Array(48);
  packet[0] = 0x23; // no leap warning, version 4, mode 3 (client)
  packet.set(mark.subarray(0, 8), 40);
  return packet;
}

const NTP_EPOCH_SECONDS = 2_208_988_800;

/**
 * The server's clock minus ours in seconds. `sentMs` and `gotMs` are our clock (milliseconds since
 * 1970) around the exchange. undefined for anything but a usable answer to the request `mark`ed so.
 */
export function ntpAnswer(
  answer: Uint8Array,
  { mark, sentMs, gotMs }: { mark: Uint8Array; sentMs: number; gotMs: number },
): { offsetSeconds: number; stratum: number } | undefined {
  if (answer.length < 48) return undefined;
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const isServer = (view.getUint8(0) & 7) === 4;
  const stratum = view.getUint8(1);
  // Stratum 0 is a "kiss of death"; the origin timestamp must be what we sent (RFC 5905, 8).
  const isOurs = mark.subarray(0, 8).every((byte, i) => byte === answer[24 + i]);
  if (!isServer || stratum === 0 || stratum > 15 || !isOurs) return undefined;
  const at = (offset: number): number =>
    view.getUint32(offset) - NTP_EPOCH_SECONDS + view.getUint32(offset + 4) / 2 ** 32;
  return { offsetSeconds: (at(32) - sentMs / 1000 + (at(40) - gotMs / 1000)) / 2, stratum };
}

/** systemd-networkd's `/run/systemd/netif/leases/N` (257): KEY=value. undefined without an address. */
export function parseLease(text: string, port: string): Lease | undefined {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0 && !line.startsWith('#')) values.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  const list = (key: string): string[] => (values.get(key) ?? '').split(/\s+/).filter(Boolean);
  const address = values.get('ADDRESS');
  if (address === undefined) return undefined;
  return {
    port,
    address,
    server: values.get('SERVER_ADDRESS'),
    routers: list('ROUTER'),
    nameServers: list('DNS'),
    timeServers: list('NTP'),
    domains: [...list('DOMAINNAME'), ...list('DOMAIN_SEARCH_LIST')],
  };
}

/** The default gateway in the kernel's `/proc/self/net/route`: hexadecimal, low byte first. */
export function parseGateway(routes: string): string | undefined {
  for (const line of routes.split('\n').slice(1)) {
    const [, destination, gateway = ''] = line.split('\t');
    if (destination !== '00000000' || !/^[0-9A-F]{8}$/.test(gateway)) continue;
    if (gateway === '00000000') continue;
    return [6, 4, 2, 0].map((at) => parseInt(gateway.slice(at, at + 2), 16)).join('.');
  }
  return undefined;
}

const ATF_COM = 0x2; // linux/if_arp.h: the entry is complete

/** Is the address in `/proc/self/net/arp` with a known hardware address? */
export function isInArp(table: string, address: string): boolean {
  return table.split('\n').some((line) => {
    const [ip, , flags] = line.split(/\s+/);
    return ip === address && (Number(flags) & ATF_COM) !== 0;
  });
}

/**
 * `/proc/meminfo`, or `/sys/devices/system/node/node0/meminfo` where the sandbox hides it: there is
 * no MemAvailable in the latter, so free plus page cache that can be dropped.
 */
export function parseMemory(
  text: string,
): { availableBytes: number; totalBytes: number } | undefined {
  const kib = (key: string): number | undefined => {
    const found = new RegExp(`${key}:\\s+(\\d+) kB`).exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const total = kib('MemTotal');
  const free = kib('MemFree');
  if (total === undefined || free === undefined) return undefined;
  const droppable = (kib('FilePages') ?? 0) - (kib('Shmem') ?? 0);
  const available = kib('MemAvailable') ?? free + Math.max(0, droppable);
  return { availableBytes: available * 1024, totalBytes: total * 1024 };
}

/** Is this IPv4 address in 172.17.0.0/16, where the description forbids a unit? */
export function isDockerRange(address: string): boolean {
  return address.startsWith('172.17.');
}

/** What an HTTP answer on port 80 of `host` says about the way there. */
export function judgeHttp(
  host: string,
  answer: HttpAnswer,
): { portal: false } | { portal: true; to: string | undefined } {
  const login = { portal: true, to: undefined } as const;
  if (answer.status === 511) return login; // "Network Authentication Required" (RFC 6585)
  if (answer.status >= 300 && answer.status < 400 && answer.location !== undefined) {
    const to = URL.parse(answer.location, `http://${host}/`);
    if (to === null) return login;
    return isSameSite(host, to.hostname) ? { portal: false } : { portal: true, to: to.hostname };
  }
  const isPage = answer.status < 300 && /html/i.test(answer.type + answer.body.slice(0, 512));
  if (!isPage) return { portal: false };
  const refresh = /http-equiv=["']?refresh[^>]*url=["']?([^"'>\s]+)/i.exec(answer.body)?.[1];
  const to = refresh === undefined ? null : URL.parse(refresh, `http://${host}/`);
  if (to !== null && !isSameSite(host, to.hostname)) return { portal: true, to: to.hostname };
  const asks = /<form\b|type=["']?password|captive|hotspot|<wispaccessgatewayparam/i;
  return asks.test(answer.body) ? login : { portal: false };
}

/** The same host, or another name of the same registered domain (its last two labels). */
function isSameSite(host: string, other: string): boolean {
  const domain = host.split('.').slice(-2).join('.');
  return other === host || (/[a-z]/.test(domain) && `.${other}`.endsWith(`.${domain}`));
}
