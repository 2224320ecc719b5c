// The agent as one file, and the launcher that starts it: bundled by esbuild. Also `npm run bundle`.
import { build } from 'esbuild';
import type { Metafile, Plugin } from 'esbuild';
import { stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HOME = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Bundle {
  readonly file: string;
  /** launch.js, beside it. */
  readonly launcher: string;
  readonly bytes: number;
  /** The import graph that ships; the architecture test reads it. */
  readonly metafile: Metafile;
}

/** Writes agent.js and launch.js into `outDir`. The same sources give the same bytes. */
export async function bundleAgent(options: {
  outDir: string;
  minify: boolean;
  /** Tests change constants by them; nothing that ships does. */
  plugins?: readonly Plugin[];
}): Promise<Bundle> {
  const file = join(options.outDir, 'agent.js');
  const { metafile } = await build({
    absWorkingDir: HOME,
    entryPoints: { agent: 'agent/main.ts', launch: 'agent/launch.ts' },
    outdir: options.outDir,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: options.minify,
    metafile: true,
    plugins: [...(options.plugins ?? [])],
    logLevel: 'silent',
    loader: { '.css': 'text', '.client.js': 'text' },
    // dbus-next asks for both and lives without: a native addon and an X11 session lookup.
    external: ['usocket', 'x11'],
  });
  const launcher = join(options.outDir, 'launch.js');
  return { file, launcher, bytes: (await stat(file)).size, metafile };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outDir = join(HOME, 'build/agent');
  const bundle = await bundleAgent({ outDir, minify: true });
  // As on the unit, where no package.json stands above it: node takes it for CommonJS.
  await writeFile(join(outDir, 'package.json'), '{"type":"commonjs"}\n');
  console.log(`${bundle.file} ${(bundle.bytes / 1024).toFixed(0)} KiB`);
}
