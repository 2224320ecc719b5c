// Runs the checks of the product description against the ports, a few at a time.
// Says what was measured; what a person should do about it is in page/texts.ts.
import { PROBES_AT_ONCE_MAX } from '../core/limits.ts';
import { CHECK_IDS, isDockerRange, judge } from './wire.ts';
import type { CheckId, CheckResult } from './wire.ts';
import type { Host, Network } from './ports.ts';

export interface DiagnosticsNeeds {
  readonly network: Network;
  readonly host: Host;
  readonly endpoints: {
    readonly clock: { readonly host: string };
    readonly aws: { readonly host: string };
    readonly gems: { readonly host: string };
    readonly ntp: readonly string[];
  };
  /** From the boot script: card, board, otp, tpm2; undefined on a workstation. */
  readonly seal: string | undefined;
}

type Check = (needs: DiagnosticsNeeds) => Promise<Omit<CheckResult, 'id'>>;

/** AWS IoT asks for this protocol name on port 443 (AWS IoT developer guide, "protocols"). */
const AWS_ALPN = 'x-amzn-mqtt-ca';
const NTP_OFFSET_SECONDS_MAX = 30;
const FREE_BYTES_MIN = 64 * 1024 * 1024;
const CELSIUS_MAX = 80;

const verdict = (id: CheckId, ok: boolean, measured: string): Omit<CheckResult, 'id'> => {
  const { state } = judge(id, ok, measured);
  return { state, measured };
};

const port =
  (id: CheckId, of: 'clock' | 'aws' | 'gems', number: number): Check =>
  async ({ network, endpoints }) => {
    const { host } = endpoints[of];
    await network.connect(host, number);
    return verdict(id, true, `${host}:${number} TCP open`);
  };

const tls =
  (id: CheckId, of: 'clock' | 'aws', number: number, alpn?: string): Check =>
  async ({ network, endpoints }) => {
    const { host } = endpoints[of];
    const seen = await network.tls(host, number, alpn);
    if (seen.untrusted !== undefined) {
      return verdict(
        id,
        false,
        `${host}:${number} TLS inspection? ${seen.issuer}: ${seen.untrusted}`,
      );
    }
    if (alpn !== undefined && seen.alpn !== alpn) {
      return verdict(id, false, `${host}:${number} TLS without ALPN ${alpn}`);
    }
    return verdict(id, true, `${host}:${number} TLS, ${seen.issuer}`);
  };

const CHECKS: Readonly<Record<CheckId, Check>> = {
  link: async ({ host }) => {
    const ports = await host.carrier();
    if (ports.length === 0) return { state: 'not-checked', measured: 'no Ethernet port visible' };
    const text = ports.map(({ name, up, mbit }) => `${name} ${up ? `${mbit} Mbit/s` : 'down'}`);
    return verdict(
      'link',
      ports.some(({ up }) => up),
      text.join(', '),
    );
  },
  dhcp: async ({ network }) => {
    const own = network.addresses();
    const text = own.map(({ name, address }) => `${name} ${address}`).join(', ');
    return verdict('dhcp', own.length > 0, text || 'no IPv4 address');
  },
  subnet: async ({ network }) => {
    const clash = network.addresses().find(({ address }) => isDockerRange(address));
    if (clash === undefined) return { state: 'passed', measured: 'not 172.17.0.0/16' };
    return {
      state: 'passed',
      measured: `${clash.address}: 172.17.0.0/16, which this unit supports`,
    };
  },
  dns: async ({ network, endpoints }) => {
    const found = await network.resolve(endpoints.clock.host);
    return verdict(
      'dns',
      found.length > 0,
      `${endpoints.clock.host} → ${found.slice(0, 3).join(', ')}`,
    );
  },
  ntp: async ({ network, endpoints }) => {
    const errors: string[] = [];
    for (const host of endpoints.ntp) {
      try {
        const offset = await network.ntp(host);
        const ok = Math.abs(offset) <= NTP_OFFSET_SECONDS_MAX;
        return verdict('ntp', ok, `${host}: offset ${offset.toFixed(3)} s`);
      } catch (error) {
        errors.push(`${host}: ${shortly(error)}`);
      }
    }
    return verdict('ntp', false, errors.join(', '));
  },
  'clock-443': tls('clock-443', 'clock', 443),
  'clock-80': port('clock-80', 'clock', 80),
  'clock-22': port('clock-22', 'clock', 22),
  'aws-443': tls('aws-443', 'aws', 443, AWS_ALPN),
  'aws-8443': tls('aws-8443', 'aws', 8443),
  'aws-8883': tls('aws-8883', 'aws', 8883),
  'gems-5000': port('gems-5000', 'gems', 5000),
  time: async ({ host }) => {
    const synchronised = await host.timeSynchronised();
    if (synchronised === undefined)
      return { state: 'not-checked', measured: 'no systemd-timesyncd here' };
    return verdict('time', synchronised, synchronised ? 'synchronised' : 'not synchronised');
  },
  storage: async ({ host }) => {
    const { free, total } = await host.freeBytes();
    return verdict('storage', free >= FREE_BYTES_MIN, `${mib(free)} of ${mib(total)} free`);
  },
  memory: async ({ host }) => {
    const { free, total } = host.memory();
    return verdict('memory', free > total / 20, `${mib(free)} of ${mib(total)} free`);
  },
  temperature: async ({ host }) => {
    const celsius = await host.temperatureCelsius();
    if (celsius === undefined) return { state: 'not-checked', measured: 'no sensor on this board' };
    return verdict('temperature', celsius < CELSIUS_MAX, `${celsius.toFixed(1)} °C`);
  },
  seal: async ({ seal }) => {
    if (seal === undefined)
      return { state: 'not-checked', measured: 'not started by the boot script' };
    return { state: seal === 'card' ? 'warning' : 'passed', measured: seal };
  },
};

/** Runs every check; `onResult` hears of each as it ends. Never rejects: a fault is a failed check. */
export async function runChecks(
  needs: DiagnosticsNeeds,
  onResult: (result: CheckResult) => void,
): Promise<void> {
  const waiting: CheckId[] = [...CHECK_IDS];
  const worker = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        onResult({ id, ...(await CHECKS[id](needs)) });
      } catch (error) {
        onResult(judge(id, false, shortly(error)));
      }
    }
  };
  await Promise.all(Array.from({ length: PROBES_AT_ONCE_MAX }, worker));
}

function shortly(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'failed';
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
