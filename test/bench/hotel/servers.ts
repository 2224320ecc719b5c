// Configuration texts of the hotel's real servers: dnsmasq (addresses and names), chronyd (time). Pure.
import { join } from 'node:path';
import {
  BRIDGE,
  BUCKET,
  DOMAIN,
  HOSTS,
  LAN,
  PORTAL_URL,
  TIME_ADDRESS,
  TIME_NAMES,
} from './places.ts';

/** Longer than a test; short enough that nobody takes it for for ever. */
const LEASE_TIME = '1h';

/**
 * dnsmasq as the router of a small hotel. It asks nobody: what it does not know does not exist.
 * root: there is no other user's file to protect in a namespace, and it dies with its parent.
 */
export function dnsmasqConfig(folder: string): string {
  const names = [
    ...Object.values(HOSTS),
    BUCKET,
    ...TIME_NAMES.map((name) => ({ name, address: TIME_ADDRESS })),
    { name: new URL(PORTAL_URL).hostname, address: LAN.router },
  ];
  return [
    'keep-in-foreground',
    'user=root',
    'group=root',
    'pid-file=',
    'log-facility=-',
    `interface=${BRIDGE}`,
    'bind-interfaces',
    'no-resolv',
    'no-hosts',
    'no-poll',
    'local=/#/',
    `domain=${DOMAIN}`,
    ...names.map(({ name, address }) => `address=/${name}/${address}`),
    'dhcp-authoritative',
    'dhcp-range=172.17.1.1,172.17.1.250,255.255.0.0,' + LEASE_TIME,
    `dhcp-option=option:router,${LAN.router}`,
    `dhcp-option=option:dns-server,${LAN.router}`,
    `dhcp-option=option:ntp-server,${LAN.router}`,
    `dhcp-leasefile=${join(folder, 'leases')}`,
    // It would ping an address for three seconds before giving it away; nobody else is here.
    'no-ping',
    '',
  ].join('\n');
}

/**
 * chronyd that serves this machine's time and never sets it (started with -x). It has no source:
 * `local` lets it answer all the same.
 */
export function chronyConfig(folder: string, name: string): string {
  return [
    'local stratum 2',
    'allow all',
    'port 123',
    'cmdport 0',
    'bindcmdaddress /',
    `pidfile ${join(folder, `${name}.pid`)}`,
    '',
  ].join('\n');
}
