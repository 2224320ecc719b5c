// The checks of the way to the cloud. A port check judges whether the port can be reached; whether
// who answers is to be trusted is the business of the tls check alone, over the same handshakes.
import { codeOf } from '../../core/errors.ts';
import { AWS_PORTS, portOf } from '../../core/connection.ts';
import type { Route } from '../../core/connection.ts';
import { knocking, needs as needing, note, passed } from './facts.ts';
import type { Check, Facts } from './facts.ts';
import type { CheckId, Note, Outcome, Remedy } from '../results.ts';

/** AWS IoT asks for this protocol name on port 443 (AWS IoT developer guide, "protocols"). */
const AWS_ALPN = 'x-amzn-mqtt-ca';

/** As the product description names them; the concrete host is in the notes. */
const NAMES = {
  clock: '*.clock-software.com',
  aws: '*.amazonaws.com',
  gems: 'ruby-gems.clock-software.com',
} as const;

/** A port that the unit needs, and that speaks TLS. A way to AWS may have another port on a bench. */
const tlsPort =
  (id: CheckId, of: 'clock' | 'aws', where: number | Route, alpn?: string): Check =>
  async ({ network, settings, roots }, facts) => {
    const { endpoints } = settings;
    if (endpoints === undefined) return needing('settings');
    const port =
      typeof where === 'number' ? where : portOf(where, endpoints.aws.ports ?? AWS_PORTS);
    const { host } = endpoints[of];
    const { proxy } = endpoints;
    const address = proxy === undefined ? facts.addresses.get(host)?.[0] : host;
    if (address === undefined) return needing('dns');
    const seenAt = proxy === undefined ? address : `proxy ${proxy.host}:${proxy.port}`;
    const remedy = { remedy: 'port', values: { port, hosts: NAMES[of] } } as const;
    try {
      const handshake = await network.handshake(
        { address, port },
        {
          serverName: host,
          roots: of === 'aws' ? roots.amazon : roots.public,
          ...(alpn === undefined ? {} : { alpn }),
        },
      );
      if (handshake.speaks === 'nothing') {
        const notes = [note('tls-refused', { host, port, why: handshake.why })];
        return { state: 'failed', notes, ...remedy };
      }
      const where = `${host}:${port}`;
      if (handshake.speaks === 'alert' && !handshake.wantsCertificate) {
        return judgeAlert(handshake.why, { where, host, port, remedy });
      }
      facts.handshakes.set(id, { where, handshake });
      const say = handshake.speaks === 'alert' ? 'port-asks' : 'port-open';
      return passed(note(say, { host, port, address: seenAt }));
    } catch (error) {
      const why = codeOf(error);
      const notes = [note('port-closed', { host, port, why })];
      return {
        state: 'failed',
        notes,
        ...remedy,
        ...(why.startsWith('PROXY_') && { remedy: 'proxy' }),
      };
    }
  };

type Failure = Extract<Outcome, { readonly remedy: Remedy }>;

/** Somebody refuses: the other side, which AWS and Clock never do, or a firewall that reads names. */
function judgeAlert(
  why: string,
  options: {
    readonly where: string;
    readonly host: string;
    readonly port: number;
    readonly remedy: Pick<Failure, 'remedy' | 'values'>;
  },
): Outcome {
  const { where, host, port, remedy } = options;
  if (why.endsWith('NO_APPLICATION_PROTOCOL')) {
    const notes = [note('tls-no-alpn', { where, protocol: AWS_ALPN, issuer: why })];
    return { state: 'failed', notes, remedy: 'alpn' };
  }
  return { state: 'failed', notes: [note('tls-alert', { host, port, why })], ...remedy };
}

/** A port of the description that this unit works without; still measured. */
const spare =
  (of: 'clock' | 'gems', port: number): Check =>
  async ({ network, settings }, facts) => {
    const host = settings.endpoints?.[of].host;
    if (host === undefined) return needing('settings');
    const address = facts.addresses.get(host)?.[0];
    if (address === undefined) {
      if (facts.dnsFailed) return needing('dns');
      return { state: 'not-needed', notes: [note('name-missing', { host, why: 'ENOTFOUND' })] };
    }
    try {
      await network.connect({ address, port });
      if (port === 80) facts.httpOpen = true;
      return passed(note('port-open', { host, port, address }));
    } catch (error) {
      return {
        state: 'not-needed',
        notes: [note('port-closed', { host, port, why: codeOf(error) })],
      };
    }
  };

/** What OpenSSL says of a chain that is good but for the time: our clock may be the reason. */
const DATES: ReadonlySet<string> = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);

const tls: Check = async ({ settings, clock }, facts) => {
  if (settings.endpoints === undefined) return needing('settings');
  if (facts.handshakes.size === 0) return needing(facts.dnsFailed ? 'dns' : 'aws-443');
  const { builtMs } = settings;
  const isClockWrong =
    facts.timeSynchronised === false || (builtMs !== undefined && clock.wallMs() < builtMs);
  return judgeTrust(facts.handshakes, isClockWrong);
};

/**
 * Is every chain trusted, and is the protocol name on AWS 443 really agreed? The worst finding
 * decides: a foreign certificate, then a missing protocol name, then dates while the clock is wrong.
 */
function judgeTrust(seen: Facts['handshakes'], isClockWrong: boolean): Outcome {
  const foreign: Note[] = [];
  const noAlpn: Note[] = [];
  const dates: Note[] = [];
  const good: Note[] = [];
  for (const [id, { where, handshake }] of seen) {
    // An alert shows no certificate.
    if (handshake.speaks !== 'tls') continue;
    const { issuer, untrusted, alpn } = handshake;
    if (untrusted !== undefined && DATES.has(untrusted) && isClockWrong) {
      dates.push(note('tls-clock', { where, why: untrusted }));
    } else if (untrusted !== undefined) {
      foreign.push(note('tls-untrusted', { where, issuer, why: untrusted }));
    } else if (id === 'aws-443' && alpn !== AWS_ALPN) {
      noAlpn.push(note('tls-no-alpn', { where, protocol: AWS_ALPN, issuer }));
    } else {
      good.push(note('tls-trusted', { where, issuer }));
    }
  }
  if (foreign.length > 0) return { state: 'failed', notes: foreign, remedy: 'interception' };
  if (noAlpn.length > 0) return { state: 'failed', notes: noAlpn, remedy: 'alpn' };
  if (dates.length > 0) return needing('time', ...dates);
  return good.length === 0 ? { state: 'not-checked', notes: [] } : passed(...good);
}

export const cloudChecks = {
  'clock-443': knocking(tlsPort('clock-443', 'clock', 443)),
  'aws-443': tlsPort('aws-443', 'aws', 'mqtt-443', AWS_ALPN),
  'aws-8443': tlsPort('aws-8443', 'aws', 'https-8443'),
  'aws-8883': tlsPort('aws-8883', 'aws', 'mqtt-8883'),
  tls,
  'clock-80': knocking(spare('clock', 80)),
  'clock-22': knocking(spare('clock', 22)),
  'gems-5000': spare('gems', 5000),
};
