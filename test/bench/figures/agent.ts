// Figures of the agent on this machine, beside a bare Node server as the yardstick of the same run:
// what the machine and the runtime cost is in both. Both run as the unit's service file has the agent run.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../../../image/core/progress.ts';
import { run, toolEnvironment } from '../../../image/core/run.ts';
import { bundleAgent } from '../../../image/release/bundle.ts';
import { median } from './figure.ts';
import type { Figure } from './figure.ts';

const MOST = { residentBytes: 80e6, pageMs: 2_000 } as const;
const STARTS = 5;
/** Long enough for the first round of checks and a garbage collection. */
const IDLE_MS = 20_000;
const ANSWER_MS_MAX = 20_000;
/** Linux tells processor time in hundredths of a second (proc(5), sysconf _SC_CLK_TCK). */
const TICK_MS = 10;

const YARDSTICK = `
const server = require('node:http').createServer((_, answer) => answer.end('ok'));
server.listen(Number(process.argv[2]), '127.0.0.1');
`;

const SERVICE = 'stage-clock/01-agent/files/usr/lib/systemd/system/clock-agent.service';

/** How the unit starts Node: options, and environment with its folder for compiled code moved here. */
interface Started {
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

async function asOnTheUnit(home: string, folder: string): Promise<Started> {
  const text = await readFile(join(home, SERVICE), 'utf8');
  const line = /^ExecStart=\S+\/node (.*) \S+launch\.js run$/m.exec(text)?.[1];
  if (line === undefined) throw new Error(`${SERVICE} does not start "node … launch.js run"`);
  const env = [...text.matchAll(/^Environment=(.*)$/gm)].flatMap(([, words]) => words!.split(' '));
  const pairs = env.map((word): [string, string] => {
    const [name = '', value = ''] = word.split('=');
    return [name, name === 'NODE_COMPILE_CACHE' ? join(folder, 'compile') : value];
  });
  return { options: line.split(' '), env: Object.fromEntries(pairs) };
}

interface Measured {
  readonly pageMs: number;
  readonly residentBytes: number;
  readonly idlePercent: number;
}

export async function agentFigures(home: string, progress: Progress): Promise<Figure[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-bench-'));
  const root = join(folder.path, 'root');
  await cp(
    join(home, 'stage-clock/01-agent/files/usr/share/clock'),
    join(root, 'usr/share/clock'),
    {
      recursive: true,
    },
  );
  await mkdir(join(root, 'var/lib/clock'), { recursive: true });
  await writeFile(join(root, 'var/lib/clock/serial'), `${'0123456789abcdef'.repeat(2)}\n`);
  const builtAt = '2026-01-01T00:00:00Z';
  await writeFile(
    join(root, 'usr/share/clock/release.json'),
    JSON.stringify({ version: 'bench', builtAt }),
  );
  const bundle = await bundleAgent({ outDir: folder.path, minify: true });
  const bare = join(folder.path, 'bare.cjs');
  await writeFile(bare, YARDSTICK);
  const started = await asOnTheUnit(home, folder.path);
  await run([process.execPath, ...started.options, bundle.launcher, 'warm'], { env: started.env });
  const agent = await progress.step('agent', () =>
    measure(started, (port) => [bundle.launcher, 'run', '--root', root, '--listen', port]),
  );
  const node = await progress.step('bare Node server', () =>
    measure(started, (port) => [bare, port]),
  );
  const remark = (bare: string): string => `a bare Node server: ${bare}`;
  return [
    {
      ...{ what: 'agent: start to page', unit: 'ms', measured: agent.pageMs, most: MOST.pageMs },
      remark: remark(`${node.pageMs.toFixed(0)} ms`),
    },
    {
      ...{ what: 'agent: resident memory', unit: 'bytes', most: MOST.residentBytes },
      measured: agent.residentBytes,
      remark: remark(`${(node.residentBytes / 1e6).toFixed(1)} MB`),
    },
    {
      ...{ what: 'agent: memory over a bare Node server', unit: 'times' },
      measured: agent.residentBytes / node.residentBytes,
    },
    {
      ...{ what: 'agent: processor at rest', unit: 'percent', measured: agent.idlePercent },
      remark: `of one core, after the first checks; ${remark(`${node.idlePercent.toFixed(1)} %`)}`,
    },
  ];
}

/** Starts it several times for the page, and lets the last one run on for memory and idleness. */
async function measure(
  { options, env }: Started,
  argv: (port: string) => readonly string[],
): Promise<Measured> {
  const pages: number[] = [];
  for (let n = 1; ; n += 1) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const began = performance.now();
    const child = spawn(process.execPath, [...options, ...argv(String(port))], {
      stdio: 'ignore',
      env: { ...toolEnvironment(), ...env },
    });
    try {
      await answered(child, `http://127.0.0.1:${port}/`);
      pages.push(performance.now() - began);
      if (n < STARTS) continue;
      await wait(IDLE_MS);
      const busyBefore = await processorMs(child);
      await wait(IDLE_MS);
      const busyMs = (await processorMs(child)) - busyBefore;
      const idlePercent = (busyMs / IDLE_MS) * 100;
      return { pageMs: median(pages), residentBytes: await residentBytes(child), idlePercent };
    } finally {
      child.kill('SIGKILL');
    }
  }
}

async function answered(child: ChildProcess, url: string): Promise<void> {
  const until = performance.now() + ANSWER_MS_MAX;
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode} at its start`);
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok === true) return;
    await wait(5);
  }
  throw new Error(`${url} did not answer within ${ANSWER_MS_MAX} ms`);
}

async function residentBytes({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

async function processorMs({ pid }: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS; // utime and stime
}

async function wait(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
