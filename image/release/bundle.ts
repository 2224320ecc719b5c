// The agent as one file, and the launcher that starts it: bundled by esbuild. Also `npm run bundle`.
import { build } from 'esbuild';
import type { BuildOptions, Metafile, Plugin } from 'esbuild';
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
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

/** How the agent is bundled, whatever is the entry. */
export const AS_BUNDLED = {
  absWorkingDir: HOME,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  logLevel: 'silent',
  loader: { '.css': 'text', '.client.js': 'text' },
  // dbus-next asks for both and lives without: a native addon and an X11 session lookup.
  external: ['usocket', 'x11'],
} as const satisfies BuildOptions;

/** Writes agent.js and launch.js into `outDir`. The same sources give the same bytes. */
export async function bundleAgent(options: {
  outDir: string;
  minify: boolean;
  /** Tests change constants by them; nothing that ships does. */
  plugins?: readonly Plugin[];
}): Promise<Bundle> {
  const file = join(options.outDir, 'agent.js');
  const { metafile } = await build({
    ...AS_BUNDLED,
    entryPoints: { agent: 'agent/main.ts', launch: 'agent/launch.ts' },
    outdir: options.outDir,
    minify: options.minify,
    metafile: true,
    plugins: [...(options.plugins ?? [])],
  });
  const launcher = join(options.outDir, 'launch.js');
  return { file, launcher, bytes: (await stat(file)).size, metafile };
}

/** serialport's native part, by Node's name of the platform; all speak Node-API, whatever Node's version. */
const SERIAL_DRIVERS = {
  'linux-arm64': '@serialport+bindings-cpp.armv8.glibc.node',
  'linux-x64': '@serialport+bindings-cpp.glibc.node',
} as const;

/**
 * Puts serialport's native part below `folder`, as "prebuilds/<platform>/…". A bundle finds it when `folder` is
 * that of the running node, or the parent of its own (node-gyp-build); without it, it runs, but for serial ports.
 */
export async function addSerialDriver(
  folder: string,
  platform: keyof typeof SERIAL_DRIVERS,
): Promise<void> {
  const to = join(folder, 'prebuilds', platform);
  const from = join(HOME, 'node_modules/@serialport/bindings-cpp/prebuilds', platform);
  await mkdir(to, { recursive: true });
  await copyFile(join(from, SERIAL_DRIVERS[platform]), join(to, SERIAL_DRIVERS[platform]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outDir = join(HOME, 'build/agent');
  const bundle = await bundleAgent({ outDir, minify: true });
  await addSerialDriver(dirname(outDir), 'linux-x64');
  // As on the unit, where no package.json stands above it: node takes it for CommonJS.
  await writeFile(join(outDir, 'package.json'), '{"type":"commonjs"}\n');
  console.log(`${bundle.file} ${(bundle.bytes / 1024).toFixed(0)} KiB`);
}
