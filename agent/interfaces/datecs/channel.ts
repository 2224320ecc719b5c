// One command at a time over a line's bytes: numbers it, sends it again when that is right, finds its answer among
// noise, lines, doubles and what comes late.
import { LINE, LINE_TAKEN, NAK, SYN, isl, islFrame } from '../../core/frames/isl.ts';
import type { Piece } from '../../core/frames/ports.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { Dialect } from './config.ts';
import { anySeq, fresh, next, nextSeq } from './exchange.ts';
import type { Exchange, Loss, Then } from './exchange.ts';
import { bodyOf, condensed, nameOf, replyOf, variantOf } from './wire.ts';
import type { Command, Condensed, Reply } from './wire.ts';

export type Answer =
  | { readonly ok: true; readonly reply: Reply; readonly status: Condensed }
  | { readonly ok: false; readonly why: Loss };

interface SendOptions {
  readonly isAction: boolean;
  /** Without a byte for so long: silence. */
  readonly msMax: number;
  /** So many silences are one too many; else the limit. */
  readonly silencesMax?: number;
}

export interface Channel {
  /** A second command while one is under way is lost: `down`. */
  send(command: Command, options: SendOptions): Promise<Answer>;
  bytes(chunk: Buffer): void;
  /** The line is gone, or new: what was under way is lost. */
  reset(): void;
}

interface Pending {
  readonly frame: Buffer;
  readonly seq: number;
  readonly cmd: number;
  readonly msMax: number;
  readonly resolve: (answer: Answer) => void;
  exchange: Exchange;
  timer: NodeJS.Timeout | undefined;
}

interface Needs {
  readonly host: Pick<ServiceHost, 'clock' | 'random' | 'trace'>;
  readonly dialect: Dialect;
  /** Never throws; a line that does not take it goes down. */
  readonly write: (bytes: Uint8Array) => void;
}

export function createChannel({ host, dialect, write }: Needs): Channel {
  const framer = isl(variantOf(dialect));
  let pending: Pending | undefined;
  // Any number: with the last one of the process before, the printer would repeat that one's answer.
  let seq = anySeq(host.random());

  const settle = (answer: Answer): void => {
    const done = pending;
    pending = undefined;
    clearTimeout(done?.timer);
    done?.resolve(answer);
  };
  const arm = (one: Pending): void => {
    clearTimeout(one.timer);
    one.timer = setTimeout(() => act(one, next(one.exchange, { heard: 'silence' })), one.msMax);
  };
  const act = (one: Pending, then: Then): void => {
    if (then.go === 'lose') {
      host.trace('note', `${nameOf(one.cmd)}: no answer (${then.why})`);
      return settle({ ok: false, why: then.why });
    }
    one.exchange = then.exchange;
    if (then.go === 'resend') {
      framer.reset();
      write(one.frame);
    }
    arm(one);
  };
  const answered = (one: Pending, body: Buffer): void => {
    const reply = replyOf(body, dialect);
    // An answer that comes twice, or late, belongs to a command before.
    if (reply === undefined || reply.seq !== one.seq || reply.cmd !== one.cmd) return;
    const status = condensed(reply, dialect);
    host.trace('in', `${nameOf(reply.cmd)}: ${status.refused ?? 'done'}`);
    settle({ ok: true, reply, status });
  };
  const take = (piece: Piece): void => {
    const isLine = piece.is === 'frame' && piece.body[0] === LINE;
    if (isLine) write(Buffer.of(LINE_TAKEN));
    if (pending === undefined) return;
    const { exchange } = pending;
    if (isLine) arm(pending);
    else if (piece.is === 'frame') answered(pending, piece.body);
    else if (piece.is === 'bad') act(pending, next(exchange, { heard: 'broken' }));
    else if (piece.is === 'control' && piece.byte === NAK)
      act(pending, next(exchange, { heard: 'nak' }));
    else if (piece.is === 'control' && piece.byte === SYN)
      act(pending, next(exchange, { heard: 'busy', nowMs: host.clock.nowMs() }));
  };
  return {
    send: (command, { isAction, msMax, silencesMax }) => {
      if (pending !== undefined) return Promise.resolve({ ok: false, why: 'down' });
      seq = nextSeq(seq);
      const frame = islFrame(bodyOf(command, seq, dialect), variantOf(dialect));
      // What is left of an answer before is not for this one.
      framer.reset();
      host.trace('out', nameOf(command.cmd));
      const { promise, resolve } = Promise.withResolvers<Answer>();
      const exchange = fresh(isAction, silencesMax);
      pending = { frame, seq, cmd: command.cmd, msMax, resolve, exchange, timer: undefined };
      write(frame);
      arm(pending);
      return promise;
    },
    bytes: (chunk) => {
      for (const piece of framer.push(chunk)) take(piece);
    },
    reset: () => {
      framer.reset();
      settle({ ok: false, why: 'down' });
    },
  };
}
