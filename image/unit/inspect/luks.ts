// Judges the header of an encrypted partition: both copies, and whether it is made as ours are.
import { SERIAL } from '../../core/serial.ts';
import { readLuks } from '../read/luks.ts';
import type { KeySlot, LuksHeader } from '../read/luks.ts';
import type { Source } from '../read/source.ts';
import type { Findings, Part } from './findings.ts';

export interface LuksFacts {
  readonly label: string;
  readonly uuid: string;
  readonly cipher: string;
  readonly sectorBytes: number;
  readonly keySlots: readonly {
    readonly name: string;
    readonly kdf: string;
    /** Whose key it takes: of the board it is sealed to, or one of 256 random bits. */
    readonly takes: 'board' | 'random';
  }[];
  /** The unit's serial, where the header says it. */
  readonly serial?: string;
  /** The copies of the header that are sound. */
  readonly copies: 'both' | 'first' | 'second';
}

export interface LuksWanted {
  /** "system partition" */
  readonly name: string;
  readonly part: Part;
  readonly label: string;
  /** One bad copy: damage on an image that was never used, a warning where a start mends it. */
  readonly oneCopy: 'damage' | 'warning';
  readonly findings: Findings;
}

/** The header to work with and what it says; undefined, with a finding, when neither copy is sound. */
export async function lookAtLuks(
  partition: Source,
  { name, part, label, oneCopy, findings }: LuksWanted,
): Promise<{ readonly header: LuksHeader; readonly facts: LuksFacts } | undefined> {
  const { header, first, second } = await readLuks(partition);
  if (header === undefined) {
    const why = [first, second].map((copy) => (copy.ok ? '' : copy.why));
    const text = `Both LUKS headers of the ${name} are damaged (${why.join('; ')})`;
    findings.damage(part, 'luks-damaged', text);
    return undefined;
  }
  const copies = first.ok && second.ok ? 'both' : first.ok ? 'first' : 'second';
  if (copies !== 'both') {
    const [bad, why] = first.ok ? ['second', second] : ['first', first];
    const reason = why.ok ? '' : why.why;
    findings[oneCopy](
      part,
      'luks-one-copy',
      `The ${bad} of the two LUKS headers of the ${name} is damaged (${reason}); ` +
        'the other one is good, and cryptsetup mends it at the next start',
    );
  } else if (first.ok && second.ok && first.header.sequence !== second.header.sequence) {
    const text = `The two LUKS headers of the ${name} are of different age: a change was cut off`;
    findings.warning(part, 'luks-copies-differ', text);
  }
  if (header.label !== label) {
    findings.damage(part, 'luks-label', `The ${name} is called "${header.label}", not "${label}"`);
  }
  if (header.metadata.config.requirements !== undefined) {
    const text = `The encryption of the ${name} was begun and not finished`;
    findings.damage(part, 'luks-unfinished', text);
  }
  return { header, facts: factsOf(header, copies) };
}

/** The unit's serial, where a state partition's header says it. */
export function serialOf({ subsystem }: LuksHeader): string | undefined {
  return SERIAL.test(subsystem) ? subsystem : undefined;
}

function factsOf(header: LuksHeader, copies: LuksFacts['copies']): LuksFacts {
  const [segment] = Object.values(header.metadata.segments);
  const serial = serialOf(header);
  return {
    label: header.label,
    uuid: header.uuid,
    cipher: segment?.encryption ?? 'none',
    sectorBytes: segment?.sector_size ?? 0,
    keySlots: Object.entries(header.metadata.keyslots).map(([name, { kdf }]) => ({
      name,
      kdf: kdfText(kdf),
      // stage-clock/04-boot: what can be guessed is stretched, what is random is not.
      takes: kdf.type === 'pbkdf2' ? 'random' : 'board',
    })),
    copies,
    ...(serial === undefined ? {} : { serial }),
  };
}

function kdfText(kdf: KeySlot['kdf']): string {
  if (kdf.type === 'pbkdf2') return `pbkdf2-${kdf.hash}, ${kdf.iterations} iterations`;
  return `${kdf.type}, ${kdf.memory} KiB, ${kdf.time} passes, ${kdf.cpus} lanes`;
}
