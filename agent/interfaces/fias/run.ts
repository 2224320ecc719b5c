// FIAS, the PMS side: what a vendor of telephones, locks, minibars or television connects to. Orders of the hotel
// become records, records become events; this file brings the parts together.
import type { Interface, Need, RunningInterface, ServiceHost } from '../../core/interface.ts';
import type { House, Order, OrderOf, OrderOutcome } from '../../core/vocabulary.ts';
import { parse } from './config.ts';
import type { Settings } from './config.ts';
import { createVendor } from './counterpart.ts';
import { createDesk } from './desk.ts';
import { isGuestBased, wants } from './filter.ts';
import { createIntake } from './intake.ts';
import { isKey } from './keys.ts';
import { LOST_MS_MAX } from './limits.ts';
import { tryLink } from './rehearsal.ts';
import { createRooms } from './rooms.ts';
import { createSession } from './session.ts';
import type { Told } from './session.ts';
import { equipment, isStay, needsHouse, stay } from './stays.ts';
import type { Saying } from './stays.ts';
import { texts } from './texts.ts';
import type { FiasRecord } from './wire.ts';

export const fias: Interface<Settings> = {
  name: 'fias',
  title: texts.title.en,
  texts,
  takes: [
    ...(['room.checked-in', 'room.checked-out', 'guest.changed', 'room.moved'] as const),
    ...(['room.status', 'room.barring', 'room.privacy', 'wakeup.set', 'wakeup.clear'] as const),
    ...(['message.light', 'message.text', 'night-audit', 'resync'] as const),
    ...(['key.encode', 'key.cancel', 'key.read'] as const),
  ],
  emits: [
    ...(['charge.posted', 'minibar.posted', 'call.recorded', 'room.status'] as const),
    ...(['room.privacy', 'wakeup.set', 'wakeup.clear', 'wakeup.result'] as const),
    ...(['message.light', 'message.text', 'checkout.requested', 'locator'] as const),
  ],
  parse,
  targets: ({ encoders }) => encoders.map(({ identifier }) => identifier),
  needs,
  start,
  test: tryLink,
  counterpart: (settings, needs) => createVendor(settings, needs),
};

function needs({ line }: Settings): readonly Need[] {
  switch (line.kind) {
    case 'tcp-client':
      return [{ need: 'connect', host: line.host, port: line.port }];
    case 'tcp-server':
      return [{ need: 'listen', port: line.port, from: line.from }];
    case 'serial':
      return [{ need: 'device', path: line.device }];
  }
}

const no = (why: Exclude<OrderOutcome, { ok: true }>['why'], text: string): OrderOutcome => ({
  ok: false,
  why,
  text,
});
const OFFLINE = no('offline', 'The vendor is not connected');

function start(settings: Settings, host: ServiceHost): RunningInterface {
  let lastStayMs = Number.NEGATIVE_INFINITY;
  let isLossy = false;
  const session = createSession(settings, host, {
    up: () => {
      rooms.up();
      if (isLossy && settings.resyncAfterLoss) rooms.wanted('us');
      isLossy = false;
    },
    data: (record) => hear(record),
    down: (_why, isAbrupt) => {
      desk.down();
      rooms.down();
      const isRecent = host.clock.nowMs() - lastStayMs < LOST_MS_MAX;
      isLossy ||= isAbrupt && isRecent && settings.line.kind !== 'serial';
    },
  });
  const saying = (house: House | undefined): Saying | undefined => {
    const described = session.vendor()?.described;
    if (described === undefined) return undefined;
    const isGuests =
      settings.basis === 'auto' ? isGuestBased(described) : settings.basis === 'guests';
    return { described, isGuestBased: isGuests, settings, house, local: session.local() };
  };
  const desk = createDesk(settings, host, session);
  const rooms = createRooms({ host, session, saying });
  const intake = createIntake(settings, host, session);

  const hear = (record: FiasRecord): void => {
    if (record.id === 'KA' || record.id === 'KZ') return desk.answered(record);
    if (record.id === 'DR') return rooms.wanted('vendor');
    if (!intake.hear(record)) host.trace('note', `${record.id} is nothing a vendor sends`);
  };
  const tell = async (records: readonly FiasRecord[]): Promise<OrderOutcome> => {
    const told = await Promise.all(records.map(async (record) => session.say(record)));
    return outcomeOf(told);
  };
  const keysFollow = async (
    order: OrderOf<'room.moved' | 'guest.changed'>,
    signal: AbortSignal,
  ): Promise<void> => {
    const keys = await desk.change(order, signal);
    if (!keys.ok) host.log.warning(`FIAS: the keys did not follow: ${keys.text ?? keys.why}`);
  };
  const carryOut = async (order: Order, signal: AbortSignal): Promise<OrderOutcome> => {
    if (session.vendor() === undefined) return OFFLINE;
    const house = needsHouse(order) ? await host.house().catch(() => undefined) : undefined;
    const now = saying(house);
    if (now === undefined) return OFFLINE;
    if (signal.aborted) return no('expired', 'Given up before it was sent: nothing was done');
    if (!isStay(order)) {
      const said = equipment(order, now);
      if (said === undefined) return no('unsupported', `FIAS has no ${order.kind}`);
      return said.ok ? tell(said.records) : no('unsupported', said.text);
    }
    rooms.happened(order);
    lastStayMs = host.clock.nowMs();
    const outcome = await tell(stay(order, now));
    const isMove = order.kind === 'room.moved' || order.kind === 'guest.changed';
    if (outcome.ok && isMove && settings.keys.areOnline && wants(now.described, 'KM'))
      void keysFollow(order, signal);
    return outcome;
  };
  let lane: Promise<unknown> = Promise.resolve();
  return {
    handle: async (order, signal) => {
      if (isKey(order)) return desk.order(order, signal);
      if (order.kind === 'resync') return rooms.resync();
      // In the order in which they come: the last word on a room must be the last that is said.
      const done = lane.then(async () => carryOut(order, signal));
      lane = done.catch(() => {});
      return done;
    },
    close: async () => {
      intake.close();
      rooms.close();
      await session.close();
      desk.down();
    },
  };
}

/** Of all records of one order the worst counts; those that the vendor did not ask for need not go. */
function outcomeOf(told: readonly Told[]): OrderOutcome {
  if (told.includes('down') || told.includes('unsure')) return OFFLINE;
  if (told.includes('refused')) return no('refused', 'The vendor does not take the record (NAK)');
  if (told.includes('too-long')) return no('wrong', 'A room or number is longer than FIAS allows');
  return { ok: true, body: { records: told.filter((one) => one === 'sent').length } };
}
