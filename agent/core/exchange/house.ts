// Between the hotel and a telephone exchange: every room as the house has it, and what the exchange tells.
// How either is written, each interface knows.
import type { ServiceHost } from '../interface.ts';
import type { HotelEvent, OrderOutcome, Room } from '../vocabulary.ts';
import type { Exchange } from './drive.ts';
import type { Frames } from './frames.ts';

interface Resync {
  /** A room as it is. */
  readonly framesOf: (room: Room) => Frames;
  readonly host: ServiceHost;
  readonly exchange: Exchange;
  readonly signal: AbortSignal;
}

/** Stops at the first room that the exchange does not get. */
export async function resyncRooms(
  rooms: readonly Room[],
  { framesOf, host, exchange, signal }: Resync,
): Promise<OrderOutcome> {
  let [done, refused] = [0, 0];
  for (const one of rooms) {
    const made = framesOf(one);
    // A room without a telephone stops nobody else's.
    const outcome = made.ok ? await exchange.submit(made.frames, signal) : made.outcome;
    if (outcome.ok) done += 1;
    else if (outcome.why === 'wrong' || outcome.why === 'refused') {
      refused += 1;
      host.trace('note', `Room ${one.room}: ${outcome.text ?? outcome.why}`);
    } else {
      return { ...outcome, text: `${outcome.text ?? ''} (${done} of ${rooms.length} rooms done)` };
    }
  }
  return { ok: true, body: { rooms: done, refused } };
}

/** True: the exchange need not say it again. */
export async function told(event: HotelEvent, host: ServiceHost): Promise<boolean> {
  const verdict = await host.emit(event);
  host.count('events');
  // What the hotel never takes is not asked for again either.
  return verdict.ok || verdict.why !== 'later';
}
