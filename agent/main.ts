// The agent's entry: chooses the role. `run` is the agent, `service` one service's process, `diagnose` prints
// the checks as text. What a role needs is loaded for it alone: ten services do not keep ten agents in memory.
import { parseArgs } from 'node:util';
import { OperatorError, codeOf } from './core/errors.ts';

const HELP = `agent.js - the agent of the Clock IoT unit

  agent.js run [--listen PORT] [--root DIR]
      Serve the diagnostics page and keep checking. Listens on systemd's socket, else on
      127.0.0.1:PORT (8080; 0 takes a free one and says which).
  agent.js service ID [--socket FILE]
      Be the process of a service; its token and settings lie in CREDENTIALS_DIRECTORY (systemd.exec(5)).
  agent.js diagnose [--json] [--lang en|de|bg|fr] [--root DIR]
      Run all checks once and print them, the worst first, each failure with what to do and who
      must do it. --json prints what GET /api/status answers.
  agent.js units [--root DIR]
      Make the sandboxes that the agent asks for in run/clock-agent/units.json. For root; the unit's
      clock-units.service runs it.
  agent.js warm
      Do nothing but be compiled, for NODE_COMPILE_CACHE.
  agent.js help
      Print this.

  --root DIR   where var/lib/clock, usr/share/clock, run and sys are read (/)

Ends with 0, 1 (diagnose: a check failed; run: cannot start) or 2 (wrong use).
`;

class WrongUse extends Error {}

interface Arguments {
  readonly role: string | undefined;
  readonly root: string;
  readonly port: number;
  readonly json: boolean;
  readonly lang: string;
  /** Of role `service`. */
  readonly id: string | undefined;
  readonly socket: string;
}

function readArguments(args: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        root: { type: 'string', default: '/' },
        listen: { type: 'string', default: '8080' },
        json: { type: 'boolean', default: false },
        lang: { type: 'string', default: 'en' },
        socket: { type: 'string', default: '/run/clock-agent/services.sock' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const [role, ...words] = positionals;
    const [id, ...rest] = role === 'service' ? words : [undefined, ...words];
    if (rest.length > 0) throw new WrongUse(`Unexpected: ${rest.join(' ')}`);
    if (!/^\d{1,5}$/.test(values.listen) || Number(values.listen) > 65_535) {
      throw new WrongUse(`--listen ${values.listen}: not a port`);
    }
    const { root, json, lang, socket, help } = values;
    const port = Number(values.listen);
    return { role: help ? 'help' : role, root, port, json, lang, id, socket };
  } catch (error) {
    // parseArgs names the option; its code says whose fault it is.
    if (codeOf(error).startsWith('ERR_PARSE_ARGS')) throw new WrongUse((error as Error).message);
    throw error;
  }
}

async function main(args: readonly string[]): Promise<number> {
  const { role, root, port, json, lang, id, socket } = readArguments(args);
  switch (role) {
    case 'run':
      return runAgent(root, port);
    case 'service':
      if (id === undefined) throw new WrongUse('Which service?');
      return runService(id, { socket, root });
    case 'diagnose':
      return diagnose({ root, json, lang });
    case 'help':
      process.stdout.write(HELP);
      return 0;
    case 'units': {
      // Loaded for this role alone, as each has memory of its own to save.
      const { makeUnits } = await import('./compose-units.ts');
      await makeUnits(root);
      return 0;
    }
    case 'warm':
      await import('./compose.ts');
      return 0;
    case undefined:
      throw new WrongUse('Which role?');
    default:
      throw new WrongUse(`No such role: ${role}`);
  }
}

async function diagnose(how: { root: string; json: boolean; lang: string }): Promise<number> {
  const { LANGUAGES } = await import('./page/texts/shape.ts');
  const language = LANGUAGES.find((known) => known === how.lang);
  if (language === undefined) throw new WrongUse(`--lang ${how.lang}: en, de, bg or fr`);
  const { diagnoseOnce } = await import('./compose.ts');
  const { renderReport, renderStatus } = await import('./page/wire.ts');
  const { verdictOf } = await import('./diagnostics/results.ts');
  const model = await diagnoseOnce(how.root);
  const text = how.json
    ? `${JSON.stringify(renderStatus(model, language), null, 2)}\n`
    : renderReport(model, language);
  process.stdout.write(text);
  return verdictOf(model.views) === 'failed' ? 1 : 0;
}

const sink = (line: string): void => void process.stdout.write(`${line}\n`);

/** Ends with what the service ends with. */
async function runService(
  id: string,
  where: { readonly socket: string; readonly root: string },
): Promise<number> {
  const credentials = process.env['CREDENTIALS_DIRECTORY'];
  if (credentials === undefined) throw new WrongUse('CREDENTIALS_DIRECTORY is not set');
  const { serve } = await import('./serve.ts');
  const { promise: stop, resolve: end } = Promise.withResolvers<number>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end(0));
  const service = await serve({ id, ...where, credentials, sink, end });
  const code = await stop;
  await service.close();
  return code;
}

/** Ends with a code that asks for another start when the bundle is to be chosen anew. */
async function runAgent(root: string, port: number): Promise<number> {
  const { startAgent } = await import('./compose.ts');
  const { EXIT_RESTART } = await import('./update/limits.ts');
  const { promise: stop, resolve } = Promise.withResolvers<number>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(0));
  const restart = (): void => resolve(EXIT_RESTART);
  const agent = await startAgent({ root, listen: { host: '127.0.0.1', port }, sink, restart });
  const code = await stop;
  await agent.close();
  return code;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (error instanceof WrongUse) {
      process.stderr.write(`agent.js: ${error.message}\n\n${HELP}`);
      process.exit(2);
    }
    const hint = error instanceof OperatorError && error.hint !== undefined ? ` ${error.hint}` : '';
    // A level for journald, not for a person at a terminal.
    const level = process.stderr.isTTY ? '' : '<2>';
    process.stderr.write(
      `${level}agent.js: ${error instanceof Error ? error.message : 'failed'}${hint}\n`,
    );
    process.exit(1);
  },
);
