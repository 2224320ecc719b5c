// As much of the DNS format (RFC 1035) as a question for an address and its answer need. Pure.

const TYPE_A = 1;
const CLASS_IN = 1;
/** The highest bit of the class is multicast DNS's cache-flush flag (RFC 6762, 10.2). */
const CLASS_MASK = 0x7fff;

/** A question for the IPv4 address of a name; id 0, as multicast DNS wants it. */
export function queryOf(name: string): Buffer {
  const labels = name.split('.').flatMap((label) => [Buffer.of(label.length), Buffer.from(label)]);
  const header = Buffer.alloc(12);
  header.writeUInt16BE(1, 4); // one question
  return Buffer.concat([header, ...labels, Buffer.of(0, 0, TYPE_A, 0, CLASS_IN)]);
}

/** The IPv4 addresses that a packet gives for the name; none when it is damaged or a question. */
export function addressesIn(packet: Buffer, name: string): string[] {
  try {
    return records(packet)
      .filter((record) => record.name === name.toLowerCase())
      .map(({ data }) => [...data].join('.'));
  } catch {
    return [];
  }
}

function records(packet: Buffer): { name: string; data: Buffer }[] {
  const isAnswer = (packet.readUInt16BE(2) & 0x8000) !== 0;
  if (!isAnswer) return [];
  let at = 12;
  for (let i = packet.readUInt16BE(4); i > 0; i -= 1) at = nameAt(packet, at).end + 4;
  const count = packet.readUInt16BE(6) + packet.readUInt16BE(8) + packet.readUInt16BE(10);
  const found: { name: string; data: Buffer }[] = [];
  for (let i = 0; i < count; i += 1) {
    const { name, end } = nameAt(packet, at);
    const type = packet.readUInt16BE(end);
    const inClass = packet.readUInt16BE(end + 2) & CLASS_MASK;
    const length = packet.readUInt16BE(end + 8);
    const data = packet.subarray(end + 10, end + 10 + length);
    if (type === TYPE_A && inClass === CLASS_IN && data.length === 4) found.push({ name, data });
    at = end + 10 + length;
  }
  return found;
}

/** Names may end in a pointer to an earlier place (RFC 1035, 4.1.4): followed backwards only. */
function nameAt(packet: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  for (;;) {
    const length = packet.readUInt8(at);
    if (length >= 0xc0) {
      const to = packet.readUInt16BE(at) & 0x3fff;
      end ??= at + 2;
      if (to >= at) throw new Error('a pointer that does not go back');
      at = to;
    } else if (length === 0) {
      return { name: labels.join('.').toLowerCase(), end: end ?? at + 1 };
    } else {
      labels.push(packet.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
  }
}
