// A fiscal printer behind its frames: for rehearsals, and in tests with every fault that a line, a person or the
// power company can bring about. Pure.
import {
  LINE,
  LINE_TAKEN,
  NAK,
  SYN,
  fromNibbles,
  isl,
  islFrame,
  nibbles,
} from '../../core/frames/isl.ts';
import type { Clock } from '../../core/clock.ts';
import type { Counterpart } from '../../core/interface.ts';
import type { Settings } from './config.ts';
import { decode, encode } from './cp1251.ts';
import { Device } from './device.ts';
import type { Habits } from './device.ts';
import { variantOf } from './wire.ts';

/**
 * `cut`: the power goes, before the command is carried out, after it, or in the middle of the answer. `deaf`: the
 * command does not arrive. `mute`: it is carried out, the answer does not arrive. `paper`: the roll ends before it.
 */
export type Mishap =
  | 'cut-before'
  | 'cut-after'
  | 'cut-middle'
  | 'deaf'
  | 'mute'
  | 'nak'
  | 'busy'
  | 'broken'
  | 'twice'
  | 'modem'
  | 'lines'
  | 'paper';
export const MISHAPS: readonly Mishap[] = [
  ...(['cut-before', 'cut-after', 'cut-middle', 'deaf', 'mute', 'nak'] as const),
  ...(['busy', 'broken', 'twice', 'modem', 'lines', 'paper'] as const),
];

export interface PrinterOptions extends Habits {
  /** Asked for each command that arrives; a repeat of one is not asked for again. */
  readonly mishap?: (cmd: number) => Mishap | undefined;
  /** How long it is off after the power went. */
  readonly offMs?: number;
}

export interface PrinterDouble extends Counterpart {
  readonly connect: NonNullable<Counterpart['connect']>;
  readonly device: Device;
}

interface Answered {
  readonly seq: number;
  readonly cmd: number;
  readonly reply: Buffer;
}

export function createPrinter(
  settings: Settings,
  { clock }: { readonly clock: Clock },
  options: PrinterOptions = {},
): PrinterDouble {
  const variant = variantOf(settings.dialect);
  const device = new Device(settings, options);
  /** The last answer, for a command that comes again; lost with the power. */
  let last: Answered | undefined;
  let offUntilMs = Number.NEGATIVE_INFINITY;

  const cut = (): void => {
    device.powerCut();
    last = undefined;
    offUntilMs = clock.nowMs() + (options.offMs ?? 0);
  };
  const carryOut = (seq: number, cmd: number, data: string): Buffer => {
    const { data: answer, status } = device.execute(cmd, data);
    const number = variant === 'x' ? nibbles(cmd) : Buffer.of(cmd);
    const body = Buffer.concat([Buffer.of(seq), number, encode(answer), Buffer.of(0x04), status]);
    const reply = islFrame(body, variant);
    last = { seq, cmd, reply };
    return reply;
  };

  return {
    device,
    connect: (send, end) => {
      const framer = isl(variant);
      /** Held back until the line before it is confirmed. */
      let owed: Buffer | undefined;
      const command = (body: Buffer): void => {
        const seq = body[0]!;
        const from = variant === 'x' ? 5 : 2;
        const cmd = variant === 'x' ? fromNibbles(body.subarray(1, 5)) : body[1];
        if (cmd === undefined || seq < 0x20 || seq > 0x7f) return send(Buffer.of(NAK));
        if (last?.seq === seq && last.cmd === cmd) return send(last.reply);
        const mishap = options.mishap?.(cmd);
        if (mishap === 'deaf') return;
        if (mishap === 'nak') return send(Buffer.of(NAK));
        if (mishap === 'cut-before') {
          cut();
          return end();
        }
        if (mishap === 'paper') device.hasPaper = false;
        const reply = carryOut(seq, cmd, decode(body.subarray(from)));
        switch (mishap) {
          case 'cut-after':
          case 'cut-middle':
            if (mishap === 'cut-middle') send(reply.subarray(0, reply.length >> 1));
            cut();
            return end();
          case 'mute':
            return;
          case 'busy':
            for (let count = 0; count < 5; count += 1) send(Buffer.of(SYN));
            return send(reply);
          case 'broken': {
            const broken = Buffer.from(reply);
            broken[broken.length - 2]! ^= 0x01;
            return send(broken);
          }
          case 'twice':
            send(reply);
            return send(reply);
          case 'modem':
            send(Buffer.from('AT+CREG?\r\n'));
            return send(reply);
          case 'lines':
            owed = reply;
            return send(Buffer.concat([Buffer.of(LINE), Buffer.from('1;2;3'), Buffer.of(0x0a)]));
          case 'paper':
          case undefined:
            return send(reply);
        }
      };
      return {
        bytes: (chunk) => {
          if (clock.nowMs() < offUntilMs) return;
          if (owed !== undefined && chunk.includes(LINE_TAKEN)) {
            const reply = owed;
            owed = undefined;
            send(reply);
          }
          for (const piece of framer.push(chunk)) {
            if (piece.is === 'frame') command(piece.body);
            else if (piece.is === 'bad') send(Buffer.of(NAK));
          }
        },
        closed: () => framer.reset(),
      };
    },
    close: () => undefined,
  };
}

/** For a rehearsal: a printer that is set up as the settings say and behaves. */
export const counterpart = (settings: Settings, needs: { readonly clock: Clock }): Counterpart =>
  createPrinter(settings, needs);
