// A network written by hand: what answers where. Passes the contract of the real adapter
// (test/agent/io/network.test.ts).
import type {
  Handshake,
  HttpAnswer,
  NetInterface,
  Network,
  Target,
} from '../../../agent/diagnostics/ports.ts';

/** What listens at "address:port"; nothing there means: refused. */
export type Listener =
  | { readonly is: 'tcp' }
  | { readonly is: 'silent' }
  | {
      readonly is: 'tls';
      readonly issuer: string;
      /** The roots under which its chain is trusted; else `why`. */
      readonly trustedBy: (roots: readonly string[]) => boolean;
      readonly why?: string;
      readonly names: readonly string[];
      readonly alpn: readonly string[];
    }
  /** Ends every handshake by this alert. */
  | { readonly is: 'alert'; readonly why: string }
  | { readonly is: 'http'; readonly answer: HttpAnswer }
  | { readonly is: 'ntp'; readonly offsetSeconds: number };

export interface World {
  readonly interfaces: readonly NetInterface[];
  /** undefined: the name server is silent. */
  readonly names: ReadonlyMap<string, readonly string[]> | undefined;
  readonly listeners: ReadonlyMap<string, Listener>;
  /** "address:port" that a firewall drops. */
  readonly dropped: ReadonlySet<string>;
}

export function fakeNetwork(world: World): Network {
  const at = ({ address, port }: Target): Listener | undefined => {
    if (world.dropped.has(`${address}:${port}`)) throw failure('ETIMEDOUT');
    return world.listeners.get(`${address}:${port}`);
  };
  const opened = (target: Target): Listener => {
    const listener = at(target);
    if (listener === undefined || listener.is === 'ntp') throw failure('ECONNREFUSED');
    return listener;
  };
  return {
    interfaces: () => world.interfaces,
    resolve: async (host) => {
      if (/^[\d.]+$/.test(host)) return [host];
      if (world.names === undefined) throw failure('ETIMEOUT');
      const found = world.names.get(host);
      if (found === undefined) throw failure('ENOTFOUND');
      return found;
    },
    connect: async (target) => void opened(target),
    handshake: async (target, options) => shakeHands(opened(target), options),
    ntp: async (target) => {
      const listener = at(target);
      if (listener?.is === 'silent') throw failure('ETIMEDOUT');
      if (listener?.is !== 'ntp') throw failure('ECONNREFUSED');
      return { offsetSeconds: listener.offsetSeconds, stratum: 2 };
    },
    http: async (target) => {
      const listener = opened(target);
      if (listener.is === 'silent') throw failure('ETIMEDOUT');
      if (listener.is !== 'http') throw failure('ECONNRESET');
      return listener.answer;
    },
  };
}

function shakeHands(
  listener: Listener,
  { roots, serverName, alpn }: Parameters<Network['handshake']>[1],
): Handshake {
  if (listener.is === 'alert') {
    const { why } = listener;
    return { speaks: 'alert', why, wantsCertificate: why.endsWith('CERTIFICATE_REQUIRED') };
  }
  if (listener.is !== 'tls') return { speaks: 'nothing', why: 'ECONNRESET' };
  const { issuer, trustedBy, why = 'UNABLE_TO_VERIFY', names, alpn: known } = listener;
  // RFC 7301, 3.2: a server that knows other protocols only ends the handshake.
  if (alpn !== undefined && known.length > 0 && !known.includes(alpn)) {
    const why = 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL';
    return { speaks: 'alert', why, wantsCertificate: false };
  }
  const isNamed = names.includes(serverName);
  const untrusted = trustedBy(roots) ? (isNamed ? undefined : 'ERR_TLS_CERT_ALTNAME_INVALID') : why;
  const agreed = alpn !== undefined && known.includes(alpn) ? alpn : undefined;
  return { speaks: 'tls', issuer, untrusted, alpn: agreed };
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
