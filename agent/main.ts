// The agent's entry: chooses the role. `run` is the agent, `diagnose` prints the checks as text.
import { parseArgs } from 'node:util';
import { composeDiagnostics, startAgent } from './compose.ts';
import { OperatorError } from './core/errors.ts';
import { runChecks } from './diagnostics/run.ts';
import { worstFirst } from './diagnostics/wire.ts';
import type { CheckResult } from './diagnostics/wire.ts';

const HELP = `Usage: agent.js run [--listen PORT] [--root DIR]
       agent.js diagnose [--root DIR]

  run       serve the diagnostics page (on systemd's socket, else on 127.0.0.1:PORT, default 8080)
  diagnose  run all checks, print them; exit code 1 if one failed
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      root: { type: 'string', default: '/' },
      listen: { type: 'string', default: '8080' },
    },
  });
  switch (positionals[0]) {
    case 'run': {
      const listen = { host: '127.0.0.1', port: Number(values.listen) };
      const agent = await startAgent({
        root: values.root,
        listen,
        log: (line) => console.log(line),
      });
      await new Promise<void>((stop) => {
        process.once('SIGTERM', stop);
        process.once('SIGINT', stop);
      });
      await agent.close();
      return 0;
    }
    case 'diagnose': {
      const { needs } = await composeDiagnostics(values.root);
      const results: CheckResult[] = [];
      await runChecks(needs, (result) => results.push(result));
      for (const { id, state, measured } of worstFirst(results)) {
        console.log(`${state.padEnd(12)} ${id.padEnd(12)} ${measured}`);
      }
      return results.some(({ state }) => state === 'failed') ? 1 : 0;
    }
    case undefined:
    default:
      process.stderr.write(HELP);
      return 2;
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (error instanceof OperatorError) console.error(`${error.message}\n${error.hint ?? ''}`);
    else console.error(error);
    process.exit(1);
  },
);
