// DER (X.690): just enough to write certificates and to read certificate requests. Pure.

export interface Element {
  readonly tag: number;
  readonly body: Buffer;
  /** Tag and length included. */
  readonly whole: Buffer;
}

/** One element of `tag` around `parts`. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const digits = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.of(tag, 0x80 | digits.length), digits, body]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => der(0x31, ...parts);
export const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
export const bits = (bytes: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.of(unused), bytes);
export const octets = (bytes: Uint8Array): Buffer => der(0x04, bytes);
export const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
/** A positive INTEGER of these bytes. */
export const integer = (bytes: Uint8Array): Buffer =>
  der(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
/** GeneralizedTime, which holds for every year. */
export const time = (ms: number): Buffer =>
  der(0x18, Buffer.from(new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')));

/** The elements that stand one after another in `bytes`. Throws RangeError on anything else. */
export function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const { body, whole, tag } = elementAt(bytes, at);
    found.push({ tag, body, whole });
    at += whole.length;
  }
  return found;
}

function elementAt(bytes: Buffer, at: number): Element {
  const tag = bytes.readUInt8(at);
  const first = bytes.readUInt8(at + 1);
  // Four bytes of length: more than any request that the limits let through.
  if (first === 0x80 || first > 0x84) throw new RangeError(`DER length of form ${first}`);
  const digits = first < 0x80 ? 0 : first - 0x80;
  const length = digits === 0 ? first : bytes.readUIntBE(at + 2, digits);
  const start = at + 2 + digits;
  if (start + length > bytes.length) throw new RangeError('DER element longer than its container');
  return {
    tag,
    body: bytes.subarray(start, start + length),
    whole: bytes.subarray(at, start + length),
  };
}

/** A PEM block (RFC 7468). */
export function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The bytes of the first PEM block with this label, else undefined. */
export function fromPem(label: string, text: string): Buffer | undefined {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`);
  const [, body] = block.exec(text) ?? [];
  return body === undefined ? undefined : Buffer.from(body, 'base64');
}
