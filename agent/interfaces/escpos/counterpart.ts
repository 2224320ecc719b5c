// A receipt printer: one connection at a time, a buffer, paper that ends, a cover; it answers status at once and proof
// when it has printed that far. Pure but for its timer.
import type { Counterpart } from '../../core/interface.ts';
import type { Printer } from './config.ts';
import { PRINTER_BUFFER_BYTES } from './limits.ts';
import { createPaper } from './paper.ts';
import type { PaperLine } from './paper.ts';

interface Faults {
  /** Lines until the paper ends. */
  paper: number;
  isPaperLow: boolean;
  isCoverOpen: boolean;
  isCutterJammed: boolean;
  /** Bytes a millisecond; 0: at once. */
  speed: number;
  isSilent: boolean;
  /** Newer printers only. */
  hasProof: boolean;
  /** Hangs up after so many bytes. */
  cutAfterBytes: number;
  /** What a second client meets: it waits, or is turned away. */
  second: 'wait' | 'refuse';
}

export interface SimulatedPrinter extends Counterpart {
  readonly faults: Faults;
  readonly paper: readonly PaperLine[];
  /** Of lines alone. */
  readonly text: readonly string[];
  /** Bytes that were sent and did not fit into the buffer. */
  readonly overflow: number;
  /** Something was mended: it goes on. */
  resume(): void;
}

const TICK_MS = 5;

interface Client {
  readonly send: (bytes: Uint8Array) => void;
  readonly end: () => void;
  readonly early: Buffer[];
}

export function createPrinter(settings?: Pick<Printer, 'columns' | 'codePages'>): SimulatedPrinter {
  const { columns = 48, codePages = [] } = settings ?? {};
  const faults: Faults = {
    ...{ paper: Infinity, isPaperLow: false, isCoverOpen: false, isCutterJammed: false },
    ...{ speed: 0, isSilent: false, hasProof: true, cutAfterBytes: Infinity, second: 'wait' },
  };
  const clients: Client[] = [];
  let buffer: number[] = [];
  let overflow = 0;
  let heardBytes = 0;
  /** The last bytes, to know real-time commands wherever they stand. */
  let last: readonly number[] = [];
  const paper = createPaper({
    columns,
    pages: new Map(codePages.map(({ page, number }) => [number, page])),
    answer: (bytes) => {
      if (faults.hasProof && !faults.isSilent) clients[0]?.send(bytes);
    },
  });

  const isStopped = (): boolean => faults.paper <= 0 || faults.isCoverOpen || faults.isCutterJammed;
  const statusOf = (kind: number): number => {
    const bit = (isSet: boolean, value: number): number => (isSet ? value : 0);
    switch (kind) {
      case 1:
        return 0x12 | bit(isStopped(), 0x08);
      case 2: {
        const stopped = bit(faults.paper <= 0, 0x20) | bit(faults.isCutterJammed, 0x40);
        return 0x12 | bit(faults.isCoverOpen, 0x04) | stopped;
      }
      case 3:
        return 0x12 | bit(faults.isCutterJammed, 0x08);
      default:
        return 0x12 | bit(faults.paper <= 0, 0x60) | bit(faults.isPaperLow, 0x0c);
    }
  };
  const work = (count: number): void => {
    let done = 0;
    while (done < count && done < buffer.length && !isStopped()) {
      if (paper.step(buffer[done]!)) faults.paper -= 1;
      done += 1;
    }
    buffer = buffer.slice(done);
  };
  const timer = setInterval(() => {
    if (faults.speed > 0) work(faults.speed * TICK_MS);
  }, TICK_MS);
  const resume = (): void => {
    if (faults.speed === 0) work(Infinity);
  };

  const take = (client: Client, chunk: Buffer): void => {
    for (const byte of chunk) {
      heardBytes += 1;
      if (heardBytes > faults.cutAfterBytes) {
        faults.cutAfterBytes = Infinity;
        return client.end();
      }
      last = [...last.slice(-1), byte];
      const isRealTime = last[0] === 0x10 && last[1] === 0x04;
      if (isRealTime) asked = true;
      else if (asked) {
        asked = false;
        if (!faults.isSilent) client.send(Buffer.of(statusOf(byte)));
      }
      if (buffer.length < PRINTER_BUFFER_BYTES) buffer.push(byte);
      else overflow += 1;
    }
    resume();
  };
  let asked = false;

  const welcome = (client: Client): void => {
    last = [];
    asked = false;
    for (const chunk of client.early.splice(0)) take(client, chunk);
  };
  return {
    faults,
    get paper() {
      return paper.lines;
    },
    get text() {
      return paper.lines.map(({ text }) => text);
    },
    get overflow() {
      return overflow;
    },
    resume,
    connect: (send, end) => {
      const client: Client = { send, end, early: [] };
      if (clients.length > 0 && faults.second === 'refuse') {
        end();
        return { bytes: () => {}, closed: () => {} };
      }
      clients.push(client);
      if (clients[0] === client) welcome(client);
      return {
        bytes: (chunk) => {
          if (clients[0] === client) take(client, chunk);
          else client.early.push(chunk);
        },
        closed: () => {
          const wasFirst = clients[0] === client;
          clients.splice(clients.indexOf(client), 1);
          if (buffer.length === 0) paper.forget();
          if (wasFirst && clients[0] !== undefined) welcome(clients[0]);
        },
      };
    },
    close: () => clearInterval(timer),
  };
}
