// The hotel's side of the services: Clock's API in, orders out; events in, Clock's API out. A session lasts as long as
// the unit is paired with a PMS account; what it keeps goes with the account.
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandHandler } from '../core/commands.ts';
import { codeOf } from '../core/errors.ts';
import type { Records } from '../core/records.ts';
import type { HotelSide, HotelView } from '../core/services.ts';
import { hotelHandler } from './commands.ts';
import type { Session as CommandSession } from './commands.ts';
import { emitted, emittedUnpaired } from './events.ts';
import { emptyHouse, viewOf } from './house.ts';
import { FISCAL_CHANNEL } from './fiscal-receipt.ts';
import { createFiscal } from './fiscal.ts';
import type { Fiscal } from './fiscal.ts';
import { createHello } from './hello.ts';
import { createKeeper } from './keeper.ts';
import type { Keeper } from './keeper.ts';
import { createKeys } from './keys.ts';
import type { Keys } from './keys.ts';
import { createLedger } from './ledger.ts';
import type { Ledger } from './ledger.ts';
import { OPEN_SHOWN_MAX } from './limits.ts';
import type { Needs } from './ports.ts';
import { createPosting } from './posting.ts';
import { createQueues } from './queues.ts';
import type { Queues } from './queues.ts';
import { createWishes } from './wishes.ts';
import { SPACE } from './wire.ts';

/** Why to look at Clock's data again, as its channels say it (pms/ports.ts). */
type Wake = { readonly by: 'event'; readonly id: number | undefined } | { readonly by: 'start' };

interface Consumer {
  readonly event: string;
  wake(wake: Wake, signal: AbortSignal): Promise<void>;
}

export interface Hotel {
  readonly side: HotelSide;
  /** Who listens to which channel of the PMS account. */
  consumers(): readonly Consumer[];
  /** Begins and ends what belongs to a pairing; called when it may have changed. */
  sync(isPaired: boolean): void;
  /** Stops and names everything on the card that belongs to the account: removed with it. */
  belongings(): readonly string[];
  /** The hotel's business day is another one: the night audit is over. */
  newDay(): void;
  readonly handler: CommandHandler;
  waiting(service: string): number;
  view(): HotelView;
  close(): void;
}

interface Session extends CommandSession {
  readonly keeper: Keeper;
  readonly queues: Queues;
  readonly keys: Keys;
  readonly fiscal: Fiscal;
  readonly problem: () => string | undefined;
  close(): void;
}

const sleepUntil = async (ms: number, signal: AbortSignal): Promise<boolean> =>
  sleep(ms, true, { signal }).catch(() => false);

export function createHotel(needs: Needs): Hotel {
  let session: Session | undefined;

  const sync: Hotel['sync'] = (isPaired) => {
    if (isPaired) {
      if (session === undefined) session = startSession(needs);
      // Another key, or a new start: what waited for Clock may go.
      else session.kick();
      return;
    }
    session?.close();
    session = undefined;
    // What was on its way to the card when the account went.
    const left = leftOf(needs.records);
    if (left.length === 0) return;
    needs.records.change({ remove: left }).catch((error: unknown) => {
      needs.log.error(`hotel: not wiped: ${codeOf(error)}`);
    });
  };

  return {
    sync,
    side: {
      emitted: async (service, event) =>
        session === undefined
          ? emittedUnpaired(service, event, needs)
          : emitted(service, event, { ...needs, ...session, onTaken: session.kick }),
      house: () => session?.keeper.view() ?? viewOf(emptyHouse),
    },
    consumers: () => {
      sync(true);
      return consumersOf(() => session);
    },
    belongings: () => {
      session?.close();
      session = undefined;
      return leftOf(needs.records);
    },
    newDay: () => session?.keeper.dirty('all'),
    handler: hotelHandler(() => session, needs),
    waiting: (service) => session?.queues.waiting(service) ?? 0,
    view: () => shown(session),
    close: () => {
      session?.close();
      session = undefined;
    },
  };
}

const leftOf = (records: Records): readonly string[] => records.list(SPACE).map(({ key }) => key);

/** Records that take nothing more once the session has ended: they would be the next account's. */
function guarded(records: Records, signal: AbortSignal): Records {
  return {
    get: (key) => (signal.aborted ? undefined : records.get(key)),
    list: (prefix) => (signal.aborted ? [] : records.list(prefix)),
    change: async (change) => {
      if (signal.aborted) throw Object.assign(new Error('closed'), { code: 'closed' });
      return records.change(change);
    },
  };
}

function startSession(given: Needs): Session {
  const stop = new AbortController();
  const wait = given.wait ?? sleepUntil;
  const needs = { ...given, wait, records: guarded(given.records, stop.signal) };
  const queues = createQueues({
    ...needs,
    isFilled: () => keeper.house().asOfMs !== undefined,
  });
  const wishes = createWishes({ ...needs, keeper: () => keeper });
  const keeper: Keeper = createKeeper({ ...needs, queues, onWish: () => wishes.kick() });
  const ledger: Ledger = createLedger(needs);
  const posting = createPosting({ ...needs, ledger });
  const keys = createKeys({ ...needs, keeper });
  const fiscal = createFiscal({ ...needs, keeper });
  const kick = (): void => {
    posting.kick();
    wishes.kick();
    hello.look();
  };
  const hello = createHello(needs);
  void queues.greet();
  kick();
  keeper.dirty('all');
  keys.look();
  return {
    ...{ keeper, queues, ledger, kick, keys, fiscal, problem: () => posting.problem() },
    resolveFiscal: async (folio, as) => fiscal.resolve(folio, as),
    lookAgain: () => {
      needs.pms()?.lookAgain();
      keeper.dirty('all');
    },
    close: () => {
      stop.abort();
      for (const one of [hello, keys, fiscal, posting, wishes, keeper, ledger, queues]) one.close();
    },
  };
}

const BOOKINGS = [
  ...['booking_new', 'booking_update', 'booking_expected', 'booking_checked_in'],
  ...['booking_checked_out', 'booking_canceled', 'booking_no_show', 'booking_guests_update'],
];

function consumersOf(session: () => Session | undefined): readonly Consumer[] {
  const consumer = (
    event: string,
    look: (now: Session, id: number | undefined) => void | Promise<void>,
  ): Consumer => ({
    event,
    // A look is begun and goes on by itself; after a start everything is looked at.
    wake: async (wake) => {
      const now = session();
      // Clock is there: what waited for it may go.
      now?.kick();
      if (now !== undefined) await look(now, wake.by === 'event' ? wake.id : undefined);
    },
  });
  return [
    ...BOOKINGS.map((event) =>
      consumer(event, ({ keeper }, id) => keeper.dirty(id === undefined ? 'all' : { booking: id })),
    ),
    consumer('housekeeping_changed', ({ keeper }) => keeper.dirty('rooms')),
    consumer('door_key_new', ({ keys }) => keys.look()),
    consumer('door_key_update', ({ keys }) => keys.look()),
    // No list tells which folios wait: what this channel loses, Clock must say again.
    consumer(FISCAL_CHANNEL, async ({ fiscal }, id) =>
      id === undefined ? fiscal.look() : fiscal.asked(id),
    ),
  ];
}

function shown(session: Session | undefined): HotelView {
  const house = session?.keeper.house() ?? emptyHouse;
  const open = session?.ledger.open() ?? [];
  const receipts = session?.fiscal.open() ?? [];
  return {
    ...{ asOfMs: house.asOfMs, rooms: house.rooms.size, guests: house.bookings.size },
    waiting: session?.ledger.counts().waiting ?? 0,
    problem: session?.problem(),
    open: [
      ...receipts.map((one) => ({ ...one, what: 'receipt' })),
      ...open.flatMap(({ id, row }) =>
        row.state === 'unknown' || row.state === 'rejected'
          ? [{ key: id, state: row.state, what: row.what.is, text: row.text }]
          : [],
      ),
    ].slice(0, OPEN_SHOWN_MAX),
  };
}
