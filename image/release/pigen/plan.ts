// What pi-gen is told: which stages, what of Raspberry Pi OS is left out and why, its configuration.
// Pure. Source: pi-gen's README and build.sh, branch arm64; the pinned commit is in checkout.ts.
import type { Base } from '../../unit/layout.ts';

/** The stages in order; those of pi-gen have its names, ours lie in this repository. */
export const STAGES: Readonly<Record<Base, readonly string[]>> = {
  debian: ['stage-debian', 'stage-clock'],
  raspios: ['stage0', 'stage1', 'stage2', 'stage-raspios', 'stage-clock'],
};

/** Where our own stages lie. */
export const OWN_STAGES: Readonly<Record<string, string>> = {
  'stage-debian': 'image/stage-debian',
  'stage-raspios': 'image/stage-raspios',
  'stage-clock': 'stage-clock',
};

/** The last stage that does not change with our code: its root is kept between builds. */
export function baseStage(base: Base): string {
  return STAGES[base].at(-2)!;
}

/**
 * What of Raspberry Pi OS is left out, by pi-gen's own means: a file SKIP in the sub-stage. What of it a
 * unit needs all the same (the tools of the OTP key), stage-raspios installs by name.
 */
export const LEFT_OUT: readonly { readonly folder: string; readonly why: string }[] = [
  { folder: 'stage0/01-locale', why: 'a unit speaks to its cloud, not to a terminal' },
  {
    folder: 'stage1/01-sys-tweaks',
    why: 'makes the user "pi", gives root the password "root", and brings raspi-config with the user rename',
  },
  {
    folder: 'stage1/02-net-tweaks',
    why: 'calls raspi-config; the boot script gives the host name',
  },
  {
    folder: 'stage2/01-sys-tweaks',
    why: 'resizes the root partition at the first start, brings a swap file, SSH, sudo, remote access, compilers',
  },
  { folder: 'stage2/02-net-tweaks', why: 'Wi-Fi, its firmware, and a second network manager' },
  { folder: 'stage2/03-accept-mathematica-eula', why: 'there is no Mathematica on a unit' },
  {
    folder: 'stage2/04-cloud-init',
    why: 'would set the unit up from files on the open boot partition',
  },
];

export interface PigenConfig {
  readonly base: Base;
  readonly suite: string;
  /** Absolute folders of the stages, in order. */
  readonly stages: readonly string[];
  readonly workDir: string;
  /** Which pi-gen this is; spares it asking git. */
  readonly commit: string;
  /** What our stages' scripts read. */
  readonly env: Readonly<Record<string, string>>;
  readonly proxy: string | undefined;
}

/** pi-gen's configuration file: bash that build.sh sources. */
export function configText(of: PigenConfig): string {
  const settings: Readonly<Record<string, string>> = {
    IMG_NAME: 'clock',
    RELEASE: of.suite,
    WORK_DIR: of.workDir,
    DEPLOY_DIR: `${of.workDir}/deploy`,
    // pi-gen splits it at spaces.
    STAGE_LIST: of.stages.join(' '),
    GIT_HASH: of.commit,
    TARGET_HOSTNAME: 'clockrpi',
    LOCALE_DEFAULT: 'C.UTF-8',
    TIMEZONE_DEFAULT: 'Etc/UTC',
    ENABLE_SSH: '0',
    ENABLE_CLOUD_INIT: '0',
    // The rename happens in pi-gen's export stage, which never runs; 1 would demand a password.
    DISABLE_FIRST_BOOT_USER_RENAME: '0',
    PASSWORDLESS_SUDO: '0',
    DEPLOY_COMPRESSION: 'none',
    ...(of.proxy === undefined ? {} : { APT_PROXY: of.proxy }),
  };
  const line = ([name, value]: [string, string]): string => `${name}=${quoted(value)}`;
  return [
    `# Written by image/release/pigen for --base ${of.base}.`,
    ...Object.entries(settings).map(line),
    ...Object.entries(of.env).map((entry) => `export ${line(entry)}`),
    '',
  ].join('\n');
}

/** A word for bash that means exactly these characters. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What one line of pi-gen's output says of its progress, short; undefined when it says nothing. */
export function noteOf(line: string): string | undefined {
  const begin = /^\[[\d:]{8}\] Begin \S*\/(stage[^/\s]*\/\S*(?:packages|debconf|patches|\.sh|nr))$/;
  const step = begin.exec(line)?.[1];
  if (step !== undefined) return step;
  const packaged = /^(?:I: )?(Retrieving|Unpacking|Configuring|Setting up) ([^\s:]+)/.exec(line);
  if (packaged === null) return undefined;
  return `${packaged[1]!.toLowerCase()} ${packaged[2]!.replace(/\.{3}$/, '')}`;
}

/** pi-gen's own list of what it needs: `tool` or `tool:package` per line. */
export function parseDepends(text: string): { readonly tool: string; readonly name: string }[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [tool = '', name = tool] = line.split(':');
      return { tool, name };
    });
}

/** The archives that apt's deb822 sources name, as folders that hold an InRelease file. */
export function archivesOf(sources: string, suite: string): string[] {
  return sources.split(/\n\s*\n/).flatMap((paragraph) => {
    const field = (name: string): string[] =>
      (new RegExp(`^${name}:(.*)$`, 'm').exec(paragraph)?.[1] ?? '').split(/\s+/).filter(Boolean);
    return field('URIs').flatMap((uri) =>
      field('Suites').map(
        (name) => `${uri.replace(/\/$/, '')}/dists/${name.replaceAll('RELEASE', suite)}`,
      ),
    );
  });
}
