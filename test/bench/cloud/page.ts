// The page of the cloud's double, for people: units, their pairing, commands and events. On loopback only,
// for the owner of this machine.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import type { Cloud } from './api.ts';
import { enterCode, heard, order } from './owner.ts';
import type { Account } from './owner.ts';
import type { Heard } from './owner.ts';

const SHOWN_MAX = 40;
const BODY_BYTES_MAX = 1_024;
const COMMANDS = ['identify', 'unit.diagnose'];
const JOBS = ['diagnose', 'collect-logs', 'apply-configuration', 'renew-certificate'];

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

const escape = (text: unknown): string =>
  String(text).replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

const row = (cells: readonly unknown[], cell = 'td'): string =>
  `<tr>${cells.map((one) => `<${cell}>${one instanceof Html ? one.text : escape(one)}</${cell}>`).join('')}</tr>`;
class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
const table = (head: readonly string[], rows: readonly (readonly unknown[])[]): string =>
  `<table>${row(head, 'th')}${rows.map((one) => row(one)).join('')}</table>`;
const clock = (at: string): string => at.slice(11, 19);

/** A code in full is for the unit's page; here its owner types it. */
const bodyOf = ({ kind, body }: Heard): string =>
  kind === 'pairing.code' ? '(shown on the unit’s page)' : JSON.stringify(body).slice(0, 200);

function renderPage(cloud: Cloud, said: string): string {
  const { units } = cloud.view();
  const messages = heard(cloud);
  const paired = (thing: string): string => {
    const last = messages.findLast((one) => one.thing === thing && one.kind === 'pairing.changed');
    return last?.body['state'] === 'paired'
      ? `${String(last.body['kind'])} ${String(last.body['accountId'])}`
      : 'no account';
  };
  const buttons = (thing: string): Html => {
    const one = (what: string, name: string): string =>
      `<button name="${what}" value="${escape(name)}">${escape(name)}</button> `;
    const all = [
      ...COMMANDS.map((name) => one('command', name)),
      ...JOBS.map((name) => one('job', name)),
    ];
    return new Html(
      `<form method="post" action="/do"><input type="hidden" name="thing" value="${escape(thing)}">${all.join('')}</form>`,
    );
  };
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The bench’s cloud</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="5">
<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884;vertical-align:top;overflow-wrap:anywhere}
button,input{font:inherit;padding:.2rem .6rem}.said{font-weight:600}</style></head><body>
<h1>The bench’s cloud</h1><p>A double of AWS IoT Core on this machine, for trying things out. Not the production cloud.</p>
${said === '' ? '' : `<p class="said" role="status">${escape(said)}</p>`}
<h2>Units</h2>${table(
    ['unit', 'connected', 'account', 'release', 'checks', 'commands and jobs'],
    units.map(({ thing, isConnected, shadows }) => {
      const reported = shadows['unit']?.state.reported ?? {};
      const checks = reported['checks'] as { verdict?: string } | undefined;
      const facts = [reported['release'] ?? '–', checks?.verdict ?? '–'];
      return [thing, isConnected ? 'yes' : 'no', paired(thing), ...facts, buttons(thing)];
    }),
  )}
<h2>Pairing</h2><form method="post" action="/pair"><label>The code on the unit’s page
<input name="code" autocomplete="off" maxlength="12" required></label> <button>Assign an account</button></form>
<h2>Jobs</h2>${table(
    ['job', 'unit', 'state', 'details'],
    units.flatMap(({ thing, jobs }) =>
      jobs.map((job) => [
        `${job.jobId} ${JSON.stringify(job.jobDocument)}`,
        ...[thing, job.status, JSON.stringify(job.statusDetails)],
      ]),
    ),
  )}
<h2>What units said</h2>${table(
    ['time', 'unit', 'what', ''],
    messages
      .slice(-SHOWN_MAX)
      .toReversed()
      .map((one) => [
        ...[clock(one.at), one.thing, `${one.direction} ${one.service} ${one.kind}`, bodyOf(one)],
      ]),
  )}
</body></html>`;
}

interface Asked {
  readonly path: string;
  readonly form: URLSearchParams;
  /** To assign; undefined: an invented one. */
  readonly account: Account | undefined;
}

function act(cloud: Cloud, { path, form, account }: Asked): string {
  if (path === '/pair') {
    const entered = enterCode(cloud, form.get('code') ?? '', account);
    return entered === undefined ? 'No unit shows this code.' : `Assigned to ${entered.thing}.`;
  }
  const thing = form.get('thing') ?? '';
  if (!cloud.view().units.some((unit) => unit.thing === thing)) return 'There is no such unit.';
  const command = form.get('command');
  if (command !== null) return `Command ${order(cloud, thing, { kind: command })} is on its way.`;
  const operation = form.get('job') ?? '';
  const jobId = `${operation}-${cloud.jobs(thing).list().length + 1}`;
  return `Job ${cloud.jobs(thing).create({ jobId, document: { operation } }).jobId} is queued.`;
}

async function readForm(context: Koa.Context): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of context.req) {
    text += String(chunk);
    if (text.length > BODY_BYTES_MAX) context.throw(413);
  }
  return new URLSearchParams(text);
}

/** Serves it on loopback; port 0 lets the system choose. */
export async function openPage(
  cloud: Cloud,
  { port = 0, account }: { readonly port?: number; readonly account?: Account } = {},
): Promise<{ readonly url: string; close(): Promise<void> }> {
  let said = '';
  const app = new Koa();
  app.use(async (context) => {
    context.set(HEADERS);
    // A foreign page can neither read this one by a name of its own nor press its buttons.
    const isOwn = /^(127\.0\.0\.1|localhost):\d+$/.test(context.host);
    const origin = context.get('Origin');
    const isForeign = origin !== '' && origin !== `http://${context.host}`;
    if (!isOwn || isForeign) context.throw(403);
    if (context.method === 'POST' && ['/pair', '/do'].includes(context.path)) {
      said = act(cloud, { path: context.path, form: await readForm(context), account });
      context.redirect('/');
      context.status = 303;
    } else if (context.method === 'GET' && context.path === '/') {
      context.type = 'html';
      context.body = renderPage(cloud, said);
      said = '';
    } else context.throw(404);
  });
  const handle = app.callback();
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
