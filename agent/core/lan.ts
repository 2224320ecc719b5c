// Addresses and networks of a hotel's own network, read strictly and written in one form. Pure.
// Nothing outside these ranges is the hotel's own: no service reaches it, and nobody from there reaches a service.

export interface LanRange {
  readonly family: 4 | 6;
  /** Without zeros left out: two texts of one address become the same text. */
  readonly address: string;
  readonly prefix: number;
}

/** RFC 1918, RFC 6598 (providers' own, met in hotels behind one), RFC 3927, RFC 4193, RFC 4291. */
const RANGES = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  'fe80::/10',
].map((text) => parse(text)!);

/** The address or network when it lies wholly within the ranges of local networks; else undefined. */
export function lanRange(text: string): LanRange | undefined {
  const found = parse(text);
  if (found === undefined) return undefined;
  const { family, bytes, prefix } = found;
  const isLocal = RANGES.some(
    (range) =>
      range.family === family &&
      range.prefix <= prefix &&
      isSame(masked(bytes, range.prefix), range.bytes),
  );
  if (!isLocal) return undefined;
  return { family, prefix, address: render(masked(bytes, prefix)) };
}

/** One address, no network. */
export function lanAddress(text: string): LanRange | undefined {
  return text.includes('/') ? undefined : lanRange(text);
}

/** Whether it reads as an address at all, local or not: else it is a name. */
export const isAddress = (text: string): boolean => parse(text) !== undefined;

interface Parsed {
  readonly family: 4 | 6;
  readonly bytes: readonly number[];
  readonly prefix: number;
}

function parse(text: string): Parsed | undefined {
  const [address = '', length, ...more] = text.split('/');
  if (more.length > 0) return undefined;
  const bytes = address.includes(':') ? bytesOf6(address) : bytesOf4(address);
  if (bytes === undefined) return undefined;
  const bits = bytes.length * 8;
  if (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefix = length === undefined ? bits : Number(length);
  return prefix > bits ? undefined : { family: bits === 32 ? 4 : 6, bytes, prefix };
}

function bytesOf4(text: string): number[] | undefined {
  const parts = text.split('.');
  // No leading zeros: some programs read them as octal.
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part)))
    return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** RFC 4291, 2.2, forms 1 and 2: no zone and no IPv4 inside. */
function bytesOf6(text: string): number[] | undefined {
  if (!/^[0-9a-fA-F:]{2,39}$/.test(text)) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]);
}

function masked(bytes: readonly number[], prefix: number): number[] {
  return bytes.map((byte, at) => {
    const bits = Math.min(8, Math.max(0, prefix - at * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((byte, at) => byte === b[at]);

function render(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[at * 2]! << 8) | bytes[at * 2 + 1]!);
  return groups.map((group) => group.toString(16)).join(':');
}
