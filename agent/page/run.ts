// The web page and its JSON: the only thing that listens on the unit. Every byte from outside is
// hostile; who may ask what is in guard.ts, how much in limits.ts.
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import Koa from 'koa';
import type { Clock } from '../core/clock.ts';
import { judgeRequest } from './guard.ts';
import { renderPage } from './html.ts';
import { icon } from './icon.ts';
import { languageOf } from './language.ts';
import {
  CONNECTIONS_MAX,
  CONNECTIONS_PER_CLIENT_MAX,
  HEADERS_MAX,
  HEADERS_MS_MAX,
  HEADER_BYTES_MAX,
  IDLE_MS_MAX,
  REQUESTS_PER_SOCKET_MAX,
  REQUEST_MS_MAX,
  SWEEP_MS,
} from './limits.ts';
import css from './page.css';
import script from './page.client.js';
import patch from './patch.client.js';
import type { PageNeeds } from './ports.ts';
import { RequestRate } from './rate.ts';
import type { Language } from './texts/shape.ts';
import { renderReport, renderStatus } from './wire.ts';

/**
 * `same-origin` for the referrer, not `no-referrer`: with the latter browsers send "Origin: null"
 * with the page's own forms, which could then not be told from a foreign page's.
 */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Cache-Control': 'no-store',
};

const REFUSALS = {
  403: 'This works on the page of the unit only.',
  404: 'There is no such page. The page of the unit is at /',
  405: 'This page knows no such method.',
  411: 'Send no body.',
  413: 'Send no body.',
  421: 'Open the page by the address or the name of the unit.',
} as const;

/** The server, not yet listening. `onError` hears of faults in rendering; the client gets a 500. */
export function createPage(
  needs: PageNeeds,
  { clock, onError }: { readonly clock: Clock; readonly onError: (error: unknown) => void },
): Server {
  const rate = new RequestRate();
  const app = new Koa();
  app.on('error', onError);
  app.use(async (context) => {
    context.set(HEADERS);
    if (!rate.take(context.req.socket.remoteAddress ?? '', clock.nowMs())) {
      context.status = 429;
      context.set({ 'Retry-After': '1', Connection: 'close' });
      context.body = 'Too many requests.\n';
      return;
    }
    const header = (name: string): string | undefined => context.get(name) || undefined;
    const verdict = judgeRequest(
      {
        method: context.method,
        path: context.path,
        host: header('Host'),
        origin: header('Origin'),
        fetchSite: header('Sec-Fetch-Site'),
        contentLength: header('Content-Length'),
        transferEncoding: header('Transfer-Encoding'),
        localAddress: context.req.socket.localAddress ?? '',
      },
      needs.model(),
    );
    if (!verdict.ok) {
      context.status = verdict.status;
      if (verdict.status === 405) context.set('Allow', verdict.allow);
      // What else lies on this connection is of no interest.
      context.set('Connection', 'close');
      context.body = `${REFUSALS[verdict.status]}\n`;
      return;
    }
    const language = languageOf(context.query['lang'], context.get('Accept-Language'));
    await answer(context, { route: verdict.route, language, needs });
  });
  const handle = app.callback();
  const server = createServer(
    {
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: HEADERS_MS_MAX,
      maxHeaderSize: HEADER_BYTES_MAX,
      connectionsCheckingInterval: SWEEP_MS,
    },
    (request, response) => void handle(request, response),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.maxRequestsPerSocket = REQUESTS_PER_SOCKET_MAX;
  server.maxHeadersCount = HEADERS_MAX;
  server.setTimeout(IDLE_MS_MAX);
  limitPerClient(server);
  return server;
}

async function answer(
  context: Koa.Context,
  asked: { readonly route: string; readonly language: Language; readonly needs: PageNeeds },
): Promise<void> {
  const { route, language, needs } = asked;
  switch (route) {
    case 'GET /':
      // Who opens the page sees what is, not what was.
      needs.startChecks('visit');
      needs.lookAtPairing({ isAsked: false });
      return reply(context, 'html', renderPage(needs.model(), language));
    case 'GET /page.css':
      return reply(context, 'css', css);
    case 'GET /page.js':
      return reply(context, 'js', `${patch}${script}`);
    case 'GET /icon.svg':
      return reply(context, 'svg', icon);
    case 'GET /report.txt': {
      const model = needs.model();
      context.attachment(`clock-${model.serial ?? 'unit'}.txt`);
      return reply(context, 'txt', renderReport(model, language));
    }
    case 'GET /api/status':
      return reply(context, 'json', JSON.stringify(renderStatus(needs.model(), language)));
    case 'POST /api/checks': {
      const begun = needs.startChecks('person');
      context.status = 'started' in begun ? 202 : 429;
      const retrySeconds = 'started' in begun ? 0 : Math.ceil(begun.retryMs / 1_000);
      if (retrySeconds > 0) context.set('Retry-After', String(retrySeconds));
      const text = JSON.stringify({ started: retrySeconds === 0, retrySeconds });
      return reply(context, 'json', text);
    }
    case 'POST /api/identify': {
      await needs.identify();
      return reply(context, 'json', JSON.stringify(needs.model().light));
    }
    case 'GET /trace.txt': {
      const service = serviceOf(context);
      const lines = needs.trace(service);
      if (lines === undefined) context.status = 404;
      else context.attachment(`clock-${service}.txt`);
      return reply(context, 'txt', `${(lines ?? ['There is no such system.']).join('\n')}\n`);
    }
    case 'POST /test-service':
    case 'POST /rehearse-service':
      needs.tryService(serviceOf(context), route === 'POST /test-service' ? 'test' : 'rehearse');
      context.redirect(`/?lang=${language}`);
      context.status = 303;
      return;
    case 'POST /check':
    case 'POST /identify':
    case 'POST /pair':
      if (route === 'POST /check') needs.startChecks('person');
      else if (route === 'POST /pair') needs.lookAtPairing({ isAsked: true });
      else await needs.identify();
      context.redirect(`/?lang=${language}`);
      context.status = 303;
      return;
    default:
      // OPTIONS: the guard lets nothing else through.
      context.set('Allow', route.replace('OPTIONS ', ''));
      context.status = 204;
  }
}

/** As `?service=`; whoever is asked knows which there are. */
const serviceOf = (context: Koa.Context): string => {
  const { service } = context.query;
  return typeof service === 'string' ? service : '';
};

function reply(context: Koa.Context, type: string, body: string): void {
  context.type = type;
  context.body = body;
  context.vary('Accept-Language');
}

function limitPerClient(server: Server): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const client = socket.remoteAddress ?? '';
    const count = (open.get(client) ?? 0) + 1;
    open.set(client, count);
    socket.once('close', () => {
      const left = (open.get(client) ?? 1) - 1;
      if (left === 0) open.delete(client);
      else open.set(client, left);
    });
    if (count > CONNECTIONS_PER_CLIENT_MAX) socket.destroy();
  });
}
