// A Mitel SX-200 (and what speaks as it does: Lodgistix): orders in, events out.
// What is said when is state.ts, what it means orders.ts; core/exchange performs.
import { drive, tryExchange } from '../../core/exchange/drive.ts';
import type { Exchange } from '../../core/exchange/drive.ts';
import { resyncRooms, told } from '../../core/exchange/house.ts';
import type { Machine } from '../../core/exchange/ports.ts';
import { createRoomMap } from '../../core/extensions/config.ts';
import type { Interface, RunningInterface, ServiceHost } from '../../core/interface.ts';
import type { Piece } from '../../core/frames/ports.ts';
import { needsOfLine } from '../../core/line/needs.ts';
import type { OrderOutcome } from '../../core/vocabulary.ts';
import { parse } from './config.ts';
import type { Settings } from './config.ts';
import { createSx200 } from './counterpart.ts';
import { TEST_MS_MAX } from './limits.ts';
import { eventOf, framesOf, vacate } from './orders.ts';
import type { Ways } from './orders.ts';
import { initial, next } from './state.ts';
import type { Heard, Link } from './state.ts';
import { texts } from './texts.ts';
import { ACK, NAK, framer, messageOf } from './wire.ts';

export const mitel: Interface<Settings> = {
  name: 'mitel',
  title: texts.title.en,
  texts,
  takes: [
    'room.checked-in',
    'room.checked-out',
    'room.moved',
    'guest.changed',
    'room.status',
    'room.privacy',
    'message.light',
    'resync',
  ],
  emits: ['room.status', 'room.privacy'],
  parse,
  needs: ({ line }) => needsOfLine(line),
  start,
  test: async (settings, host, signal) =>
    tryExchange(host, (trial) => start(settings, trial), { msMax: TEST_MS_MAX, signal }),
  counterpart: (settings, needs) => createSx200(settings, needs),
};

function start(settings: Settings, host: ServiceHost): RunningInterface {
  const ways: Ways = { settings, rooms: createRoomMap(settings.extensions) };
  const exchange = drive({
    ...{ line: settings.line, host, machine: machine(settings), shown },
    taken: async (body) => taken(body, { ways, host }),
  });
  return {
    handle: async (order, signal) => {
      if (order.kind === 'resync') return resync({ ways, host, exchange, signal });
      const made = framesOf(order, ways);
      if (!made.ok) return made.outcome;
      if (made.frames.length === 0) return { ok: true, body: { sent: false } };
      return exchange.submit(made.frames, signal);
    },
    close: async () => exchange.close(),
  };
}

function machine(settings: Settings): Machine<Link, Heard> {
  const pieces = framer();
  return {
    initial,
    next: (link, event) => next(link, event, settings),
    hear: (chunk) => pieces.push(chunk).flatMap(heardOf),
    isHearing: () => pieces.held() > 0,
    hush: () => void pieces.reset(),
  };
}

function heardOf(piece: Piece): readonly Heard[] {
  switch (piece.is) {
    case 'control':
      return [{ on: piece.byte === ACK ? 'ack' : piece.byte === NAK ? 'nak' : 'asked' }];
    case 'frame':
      return [{ on: 'message', body: piece.body }];
    case 'bad':
      return [{ on: 'bad' }];
    case 'noise':
      return [];
  }
}

interface Needs {
  readonly ways: Ways;
  readonly host: ServiceHost;
}

async function taken(body: Buffer, { ways, host }: Needs): Promise<boolean> {
  const message = messageOf(body);
  host.trace('in', textOf(body));
  if (message === undefined) return false;
  const heard = eventOf(message, ways);
  if (!heard.ok) {
    host.trace('note', `Taken, nothing done: ${heard.why}`);
    return true;
  }
  return told(heard.event, host);
}

/** Names stay out of traces: of a record that is no message only its length is told. */
const textOf = (body: Buffer): string =>
  messageOf(body) === undefined ? `a record of ${body.length} characters` : body.toString('latin1');
const shown = (frame: Buffer): string => textOf(frame.subarray(1, -1));

/** Every room as the house has it: checked in (with its name, where names are on) or checked out. */
async function resync(
  needs: Needs & { readonly exchange: Exchange; readonly signal: AbortSignal },
): Promise<OrderOutcome> {
  const { rooms } = await needs.host.house();
  return resyncRooms(rooms, {
    ...needs,
    framesOf: ({ room, guests: [guest] }) =>
      guest === undefined
        ? vacate(room, needs.ways)
        : framesOf({ kind: 'room.checked-in', room, guest, isShared: false }, needs.ways),
  });
}
