// From a request to what makes the sandboxes: systemd's drop-ins, the firewall's rules, names. Pure. There are no
// states over time: what stands is replaced as a whole by what is asked for now.
import { createHash } from 'node:crypto';
import type { LanRange } from '../core/lan.ts';
import type { Answers, Refusal, SandboxNeed, SandboxRequest, SandboxService } from './wire.ts';

/** What a path in /dev leads to now. `absent`: not plugged in; udev asks again when it is. */
export type Device =
  | { readonly at: 'there'; readonly node: string; readonly number: string }
  | { readonly at: 'absent' }
  | { readonly at: 'refused'; readonly why: string };

interface Sandbox {
  readonly id: string;
  /** 50-needs.conf. */
  readonly dropIn: string;
  /** Its /etc/hosts. */
  readonly hosts: string;
}
export interface Plan {
  readonly sandboxes: readonly Sandbox[];
  /** Services that have a sandbox and are no longer to have one. */
  readonly gone: readonly string[];
  /** One transaction of nft: all of it or nothing. */
  readonly firewall: string;
  readonly answers: Answers;
}

/**
 * `deviceOf` tells where a path of the request leads; `refusalOf` what else stands against a service (no
 * credentials); `existing` are the ids that have a sandbox now.
 */
export function plan(
  request: SandboxRequest,
  seen: {
    readonly deviceOf: (path: string) => Device;
    readonly refusalOf: (id: string) => Refusal | undefined;
    readonly existing: readonly string[];
    /** Its interface is a signed package. */
    readonly isPackaged: (id: string) => boolean;
    /** SHA-256 of the agent's program where it is not the one in the root. */
    readonly bundle?: string | undefined;
  },
): Plan {
  const answers = new Map<string, Refusal | undefined>(request.refused);
  const taken = new Set<string>();
  const allowed: SandboxService[] = [];
  for (const service of request.services) {
    const refusal = seen.refusalOf(service.id) ?? conflictOf(service, seen.deviceOf, taken);
    answers.set(service.id, refusal);
    if (refusal !== undefined) continue;
    for (const need of service.needs) for (const key of keysOf(need, seen.deviceOf)) taken.add(key);
    allowed.push(service);
  }
  const ids = new Set(allowed.map(({ id }) => id));
  const gone = seen.existing.filter((id) => !ids.has(id));
  return {
    sandboxes: allowed.map((service) => ({
      id: service.id,
      dropIn: dropInOf(service, seen),
      hosts: hostsOf(service),
    })),
    gone,
    firewall: firewallOf(allowed, gone),
    answers,
  };
}

/** What only one service can have: a port that it listens on, a device. */
function keysOf(need: SandboxNeed, deviceOf: (path: string) => Device): string[] {
  if (need.need === 'connect') return [];
  if (need.need === 'listen') return [`port ${need.port}`];
  const device = deviceOf(need.path);
  return device.at === 'there' ? [need.path, device.node] : [need.path];
}

function conflictOf(
  { needs }: SandboxService,
  deviceOf: (path: string) => Device,
  taken: ReadonlySet<string>,
): Refusal | undefined {
  for (const [at, need] of needs.entries()) {
    const key = need.need === 'device' ? 'path' : 'port';
    const field = `needs.${at}.${key}`;
    const device = need.need === 'device' ? deviceOf(need.path) : undefined;
    if (device?.at === 'refused') return { why: device.why, field };
    if (keysOf(need, deviceOf).some((one) => taken.has(one))) {
      return { why: 'another service has it', field };
    }
  }
  return undefined;
}

const rangeText = ({ address, prefix }: LanRange): string => `${address}/${prefix}`;

function dropInOf(
  service: SandboxService,
  { deviceOf, isPackaged, bundle }: Omit<Parameters<typeof plan>[1], 'refusalOf' | 'existing'>,
): string {
  const { id, memoryMb, needs } = service;
  const ranges = needs.flatMap((need) =>
    need.need === 'connect' ? need.addresses : need.need === 'listen' ? need.from : [],
  );
  const ports = needs.flatMap((need) => (need.need === 'listen' ? [need.port] : []));
  const lines = [
    '# By clock-units.service, from what the settings of the service name.',
    '[Service]',
    `User=${userOf(id)}`,
    `MemoryMax=${memoryMb}M`,
    `BindReadOnlyPaths=/run/clock-units/services/${id}/hosts:/etc/hosts`,
    ...(isPackaged(id) ? ['package.js', 'package.jws'] : []).map(
      (name) => `LoadCredential=${name}:/run/clock-units/services/${id}/${name}`,
    ),
    ...(bundle === undefined ? [] : programOf(bundle)),
    ...[...new Set(ranges.map(rangeText))].map((range) => `IPAddressAllow=${range}`),
    ...ports.flatMap((port) => [
      `SocketBindAllow=ipv4:tcp:${port}`,
      `SocketBindAllow=ipv6:tcp:${port}`,
    ]),
    ...(ranges.length > 0 ? [`NFTSet=cgroup:inet:clock:${setOf(id)}`] : WITHOUT_NETWORK),
    ...devicesOf(needs, deviceOf),
  ];
  return `${lines.join('\n')}\n`;
}

/** The hash makes another drop-in of another bundle: what runs the old one is started anew. */
const programOf = (sha256: string): string[] => [
  `# ${sha256}`,
  'BindReadOnlyPaths=/run/clock-units/agent.js:/usr/lib/clock/agent.js',
];

/** Linux cuts names of users off (LOGIN_NAME_MAX); systemd refuses longer ones. */
const USER_CHARS_MAX = 31;

/** Of its own: all instances of a template share the user that DynamicUser= names after it (systemd 257). */
function userOf(id: string): string {
  const name = `clock-${id}`;
  if (name.length <= USER_CHARS_MAX) return name;
  // No id holds a '_': never the name of another.
  return `clock_${createHash('sha256').update(id).digest('hex').slice(0, 24)}`;
}

/** The agent's socket is a path: it is reached from any network namespace. */
const WITHOUT_NETWORK = [
  'PrivateNetwork=yes',
  'RestrictAddressFamilies=',
  'RestrictAddressFamilies=AF_UNIX',
];

function devicesOf(needs: readonly SandboxNeed[], deviceOf: (path: string) => Device): string[] {
  const paths = needs.flatMap((need) => (need.need === 'device' ? [need.path] : []));
  if (paths.length === 0) return [];
  const groups = paths.map((path) => (path.startsWith('/dev/usb/') ? 'lp' : 'dialout'));
  return [
    // It would hide the adapter; DevicePolicy=closed of the template still closes all others.
    'PrivateDevices=no',
    `SupplementaryGroups=${[...new Set(groups)].join(' ')}`,
    ...paths.flatMap((path) => {
      const device = deviceOf(path);
      // The number is for the eye, and makes another text of another adapter on the same node.
      return device.at === 'there'
        ? [`# ${path} is ${device.number}`, `DeviceAllow=${device.node} rw`]
        : [`# ${path} is not there`];
    }),
  ];
}

function hostsOf({ needs }: SandboxService): string {
  const lines = needs.flatMap((need) => {
    if (need.need !== 'connect' || need.name === undefined) return [];
    const { name } = need;
    return need.addresses.map(({ address }) => `${address} ${name}`);
  });
  return ['127.0.0.1 localhost', ...new Set(lines), ''].join('\n');
}

/** nft's names know no '-', ids no '_': two ids never share a set. */
const setOf = (id: string): string => `service_${id.replaceAll('-', '_')}`;

/**
 * systemd puts a service's control group into its set (NFTSet=), so that a rule is one service's alone: whose
 * process it is, not which port it took. Sets that stay keep their element; rules are all written anew.
 */
function firewallOf(services: readonly SandboxService[], gone: readonly string[]): string {
  const inTable = 'inet clock';
  const lines = [
    ...services.map(({ id }) => `add set ${inTable} ${setOf(id)} { type cgroupsv2; }`),
    `flush chain ${inTable} services_in`,
    `flush chain ${inTable} services_out`,
    ...services.flatMap((service) => service.needs.flatMap((need) => rulesOf(service.id, need))),
    ...gone.map((id) => `destroy set ${inTable} ${setOf(id)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function rulesOf(id: string, need: SandboxNeed): string[] {
  if (need.need === 'device') return [];
  const isOut = need.need === 'connect';
  // system.slice / system-clock\x2dservice.slice / clock-service@ID.service
  const whose = `socket cgroupv2 level 3 @${setOf(id)}`;
  const chain = `add rule inet clock ${isOut ? 'services_out' : 'services_in'}`;
  const ranges = isOut ? need.addresses : need.from;
  return ([4, 6] as const).flatMap((family) => {
    const own = new Set(ranges.filter((range) => range.family === family).map(rangeText));
    if (own.size === 0) return [];
    const address = `${family === 4 ? 'ip' : 'ip6'} ${isOut ? 'daddr' : 'saddr'}`;
    return [...own].map(
      (range) => `${chain} ${address} ${range} tcp dport ${need.port} ${whose} accept`,
    );
  });
}
