// HTTP requests that no browser would send, the same ones for the same seed. Pure.

/** Numbers in [0, below); a linear congruential generator is random enough to break syntax. */
type Random = (below: number) => number;

function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PATHS = [
  '/',
  '/api/status',
  '/report.txt',
  '/page.css',
  '/check',
  '/identify',
  '/api/checks',
];
/** Mostly what the page knows: a request must get past the parser to reach the page's own code. */
const METHODS = ['GET', 'GET', 'GET', 'POST', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'TRACE', 'get', ''];
const VERSIONS = ['1.1', '1.1', '1.1', '1.1', '1.0', '1.2'];
const ODD_PATHS = [
  '/../../etc/passwd',
  '/%2e%2e/%2e%2e/var/lib/clock/serial',
  '//example.com/',
  '/\0',
  'http://example.com/',
  '*',
  `/${'a'.repeat(9_000)}`,
  '/?lang=%00%ff',
  `/?${'lang=de&'.repeat(500)}`,
];
const FAIR_HEADERS = [
  'Accept-Language: bg, de;q=0.5',
  'Origin: http://evil.example',
  'Sec-Fetch-Site: cross-site',
  'Connection: close',
  'Content-Length: 5',
  'Cookie: a=b',
];
const ODD_HEADERS = [
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Content-Length: 5\r\nContent-Length: 6',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nContent-Length: 3',
  'Expect: 100-continue',
  'Upgrade: websocket\r\nConnection: Upgrade',
  'Accept-Language: ' + 'de,'.repeat(1_000),
  'Accept-Language: \xff\xfe;q=NaN',
  'Host: evil.example',
  ': empty',
  'No colon at all',
  'X\0Y: z',
  'X: ' + 'y'.repeat(20_000),
  Array.from({ length: 200 }, (_, i) => `X-${i}: 1`).join('\r\n'),
];

/** `count` requests to `host`, as bytes. */
export function* oddRequests(
  host: string,
  { seed, count }: { seed: number; count: number },
): Generator<Buffer> {
  const random = randomOf(seed);
  for (let made = 0; made < count; made += 1) {
    const bytes = Buffer.from(requestText(host, random), 'latin1');
    yield random(3) === 0 ? damaged(bytes, random) : bytes;
  }
}

function requestText(host: string, random: Random): string {
  const pick = (list: readonly string[]): string => list[random(list.length)]!;
  const path = random(3) === 0 ? pick(ODD_PATHS) : pick(PATHS);
  const headers = [`Host: ${host}`];
  if (random(3) === 0) headers.push(pick(ODD_HEADERS));
  if (random(3) === 0) headers.push(pick(FAIR_HEADERS));
  const body = random(3) === 0 ? 'hello' : '';
  const one = `${pick(METHODS)} ${path} HTTP/${pick(VERSIONS)}\r\n${headers.join('\r\n')}\r\n\r\n${body}`;
  return random(8) === 0 ? one.repeat(2 + random(20)) : one;
}

/** Cut short, some bytes changed; or nothing but noise. */
function damaged(bytes: Buffer, random: Random): Buffer {
  if (random(10) === 0)
    return Buffer.from(Array.from({ length: 1 + random(600) }, () => random(256)));
  const cut = Buffer.from(bytes.subarray(0, 1 + random(bytes.length)));
  for (let i = random(8); i >= 0; i -= 1) cut[random(cut.length)] = random(256);
  return cut;
}
