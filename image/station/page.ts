// The station's page over HTTP, on loopback alone. Who has not the token of this start sees nothing: other users of
// this machine, and pages of the internet in the same browser, reach loopback too.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import Koa from 'koa';
import { OperatorError } from '../core/errors.ts';
import { SERIAL } from '../core/serial.ts';
import { languageOf } from '../../agent/page/language.ts';
import { renderStation } from './html.ts';
import { BODY_BYTES_MAX, CHECK_MS, CONNECTIONS_MAX, REQUEST_MS_MAX } from './limits.ts';
import type { Station } from './station.ts';

const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; " +
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'X-Content-Type-Options': 'nosniff',
  // With "no-referrer" a browser would send "Origin: null" with our own forms.
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};
const COOKIE = 'clock-station';

export interface OpenStation extends AsyncDisposable {
  /** With the token: opens the page in a browser that has not been there yet. */
  readonly address: string;
}

/** Serves the page on 127.0.0.1:`port` (0: a free one). `onError` hears of faults; the browser gets a 500. */
export async function openStation(options: {
  readonly station: Station;
  /** Throws OperatorError. */
  readonly labelPdf: (serial: string) => Promise<Uint8Array>;
  readonly port: number;
  readonly onError: (error: unknown) => void;
}): Promise<OpenStation> {
  const token = randomBytes(24).toString('base64url');
  const assets = await readAssets();
  const app = new Koa();
  app.on('error', options.onError);
  app.use(async (context) => {
    context.set(HEADERS);
    const port = String(context.req.socket.localPort ?? '');
    // A name of somebody else's that leads to loopback is not ours (DNS rebinding).
    if (![`127.0.0.1:${port}`, `localhost:${port}`].includes(context.host))
      return refuse(context, 421);
    // Cookies know no ports: another server of this machine must not overwrite ours.
    const cookie = `${COOKIE}-${port}`;
    const { method, path } = context;
    if (method === 'GET' && path === '/open') {
      if (!isToken(context.query['token'], token)) return refuse(context, 403);
      context.cookies.set(cookie, token, { httpOnly: true, sameSite: 'strict', overwrite: true });
      return seeOther(context, '/');
    }
    if (!isToken(context.cookies.get(cookie), token)) return refuse(context, 403);
    if (method === 'POST' && isForeign(context)) return refuse(context, 403);
    await answer(context, { ...options, assets });
  });
  const handle = app.callback();
  const limits = { requestTimeout: REQUEST_MS_MAX, connectionsCheckingInterval: CHECK_MS };
  const server = createServer(limits, (request, response) => {
    void handle(request, response);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/open?token=${token}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Assets = Readonly<Record<'/station.css' | '/station.js', string>>;

async function readAssets(): Promise<Assets> {
  const read = (path: string): Promise<string> =>
    readFile(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
  const patch = await read('../../agent/page/patch.client.js');
  const script = await read('station.client.js');
  return { '/station.css': await read('station.css'), '/station.js': `${patch}${script}` };
}

async function answer(
  context: Koa.Context,
  {
    station,
    labelPdf,
    assets,
  }: Pick<Parameters<typeof openStation>[0], 'station' | 'labelPdf'> & { assets: Assets },
): Promise<void> {
  const { method, path } = context;
  const form = method === 'POST' ? await readForm(context) : undefined;
  if (method === 'POST' && form === undefined) return refuse(context, 413);
  switch (`${method} ${path}`) {
    case 'GET /':
      return page(context, station);
    case 'GET /station.css':
    case 'GET /station.js':
      context.type = path.endsWith('.css') ? 'css' : 'js';
      context.body = assets[path as keyof Assets];
      return;
    case 'GET /label.pdf': {
      const serial = String(context.query['serial']);
      if (!SERIAL.test(serial)) return refuse(context, 404);
      return label(context, { serial, labelPdf });
    }
    case 'POST /order':
      // The field that was typed in, or the button that was pressed.
      station.choose(form!.get('order') ?? '');
      return seeOther(context, '/');
    case 'POST /automatic':
      station.setAutomatic(form!.get('on') === '1');
      return seeOther(context, '/');
    case 'POST /write':
      station.write(form!.get('device') ?? '', {
        sure: form!.get('sure') === '1',
        node: form!.get('node') ?? undefined,
      });
      return seeOther(context, '/');
    case 'POST /label':
      await station.print(form!.get('serial') ?? '');
      return seeOther(context, '/');
    default:
      return refuse(context, 404);
  }
}

async function label(
  context: Koa.Context,
  { serial, labelPdf }: { serial: string } & Pick<Parameters<typeof openStation>[0], 'labelPdf'>,
): Promise<void> {
  try {
    context.body = Buffer.from(await labelPdf(serial));
    context.attachment(`clockrpi-${serial}.pdf`);
    context.type = 'pdf';
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    context.status = 503;
    context.body = `${error.message}\n${error.hint ?? ''}\n`;
  }
}

function page(context: Koa.Context, station: Station): void {
  const asked = context.query['lang'] ?? context.cookies.get('lang');
  const language = languageOf(asked, context.get('Accept-Language'));
  if (context.query['lang'] === language)
    context.cookies.set('lang', language, { sameSite: 'strict' });
  context.type = 'html';
  context.body = renderStation(station.model(), language);
}

/** Undefined when it is larger than any of ours. */
async function readForm(context: Koa.Context): Promise<URLSearchParams | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of context.req as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    parts.push(part);
  }
  return new URLSearchParams(Buffer.concat(parts).toString('utf8'));
}

function isToken(given: unknown, token: string): boolean {
  const [a, b] = [Buffer.from(typeof given === 'string' ? given : ''), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Browsers say where a form stands. */
function isForeign(context: Koa.Context): boolean {
  const [site, origin] = [context.get('Sec-Fetch-Site'), context.get('Origin')];
  if (site !== '' && site !== 'same-origin') return true;
  return origin !== '' && origin !== `http://${context.host}`;
}

const REFUSALS = {
  403: 'Open the address that "./build.sh station" printed: it has the token of this start.',
  404: 'There is no such page. The station is at /',
  413: 'That is too much.',
  421: 'Open the station by the address that it printed.',
} as const;

function refuse(context: Koa.Context, status: keyof typeof REFUSALS): void {
  context.status = status;
  context.set('Connection', 'close');
  context.body = `${REFUSALS[status]}\n`;
}

function seeOther(context: Koa.Context, path: string): void {
  context.redirect(path);
  context.status = 303;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') return reject(error);
      const why = error.code === 'EACCES' ? 'is not for this user' : 'is in use';
      const message = `Port ${port} of this machine ${why}`;
      const hint = 'Is another station open? Give another one with --port, or none for a free one';
      reject(new OperatorError('port-busy', message, { hint, cause: error }));
    });
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
