// Compares what lies on the card with what the signed manifest of a slot promises.
import type { Manifest } from '../manifest.ts';
import type { BootFacts } from './boot.ts';
import type { Findings } from './findings.ts';
import type { SlotFacts } from './system.ts';

const ROOT = 'root.erofs';
/** What lies on the boot partition beside the files that a manifest names. */
const BESIDE = /^(clock\.key|config\.txt|tryboot\.txt|[ab]\/manifest\.(json|sig))$/;

/** Files of the boot partition: all that are promised, unchanged; what else is there is named. */
export function compareBoot(
  boot: BootFacts,
  manifest: Manifest,
  of: { readonly slot: 'a' | 'b'; readonly unused: boolean; readonly findings: Findings },
): void {
  const { slot, unused, findings } = of;
  for (const [promised, { bytes, sha256 }] of Object.entries(manifest.files)) {
    if (promised === ROOT) continue;
    // A unit rewrites config.txt when it changes slots.
    if (promised === 'config.txt' && !unused) continue;
    const path = promised.replace(/^a\//, `${slot}/`);
    const found = boot.files.get(path);
    if (found === undefined) {
      findings.damage('boot', 'boot-file-missing', `The boot file ${path} is missing`);
    } else if (found.sha256 !== sha256) {
      const how = found.bytes === bytes ? 'has changed' : `has ${found.bytes} bytes, not ${bytes}`;
      findings.damage('boot', 'boot-file-damaged', `The boot file ${path} ${how}`);
    }
  }
  const strangers = [...boot.files.keys()].filter((path) => {
    const otherSlot = path.startsWith(slot === 'a' ? 'b/' : 'a/');
    return (
      !otherSlot && !BESIDE.test(path) && !Object.hasOwn(manifest.files, path.replace(/^b\//, 'a/'))
    );
  });
  if (strangers.length > 0) {
    const names = strangers.slice(0, 5).join(', ') + (strangers.length > 5 ? ', …' : '');
    findings.warning(
      'boot',
      'boot-file-unknown',
      `The boot partition holds unknown files: ${names}`,
    );
  }
}

/** The slot's root image and its lists, against the manifest. */
export function compareSlot(slot: SlotFacts, manifest: Manifest, findings: Findings): void {
  const damage = (code: string, text: string): void => findings.damage('system', code, text);
  const promised = manifest.files[ROOT];
  const { name, root, small } = slot;
  if (promised === undefined) {
    damage('root-not-promised', `The manifest of slot ${name} does not name ${ROOT}`);
  } else if (root !== undefined && root.sha256 !== promised.sha256) {
    const how =
      root.bytes === promised.bytes
        ? 'is damaged: its hash is not the one in its manifest'
        : `has ${root.bytes} bytes, its manifest says ${promised.bytes}`;
    damage('root-damaged', `The root image of slot ${name} ${how}`);
  }
  const boot = Object.entries(manifest.files).filter(([path]) => path.startsWith('a/'));
  const lists: Readonly<Record<string, readonly string[]>> = {
    version: [manifest.version],
    'root.sha256': promised === undefined ? [] : [`${promised.sha256}  ${ROOT}`],
    'boot.sha256': boot.map(([path, { sha256 }]) => `${sha256}  ${path}`),
  };
  for (const [file, lines] of Object.entries(lists)) {
    const found = small.get(file)?.toString('utf8');
    if (found === undefined) damage('slot-file-missing', `In slot ${name} ${file} is missing`);
    // Compared as sets of lines: the order of a list means nothing.
    else if ([...lines].sort().join('\n') !== found.trimEnd().split('\n').sort().join('\n')) {
      damage('slot-file-damaged', `In slot ${name} ${file} is not what the manifest says`);
    }
  }
}
