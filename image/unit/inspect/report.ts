// What `./build.sh inspect` answers: the report for machines (v 1, described in image/README.md) and
// its text for people. Pure.
import type { Partition } from '../read/table.ts';
import type { BesideFacts } from './beside.ts';
import type { Finding } from './findings.ts';
import type { LuksFacts } from './luks.ts';

/** `image`: never started. `first-boot`: begun and not finished. `sealed`: bound to its board. */
export type Kind = 'image' | 'first-boot' | 'sealed' | 'unknown';

export interface SlotReport {
  readonly name: 'a' | 'b';
  readonly version: string;
  readonly builtAt: string;
  readonly suite: string;
  readonly kernel: string;
  readonly packages: number;
  readonly signature: {
    readonly state: 'valid' | 'invalid' | 'not checked';
    /** How the key is known: given, of this machine, or only enclosed in the manifest. */
    readonly known?: 'given' | 'own' | 'enclosed';
    readonly keyId: string;
    readonly development: boolean;
  };
  readonly root?: { readonly bytes: number; readonly sha256: string };
}

export interface Report {
  readonly v: 1;
  readonly file: string;
  readonly bytes: number;
  readonly verdict: 'whole' | 'damaged' | 'not ours';
  readonly kind: Kind;
  /** The verdict in one sentence. */
  readonly summary: string;
  readonly findings: readonly Finding[];
  readonly notChecked: readonly string[];
  readonly beside?: BesideFacts;
  readonly partitions?: readonly Partition[];
  readonly boot?: {
    readonly label: string;
    readonly config: 'as built' | 'changed' | 'missing';
    readonly slot?: 'a' | 'b';
    readonly startsOn: readonly string[];
    readonly transportKey: boolean;
    readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  };
  readonly system?: LuksFacts & {
    readonly opened?: { readonly key: string; readonly slot: string };
    readonly record?: readonly string[];
    /** Of a card that has not started: whose it is. */
    readonly serial?: string;
  };
  readonly state?: LuksFacts;
  readonly slots?: readonly SlotReport[];
}

/** The report as text: verdict, findings, facts. Nothing from a card can steer the terminal. */
export function renderReport(report: Report): string {
  const marks = { damage: '✗', warning: '!' } as const;
  const lines = [
    `${report.verdict}: ${report.summary}`,
    ...report.findings.map(({ grade, text }) => `${marks[grade]} ${text}.`),
    ...report.notChecked.map((text) => `- not checked: ${text}`),
  ];
  const facts = factsOf(report);
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  if (facts.length > 0) lines.push('');
  lines.push(...facts.map(([name, text]) => `${name.padEnd(width)}  ${text}`));
  return lines.map((line) => line.replace(/\p{Cc}|\p{Cf}/gu, '?')).join('\n');
}

type Fact = readonly [name: string, text: string];

function factsOf(report: Report): Fact[] {
  const { partitions = [], boot, system, state, slots = [], beside } = report;
  const facts: Fact[] = [];
  if (partitions.length > 0) {
    const text = partitions.map(({ number, bytes }) => `p${number} ${megabytes(bytes)}`);
    facts.push(['size', `${megabytes(report.bytes)}: ${text.join(', ')}`]);
  } else facts.push(['size', megabytes(report.bytes)]);
  for (const slot of slots) facts.push(...slotFacts(slot));
  if (boot !== undefined) {
    const count = Object.keys(boot.files).length;
    facts.push(['boot', `${boot.label}, ${count} files, config.txt ${boot.config}`]);
    const boards = boot.startsOn.length === 0 ? 'no board' : boot.startsOn.join(', ');
    facts.push(['starts on', `${boards}, slot ${boot.slot ?? 'unknown'}`]);
    facts.push(['transport key', boot.transportKey ? 'on the boot partition' : 'gone']);
  }
  if (system !== undefined) facts.push(...luksFacts('system', system, boot?.transportKey));
  if (system?.opened !== undefined) {
    facts.push(['opened by', `${system.opened.key}, key slot ${system.opened.slot}`]);
  }
  if (system?.record !== undefined) facts.push(['unit record', system.record.join(', ')]);
  if (state !== undefined) facts.push(...luksFacts('state', state));
  const serial = state?.serial ?? system?.serial;
  if (serial !== undefined) facts.push(['serial', serial]);
  if (beside !== undefined) {
    const all = Object.entries(beside).filter(([, found]) => found !== 'none');
    const text = all.map(([name, found]) => `.${name} ${found}`).join(', ');
    if (text !== '') facts.push(['beside it', text]);
  }
  return facts;
}

function slotFacts(slot: SlotReport): Fact[] {
  const { name, signature, root } = slot;
  const trust = {
    given: 'by the key given',
    own: "by this machine's key",
    enclosed: 'by a key that only the manifest itself vouches for',
  };
  const whose = signature.known === undefined ? '' : ` ${trust[signature.known]}`;
  const development = signature.development ? ', DEVELOPMENT KEY' : '';
  return [
    [`slot ${name}`, `release ${slot.version}, built ${slot.builtAt}`],
    ['', `${slot.suite}, kernel ${slot.kernel}, ${slot.packages} packages`],
    ['', `signature ${signature.state}${whose}, ${signature.keyId.slice(0, 16)}…${development}`],
    ...(root === undefined
      ? []
      : [['', `root.erofs ${megabytes(root.bytes)}, ${root.sha256.slice(0, 16)}…`] as const]),
  ];
}

function luksFacts(name: string, luks: LuksFacts, hasTransportKey = false): Fact[] {
  const copies =
    luks.copies === 'both' ? 'both headers good' : `only the ${luks.copies} header good`;
  return [
    [name, `LUKS2 ${luks.label}, ${luks.uuid}, ${copies}`],
    ['', `${luks.cipher}, sectors of ${luks.sectorBytes} bytes`],
    ...luks.keySlots.map((slot) => {
      const random = hasTransportKey ? 'the transport or a recovery key' : 'the recovery key';
      const takes = slot.takes === 'board' ? 'its board' : random;
      return ['', `key slot ${slot.name}: ${takes} (${slot.kdf})`] as const;
    }),
  ];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
