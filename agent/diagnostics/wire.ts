// The checks and their results, as types and pure rules. Texts for people are in page/texts.ts.

const STATES = ['failed', 'warning', 'running', 'not-checked', 'not-needed', 'passed'] as const;
export type CheckState = (typeof STATES)[number];

export const CHECK_IDS = [
  'link',
  'dhcp',
  'subnet',
  'dns',
  'ntp',
  'clock-443',
  'clock-80',
  'clock-22',
  'aws-443',
  'aws-8443',
  'aws-8883',
  'gems-5000',
  'time',
  'storage',
  'memory',
  'temperature',
  'seal',
] as const;
export type CheckId = (typeof CHECK_IDS)[number];

export interface CheckResult {
  readonly id: CheckId;
  readonly state: CheckState;
  /** What was seen, for technicians: numbers, addresses, error codes. Never a secret. */
  readonly measured: string;
}

/** Rows of the product description that this unit works without; still measured. */
const NOT_NEEDED: ReadonlySet<CheckId> = new Set(['clock-80', 'clock-22', 'gems-5000']);

/** A failed row that the unit works without is no failure for the hotel. */
export function judge(id: CheckId, ok: boolean, measured: string): CheckResult {
  const bad = NOT_NEEDED.has(id) ? 'not-needed' : 'failed';
  return { id, state: ok ? 'passed' : bad, measured };
}

/** Results with the worst first, otherwise in the order of the description. */
export function worstFirst(results: readonly CheckResult[]): CheckResult[] {
  return [...results].sort(
    (a, b) =>
      STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
      CHECK_IDS.indexOf(a.id) - CHECK_IDS.indexOf(b.id),
  );
}

/** Is this IPv4 address in 172.17.0.0/16, where the description forbids a unit? */
export function isDockerRange(address: string): boolean {
  return address.startsWith('172.17.');
}

/** NTP (RFC 5905): a client request, and the offset in seconds from a 48-byte answer. */
export function ntpRequest(): Uint8Array {
  const packet = new Uint8Array(48);
  packet[0] = 0x23; // no leap warning, version 4, mode 3 (client)
  return packet;
}

const NTP_EPOCH_SECONDS = 2_208_988_800;

/**
 * `sentMs` and `gotMs` are the local clock (milliseconds since 1970) around the exchange.
 * Returns undefined for anything that is not a usable server answer.
 */
export function ntpOffset(
  answer: Uint8Array,
  { sentMs, gotMs }: { readonly sentMs: number; readonly gotMs: number },
): number | undefined {
  if (answer.length < 48) return undefined;
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const isServer = (view.getUint8(0) & 7) === 4;
  const stratum = view.getUint8(1);
  if (!isServer || stratum === 0 || stratum > 15) return undefined;
  const at = (offset: number): number =>
    view.getUint32(offset) - NTP_EPOCH_SECONDS + view.getUint32(offset + 4) / 2 ** 32;
  return (at(32) - sentMs / 1000 + (at(40) - gotMs / 1000)) / 2;
}
