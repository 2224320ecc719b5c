// Which requests are answered at all. Pure: decides over what was sent, knows no server.

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly contentLength: string | undefined;
  readonly transferEncoding: string | undefined;
  /** The address of the unit that the client connected to. */
  readonly localAddress: string;
}

interface Names {
  readonly hostName: string;
  readonly domains: readonly string[];
}

export type Answer =
  | { readonly ok: true; readonly route: Route }
  | {
      readonly ok: false;
      readonly status: 403 | 404 | 405 | 411 | 413 | 421;
      readonly allow: string;
    };

type Route = `${'GET' | 'POST' | 'OPTIONS'} ${string}`;

/** Which methods each path knows. HEAD goes where GET goes. */
const PATHS: Readonly<Record<string, readonly ('GET' | 'POST')[]>> = {
  '/': ['GET'],
  '/page.css': ['GET'],
  '/page.js': ['GET'],
  '/icon.svg': ['GET'],
  '/report.txt': ['GET'],
  '/api/status': ['GET'],
  '/api/checks': ['POST'],
  '/api/identify': ['POST'],
  '/check': ['POST'],
  '/identify': ['POST'],
  '/pair': ['POST'],
  '/trace.txt': ['GET'],
  '/test-service': ['POST'],
  '/rehearse-service': ['POST'],
};

/** No request has a body worth reading: a browser's form sends none at all. */
const BODY_BYTES_MAX = 1_024;

export function judgeRequest(asked: Asked, names: Names): Answer {
  const methods = Object.hasOwn(PATHS, asked.path) ? PATHS[asked.path]! : [];
  const allow = [...methods.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one])), 'OPTIONS'];
  const refuse = (status: Extract<Answer, { ok: false }>['status']): Answer => ({
    ok: false,
    status,
    allow: allow.join(', '),
  });
  if (!isOwnHost(asked.host, asked.localAddress, names)) return refuse(421);
  if (asked.transferEncoding !== undefined) return refuse(411);
  if (Number(asked.contentLength ?? 0) > BODY_BYTES_MAX) return refuse(413);
  if (methods.length === 0) return refuse(404);
  const method = asked.method === 'HEAD' ? 'GET' : asked.method;
  if (method === 'OPTIONS') return { ok: true, route: `OPTIONS ${allow.join(', ')}` };
  const known = methods.find((one) => one === method);
  if (known === undefined) return refuse(405);
  if (known === 'POST' && isForeign(asked)) return refuse(403);
  return { ok: true, route: `${known} ${asked.path}` };
}

/**
 * A browser lured to a name that an attacker points at the unit sends that name (DNS rebinding). The
 * unit is its addresses, its name, the name with .local, and the name in DHCP's domains.
 */
function isOwnHost(header: string | undefined, localAddress: string, names: Names): boolean {
  const host = (header ?? '')
    .toLowerCase()
    .replace(/:\d{1,5}$/, '')
    .replace(/\.$/, '');
  const local = localAddress.replace(/^::ffff:/, '').replace(/%.*$/, '');
  const { hostName, domains } = names;
  const own = [
    local,
    `[${local}]`,
    '127.0.0.1',
    '[::1]',
    'localhost',
    hostName,
    `${hostName}.local`,
    ...domains.map((domain) => `${hostName}.${domain.toLowerCase()}`),
  ];
  return host !== '' && own.includes(host);
}

/** Buttons work on the unit's own page only; programs without a browser send neither header. */
function isForeign({ fetchSite, origin, host }: Asked): boolean {
  if (fetchSite !== undefined && fetchSite !== 'same-origin') return true;
  return origin !== undefined && origin.toLowerCase() !== `http://${(host ?? '').toLowerCase()}`;
}
