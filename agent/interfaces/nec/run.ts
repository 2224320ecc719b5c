// A NEC NEAX: orders in, events out. Who has the line is state.ts, what messages mean orders.ts and events.ts;
// core/exchange performs. Here is what is known of rooms between two messages.
import { drive, tryExchange } from '../../core/exchange/drive.ts';
import type { Exchange } from '../../core/exchange/drive.ts';
import { resyncRooms, told } from '../../core/exchange/house.ts';
import type { Machine } from '../../core/exchange/ports.ts';
import { createRoomMap } from '../../core/extensions/config.ts';
import type { Interface, RunningInterface, ServiceHost } from '../../core/interface.ts';
import { needsOfLine } from '../../core/line/needs.ts';
import { maskName } from '../../core/mask.ts';
import type { Order, OrderOutcome } from '../../core/vocabulary.ts';
import { parse } from './config.ts';
import type { Settings } from './config.ts';
import { createNeax } from './counterpart.ts';
import { heardOf } from './events.ts';
import { TEST_MS_MAX } from './limits.ts';
import { asItIs, framesOf, restrictionAfter } from './orders.ts';
import type { Known, Restriction, Ways } from './orders.ts';
import { initial, next } from './state.ts';
import type { Link } from './state.ts';
import { texts } from './texts.ts';
import { codeOf, createEar, messageOf } from './wire.ts';
import type { Token } from './wire.ts';

export const nec: Interface<Settings> = {
  name: 'nec',
  title: texts.title.en,
  texts,
  takes: [
    'room.checked-in',
    'room.checked-out',
    'room.moved',
    'guest.changed',
    'room.status',
    'room.barring',
    'room.privacy',
    'wakeup.set',
    'wakeup.clear',
    'message.light',
    'resync',
  ],
  emits: [
    'room.status',
    'room.privacy',
    'wakeup.set',
    'wakeup.clear',
    'wakeup.result',
    'message.light',
  ],
  parse,
  needs: ({ line }) => needsOfLine(line),
  start,
  test: async (settings, host, signal) =>
    tryExchange(host, (trial) => start(settings, trial), { msMax: TEST_MS_MAX, signal }),
  counterpart: (settings, needs) => createNeax(settings, needs),
};

function start(settings: Settings, host: ServiceHost): RunningInterface {
  const ways: Ways = { settings, rooms: createRoomMap(settings.extensions) };
  const restrictions = new Map<string, Restriction>();
  const needs: Needs = { ways, host, restrictions };
  const exchange = drive({
    ...{ line: settings.line, host, machine: machine(settings), shown },
    taken: async (body) => taken(body, needs),
  });
  return {
    handle: async (order, signal) =>
      order.kind === 'resync'
        ? resync({ ...needs, exchange, signal })
        : carryOut(order, { ...needs, exchange, signal }),
    close: async () => exchange.close(),
  };
}

function machine({ line, handshake }: Settings): Machine<Link, Token> {
  const ear = createEar();
  // What the exchange wants to hear over the network while nothing happens is not known: rather nothing.
  const isSerial = line.kind === 'serial';
  const ways = { handshake: isSerial || handshake === 'full', probes: isSerial };
  return {
    initial,
    next: (link, event) => next(link, event, ways),
    hear: (chunk) => ear.hear(chunk),
    isHearing: () => ear.isHearing(),
    hush: () => ear.hush(),
  };
}

interface Needs {
  readonly ways: Ways;
  readonly host: ServiceHost;
  /** By room; as many as the hotel has. */
  readonly restrictions: Map<string, Restriction>;
}
type WithLine = Needs & { readonly exchange: Exchange; readonly signal: AbortSignal };

const now = (host: ServiceHost): string => host.local(host.clock.wallMs());

async function knownOf(order: Order, { ways, host, restrictions }: Needs): Promise<Known> {
  const known = { ...ways, now: now(host), isOccupied: true };
  const free: Restriction = { isCutOff: false, isUndisturbed: false };
  const isAsked =
    order.kind === 'room.status' || order.kind === 'room.barring' || order.kind === 'room.privacy';
  if (!isAsked) return { ...known, restriction: free };
  const { rooms } = await host.house();
  const found = rooms.find(({ room }) => room === order.room);
  const isOccupied = found === undefined || found.guests.length > 0;
  // The exchange cuts off whom it checks out.
  const restriction = restrictions.get(order.room) ?? { ...free, isCutOff: !isOccupied };
  return { ...known, isOccupied, restriction };
}

async function carryOut(order: Order, needs: WithLine): Promise<OrderOutcome> {
  const known = await knownOf(order, needs);
  const made = framesOf(order, known);
  if (!made.ok) return made.outcome;
  if (made.frames.length === 0) return { ok: true, body: { sent: false } };
  const outcome = await needs.exchange.submit(made.frames, needs.signal);
  if (outcome.ok) remember(order, known, needs.restrictions);
  return outcome;
}

function remember(order: Order, known: Known, restrictions: Map<string, Restriction>): void {
  if (order.kind === 'room.barring' || order.kind === 'room.privacy') {
    const after = restrictionAfter(order, known.restriction);
    if (after !== undefined) restrictions.set(order.room, after);
  }
  // From here on it is what check-in or check-out makes of it.
  if (order.kind === 'room.checked-in' || order.kind === 'room.checked-out') {
    restrictions.delete(order.room);
  }
  if (order.kind === 'room.moved') {
    restrictions.delete(order.room);
    restrictions.delete(order.from);
  }
}

async function taken(body: Buffer, { ways, host, restrictions }: Needs): Promise<boolean> {
  const parsed = messageOf(body);
  if (!parsed.ok) {
    // Its BCC is right: it would be the same the next time.
    host.trace('in', `A message of ${body.length} characters, not understood: ${parsed.why}`);
    return true;
  }
  const { message } = parsed;
  host.trace('in', `${codeOf(message)} ${message.extension} ${message.data.trimEnd()}`.trimEnd());
  const heard = heardOf(message, ways, now(host));
  switch (heard.is) {
    case 'nothing':
      host.trace('note', `Taken, nothing done: ${heard.why}`);
      return true;
    case 'returned':
      host.count('returned');
      host.log.warning(
        `The exchange does not accept ${heard.code} for extension ${message.extension}`,
      );
      return true;
    case 'event': {
      const isTold = await told(heard.event, host);
      if (heard.restriction !== undefined && heard.event.kind === 'room.privacy') {
        restrictions.set(heard.event.room, heard.restriction);
      }
      return isTold;
    }
  }
}

/** Names of guests masked: what follows the extension of 16-B and 21-6. */
function shown(frame: Buffer): string {
  const parsed = messageOf(frame.subarray(1, -2));
  if (!parsed.ok) return 'a message';
  const { message } = parsed;
  const code = codeOf(message);
  const isNamed = code === '16-B' || code === '21-6';
  const data = isNamed ? maskName(message.data) : message.data;
  return `${code} ${message.extension} ${data.trimEnd()}`.trimEnd();
}

/** Every room as the house has it: checked in or checked out. */
async function resync(needs: WithLine): Promise<OrderOutcome> {
  const { ways, host, restrictions } = needs;
  const { rooms } = await host.house();
  const free = { isCutOff: false, isUndisturbed: false };
  const known: Known = { ...ways, now: now(host), restriction: free, isOccupied: true };
  restrictions.clear();
  return resyncRooms(rooms, {
    ...needs,
    framesOf: ({ room, guests }) => asItIs(room, guests[0], known),
  });
}
