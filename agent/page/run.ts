// The web page and its JSON: the only thing that listens on the unit. Every byte from outside is
// hostile: strict limits, Host check against DNS rebinding, own-origin posts only.
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import Koa from 'koa';
import css from './page.css';
import script from './page.client.js';
import type { PageNeeds } from './ports.ts';
import { LANGUAGES, chooseLanguage } from './texts.ts';
import type { Language } from './texts.ts';
import { renderPage, renderReport } from './wire.ts';

/** A person's browser opens six; a small office full of them fits, a flood does not. */
const CONNECTIONS_MAX = 64;
const HEADERS_MS_MAX = 5_000;
const REQUEST_MS_MAX = 10_000;
const HEADER_BYTES_MAX = 8 * 1024;
const REQUESTS_PER_SOCKET_MAX = 200;

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/** The server, not yet listening. */
export function createPage(needs: PageNeeds): Server {
  const app = new Koa();
  app.silent = true;
  app.use(async (context, next) => {
    context.set('Content-Security-Policy', POLICY);
    context.set('X-Content-Type-Options', 'nosniff');
    context.set('Referrer-Policy', 'no-referrer');
    context.set('Cache-Control', 'no-store');
    if (!isOwnHost(context.req, needs))
      context.throw(421, 'Open the page by the address of the unit.');
    await next();
  });
  app.use(async (context) => {
    const route = `${context.method === 'HEAD' ? 'GET' : context.method} ${context.path}`;
    switch (route) {
      case 'GET /':
        context.type = 'html';
        context.body = renderPage(needs.model(), languageOf(context));
        return;
      case 'GET /page.css':
        context.type = 'text/css';
        context.body = css;
        return;
      case 'GET /page.js':
        context.type = 'text/javascript';
        context.body = script;
        return;
      case 'GET /report.txt':
        context.attachment(`clock-${needs.model().serial}.txt`);
        context.type = 'text/plain';
        context.body = renderReport(needs.model());
        return;
      case 'GET /api/status':
        context.body = needs.model();
        return;
      case 'POST /check':
      case 'POST /identify':
        refuseForeign(context);
        if (route === 'POST /check') needs.startChecks();
        else await needs.identify();
        context.redirect('/');
        context.status = 303;
        return;
      default:
        context.throw(404, 'There is no such page.');
    }
  });
  const handle = app.callback();
  const server = createServer(
    {
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: HEADERS_MS_MAX,
      maxHeaderSize: HEADER_BYTES_MAX,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => void handle(request, response),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.maxRequestsPerSocket = REQUESTS_PER_SOCKET_MAX;
  return server;
}

function languageOf(context: Koa.Context): Language {
  const asked = context.query['lang'];
  const named = LANGUAGES.find((language) => language === asked);
  return named ?? chooseLanguage(context.get('Accept-Language'));
}

/** The unit is known by its addresses and its name (bare, .local, or in the hotel's domain). */
function isOwnHost(request: IncomingMessage, needs: PageNeeds): boolean {
  const host = (request.headers.host ?? '').toLowerCase().replace(/:\d+$/, '');
  const { hostName } = needs.model();
  const local = request.socket.localAddress?.replace(/^::ffff:/, '') ?? '';
  if (host === local || host === `[${local}]`) return true;
  if (host === 'localhost' || host === '127.0.0.1') return true;
  return host === hostName || host.startsWith(`${hostName}.`);
}

function refuseForeign(context: Koa.Context): void {
  const site = context.get('Sec-Fetch-Site');
  const origin = context.get('Origin');
  const foreign =
    site !== '' ? site !== 'same-origin' : origin !== '' && origin !== `http://${context.host}`;
  if (foreign) context.throw(403, 'This button works on the page of the unit only.');
}
