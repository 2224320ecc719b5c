// `./build.sh inspect`: what an image or a card is, and whether it is whole. Reads everything from the
// bytes themselves: no mount, no device-mapper, no root, no program. What it reads may be hostile.
import type { Progress } from '../../core/progress.ts';
import { LUKS_HEADER_MIB, LUKS_RESERVE_MIB, MIB, STATE_LABEL, SYSTEM_LABEL } from '../layout.ts';
import type { Signer } from '../manifest.ts';
import { Damaged, openSource, section } from '../read/source.ts';
import type { OpenedSource, Source } from '../read/source.ts';
import { readLuks } from '../read/luks.ts';
import { readFat } from '../read/fat.ts';
import { lookBeside } from './beside.ts';
import type { BesideFacts } from './beside.ts';
import { BOOT_LABEL, lookAtBoot } from './boot.ts';
import type { BootFacts } from './boot.ts';
import { compareBoot, compareSlot } from './contents.ts';
import { Findings } from './findings.ts';
import type { Finding, Part } from './findings.ts';
import { lookAtLuks, serialOf } from './luks.ts';
import type { LuksFacts } from './luks.ts';
import { judgeRelease } from './release.ts';
import type { Copy, ReleaseFacts } from './release.ts';
import type { Kind, Report, SlotReport } from './report.ts';
import { describeStranger } from './strangers.ts';
import { lookAtSystem } from './system.ts';
import type { SystemFacts } from './system.ts';
import { lookAtTable } from './table.ts';
import type { Places } from './table.ts';

export interface InspectOptions {
  readonly file: string;
  /** Opens the system partition of a card whose transport key is gone. */
  readonly key?: Buffer | undefined;
  /** Recovery keys of the unit whose serial the card says: one of them opens it too. */
  readonly recoveryKeys?: ((serial: string) => Promise<readonly Buffer[]>) | undefined;
  /** Keys that may have signed. */
  readonly signers: readonly Signer[];
  /** Only `signers` count, not the key that a manifest encloses. */
  readonly strict: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** A transport key has 32 bytes; cryptsetup takes no key file above 8 MiB. */
const KEY_BYTES = 32;
/** Encrypted data never has this many zeros in a row: nothing was written there. */
const PROBE_BYTES = 64 * 1024;

/** Throws OperatorError when the file cannot be opened; whatever is in it becomes a report. */
export async function inspect(options: InspectOptions): Promise<Report> {
  const source = await openSource(options.file);
  try {
    const findings = new Findings();
    const places = await lookAtTable(source, findings);
    if (!(await isOurs(places))) return await strangerReport(options, source);
    const card = await lookAtCard(source, { places, findings, options });
    return reportOf(options, { source, places, findings, card });
  } finally {
    await source.close();
  }
}

/** One sound mark of ours is enough: everything else may be what is damaged. */
async function isOurs({ boot, system, isUnfinished }: Places): Promise<boolean> {
  if (isUnfinished) return true;
  const { header } = await readLuks(system);
  if (header?.label === SYSTEM_LABEL) return true;
  const label = await readFat(boot).then(
    (fat) => fat.label,
    (error: unknown) => {
      if (error instanceof Damaged) return '';
      throw error;
    },
  );
  return label === BOOT_LABEL;
}

async function strangerReport(options: InspectOptions, source: OpenedSource): Promise<Report> {
  const head = await source.read(0, Math.min(1024, source.bytes)).catch(() => Buffer.alloc(0));
  return {
    ...{ v: 1, file: options.file, bytes: source.bytes, verdict: 'not ours', kind: 'unknown' },
    summary: describeStranger(head, source.kind),
    findings: [],
    notChecked: [],
  };
}

interface Slot {
  readonly name: 'a' | 'b';
  readonly release: ReleaseFacts;
  readonly root: { readonly bytes: number; readonly sha256: string } | undefined;
}

interface CardFacts {
  readonly beside: BesideFacts;
  readonly boot: BootFacts | undefined;
  readonly system:
    | { readonly luks: LuksFacts; readonly inside: SystemFacts | undefined }
    | undefined;
  readonly state: LuksFacts | undefined;
  readonly kind: Kind;
  readonly slots: readonly Slot[];
}

interface Looking {
  readonly places: Places;
  readonly findings: Findings;
  readonly options: InspectOptions;
}

async function lookAtCard(source: Source, looking: Looking): Promise<CardFacts> {
  const { places, findings, options } = looking;
  const beside = await lookBeside(source, { ...options, findings });
  const boot = await lookAtBoot(places.boot, findings);
  const kind = kindOf(places, boot, findings);
  for (const fault of boot?.faults ?? []) {
    const text = `On the boot partition ${fault}`;
    findings[kind === 'sealed' ? 'warning' : 'damage']('boot', 'boot-copies-differ', text);
  }
  const system = await lookAtSystemPartition({ ...looking, boot, kind });
  const state = await lookAtStatePartition(looking, kind);
  const slots = judgeSlots({ boot, inside: system?.inside, kind, findings, options });
  await judgeEnd(looking, kind);
  return { beside, boot, system, state, kind, slots };
}

function kindOf(places: Places, boot: BootFacts | undefined, findings: Findings): Kind {
  if (boot === undefined) return 'unknown';
  const hasKey = boot.files.has('clock.key');
  if (hasKey) return places.state === undefined ? 'image' : 'first-boot';
  if (places.state !== undefined) return 'sealed';
  if (places.systemBytes !== undefined) {
    const text =
      'The transport key is missing, and the card was never sealed: no board can open it';
    findings.damage('boot', 'key-missing', text);
  }
  return 'unknown';
}

async function lookAtSystemPartition(
  of: Looking & { readonly boot: BootFacts | undefined; readonly kind: Kind },
): Promise<CardFacts['system']> {
  const { places, findings, options, boot, kind } = of;
  const luks = await lookAtLuks(places.system, {
    ...{ name: 'system partition', part: 'system', label: SYSTEM_LABEL, findings },
    oneCopy: kind === 'sealed' || kind === 'first-boot' ? 'warning' : 'damage',
  });
  if (luks === undefined) return undefined;
  const notLooked = (why: string): CardFacts['system'] => {
    findings.notChecked(`what the system partition holds: ${why}`);
    return { luks: luks.facts, inside: undefined };
  };
  const transport = boot?.kept.get('clock.key');
  if (transport !== undefined && transport.length !== KEY_BYTES) {
    const text = `The transport key has ${transport.length} bytes, it should have ${KEY_BYTES}`;
    findings.damage('boot', 'key-damaged', text);
  }
  const keys = [
    ...(transport === undefined ? [] : [{ name: 'The transport key', key: transport }]),
    ...(options.key === undefined ? [] : [{ name: 'The key given', key: options.key }]),
    ...(transport === undefined ? await recoveryKeysOf(of) : []),
  ];
  if (keys.length === 0) {
    return notLooked(
      kind === 'sealed'
        ? 'it opens on its own board only (--identity FILE, --key FILE)'
        : 'there is no key to open it (--identity FILE, --key FILE)',
    );
  }
  const inside = await lookAtSystem(places.system, {
    ...{ header: luks.header, keys, findings, systemBytes: places.systemBytes },
    ...{ unused: kind === 'image', progress: options.progress, signal: options.signal },
  });
  return { luks: luks.facts, inside };
}

async function recoveryKeysOf({
  places,
  options,
}: Looking): Promise<readonly { readonly name: string; readonly key: Buffer }[]> {
  if (options.recoveryKeys === undefined || places.state === undefined) return [];
  const { header } = await readLuks(places.state);
  const serial = header === undefined ? undefined : serialOf(header);
  if (serial === undefined) return [];
  const found = await options.recoveryKeys(serial);
  return found.map((key) => ({ name: 'The recovery key in the ledger', key }));
}

async function lookAtStatePartition(
  { places, findings }: Looking,
  kind: Kind,
): Promise<LuksFacts | undefined> {
  if (places.state === undefined) return undefined;
  if (kind === 'first-boot') {
    // Whatever lies there, the first boot begins again with it.
    const { header } = await readLuks(places.state);
    if (header === undefined) return undefined;
  }
  const luks = await lookAtLuks(places.state, {
    ...{ name: 'state partition', part: 'state', label: STATE_LABEL, findings },
    oneCopy: 'warning',
  });
  if (luks !== undefined) findings.notChecked('what the state partition holds: only its unit may');
  return luks?.facts;
}

function judgeSlots(of: {
  readonly boot: BootFacts | undefined;
  readonly inside: SystemFacts | undefined;
  readonly kind: Kind;
  readonly findings: Findings;
  readonly options: InspectOptions;
}): Slot[] {
  const { boot, inside, kind, findings, options } = of;
  const active = boot?.slot ?? 'a';
  const slots: Slot[] = [];
  for (const name of ['a', 'b'] as const) {
    const lies = inside?.slots.find((slot) => slot.name === name);
    const copies = copiesOf(name, boot, lies?.small);
    const present = copies.some(({ manifest }) => manifest !== undefined) || lies !== undefined;
    if (!present && name !== active) continue;
    if (inside !== undefined && lies === undefined) {
      findings.damage('system', 'slot-missing', `Slot ${name} holds no release`);
    }
    const judged = { slot: name, signers: options.signers, strict: options.strict, findings };
    const release = copies.length === 0 ? undefined : judgeRelease(copies, judged);
    if (release === undefined) continue;
    const { manifest } = release;
    if (boot !== undefined) {
      compareBoot(boot, manifest, { slot: name, unused: kind === 'image', findings });
    }
    if (lies !== undefined) compareSlot(lies, manifest, findings);
    slots.push({ name, release, root: lies?.root });
  }
  return slots;
}

function copiesOf(
  slot: 'a' | 'b',
  boot: BootFacts | undefined,
  small: ReadonlyMap<string, Buffer> | undefined,
): Copy[] {
  const copies: Copy[] = [];
  if (boot !== undefined) {
    copies.push({
      where: 'on the boot partition',
      manifest: boot.kept.get(`${slot}/manifest.json`),
      signature: boot.kept.get(`${slot}/manifest.sig`),
    });
  }
  if (small !== undefined) {
    copies.push({
      where: 'on the system partition',
      manifest: small.get('manifest.json'),
      signature: small.get('manifest.sig'),
    });
  }
  return copies;
}

/** What was not written to its end: a file cut short, or a card that is still empty there. */
async function judgeEnd({ places, findings }: Looking, kind: Kind): Promise<void> {
  const { system, systemBytes, missingBytes } = places;
  const damaged = (part: Part): boolean =>
    findings.all.some((finding) => finding.grade === 'damage' && finding.part === part);
  if (missingBytes > 0 && !damaged('table')) {
    findings.damage(
      'file',
      'cut-short',
      `It was cut short: ${mb(missingBytes)} are missing at its end`,
    );
    return;
  }
  if (!damaged('system') || kind !== 'image' || systemBytes === undefined) return;
  // Where its file system ends: what lies behind that was never meant to be written.
  const room = (LUKS_RESERVE_MIB - LUKS_HEADER_MIB) * MIB;
  const bytes = Math.min(PROBE_BYTES, Math.max(0, systemBytes - room));
  const end = await section(system, systemBytes - room - bytes, bytes)
    .read(0, bytes)
    .catch(() => undefined);
  if (end?.every((byte) => byte === 0) !== true) return;
  findings.damage('file', 'half-written', 'It is half written: its end is still empty');
}

interface Looked extends Pick<Looking, 'places' | 'findings'> {
  readonly source: Source;
  readonly card: CardFacts;
}

function reportOf({ file }: InspectOptions, looked: Looked): Report {
  const { source, places, findings, card } = looked;
  const { boot, system, state, kind, beside } = card;
  const damage = findings.all.filter(({ grade }) => grade === 'damage');
  return {
    ...{ v: 1, file, bytes: source.bytes, kind, beside, partitions: places.partitions },
    verdict: damage.length === 0 ? 'whole' : 'damaged',
    summary: summaryOf(damage, card),
    findings: findings.all,
    notChecked: findings.leftOut,
    slots: card.slots.map(slotReport),
    ...(boot === undefined ? {} : { boot: bootReport(boot) }),
    ...(system === undefined
      ? {}
      : {
          system: {
            ...system.luks,
            ...(system.inside === undefined ? {} : { opened: system.inside.openedBy }),
            ...(system.inside?.record === undefined ? {} : { record: system.inside.record }),
            ...(system.inside?.serial === undefined ? {} : { serial: system.inside.serial }),
          },
        }),
    ...(state === undefined ? {} : { state }),
  };
}

function bootReport(boot: BootFacts): NonNullable<Report['boot']> {
  const { label, config, slot, startsOn, files } = boot;
  return {
    ...{ label, config, startsOn, files: Object.fromEntries(files) },
    transportKey: files.has('clock.key'),
    ...(slot === undefined ? {} : { slot }),
  };
}

function slotReport({ name, release, root }: Slot): SlotReport {
  const { manifest, signature } = release;
  const { version, builtAt, inputs, packages, signedBy } = manifest;
  return {
    ...{ name, version, builtAt, suite: inputs.suite, kernel: inputs.kernel },
    packages: packages.length,
    signature: {
      state: signature.state,
      ...(signature.state === 'valid' ? { known: signature.signer.known } : {}),
      keyId: signedBy.keyId,
      development: signedBy.development,
    },
    ...(root === undefined ? {} : { root }),
  };
}

const WRITTEN_IN_PART = new Set(['not-finished', 'cut-short', 'half-written']);
const KINDS: Readonly<Record<Kind, string>> = {
  image: 'an unused image',
  'first-boot': 'a card whose first boot was begun and not finished',
  sealed: 'a card that is sealed to its board',
  unknown: 'a card',
};

function summaryOf(damage: readonly Finding[], card: CardFacts): string {
  const version = card.slots[0]?.release.manifest.version;
  const of = version === undefined ? '' : ` of release ${version}`;
  // What was written in part is the reason, the rest follows from it.
  const first = damage.find(({ code }) => WRITTEN_IN_PART.has(code)) ?? damage[0];
  const serial = card.kind === 'image' ? card.system?.inside?.serial : undefined;
  const what =
    serial === undefined ? KINDS[card.kind] : `the card of unit ${serial}, not started yet,`;
  if (first === undefined) return `${what}${of}`;
  const others = damage.length === 1 ? '' : ` (and ${damage.length - 1} more)`;
  return `${first.text}${others}; it is ${what}${of}`;
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
