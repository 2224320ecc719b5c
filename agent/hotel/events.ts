// What becomes of an event of a system in the hotel: judged by the house as the unit knows it, on the card before the
// verdict. Clock's API takes charges, calls and room status; everything else goes to the cloud as it is.
import { codeOf } from '../core/errors.ts';
import type { Lane } from '../core/messages.ts';
import type { ServiceInfo } from '../core/services.ts';
import type { EventOf, HotelEvent, House, Verdict } from '../core/vocabulary.ts';
import { payerOf } from './house.ts';
import type { Keeper } from './keeper.ts';
import type { Ledger, Taken } from './ledger.ts';
import type { Needs } from './ports.ts';
import { rowId } from './wire.ts';
import type { What } from './wire.ts';

type EventNeeds = Pick<Needs, 'records' | 'makeMessage' | 'log'> & {
  readonly keeper: Keeper;
  readonly ledger: Ledger;
  readonly onTaken: () => void;
};
type Keyed =
  | 'charge.posted'
  | 'minibar.posted'
  | 'call.recorded'
  | 'checkout.requested'
  | 'bytes.read';

/** Never rejects. */
export async function emitted(
  { id: service }: ServiceInfo,
  event: HotelEvent,
  needs: EventNeeds,
): Promise<Verdict> {
  try {
    return await judged(service, event, needs);
  } catch (error) {
    return notStored(service, event, { ...needs, error });
  }
}

/** Without a PMS nobody is there to be charged; what is for the cloud goes there all the same. */
export async function emittedUnpaired(
  { id: service }: ServiceInfo,
  event: HotelEvent,
  needs: Pick<EventNeeds, 'records' | 'makeMessage' | 'log'>,
): Promise<Verdict> {
  switch (event.kind) {
    case 'charge.posted':
    case 'minibar.posted':
    case 'call.recorded':
    case 'room.status':
      return { ok: false, why: 'later', text: 'The unit works for no PMS account.' };
    case 'checkout.requested':
    case 'bytes.read':
    case 'room.privacy':
    case 'wakeup.set':
    case 'wakeup.clear':
    case 'wakeup.result':
    case 'message.light':
    case 'message.text':
    case 'locator':
    case 'device.status':
      try {
        await needs.records.change({ messages: [messageOf(service, event, needs)] });
        return { ok: true, isRepeat: false };
      } catch (error) {
        return notStored(service, event, { ...needs, error });
      }
  }
}

/** Nothing is on the card, or nobody knows: the sender says it again, and it is recognised. */
function notStored(
  service: string,
  event: HotelEvent,
  { log, error }: { readonly log: EventNeeds['log']; readonly error: unknown },
): Verdict {
  log.warning(`hotel: ${service} ${event.kind}: not stored: ${codeOf(error)}`);
  return { ok: false, why: 'later', text: codeOf(error) };
}

async function judged(service: string, event: HotelEvent, needs: EventNeeds): Promise<Verdict> {
  const { keeper } = needs;
  switch (event.kind) {
    case 'charge.posted':
    case 'minibar.posted':
      return charged(service, event, needs);
    case 'call.recorded':
      return taken(service, event, { ...needs, what: [callOf(event)] });
    case 'checkout.requested':
    case 'bytes.read':
      return taken(service, event, { ...needs, what: [] });
    case 'room.status': {
      if (keeper.house().asOfMs === undefined) return unknownHouse;
      const isThere = await keeper.say(event.room, event.housekeeping, service);
      return isThere ? { ok: true, isRepeat: false } : { ok: false, why: 'nobody' };
    }
    case 'room.privacy':
    case 'wakeup.set':
    case 'wakeup.clear':
    case 'wakeup.result':
    case 'message.light':
    case 'message.text':
    case 'locator':
    case 'device.status':
      await needs.records.change({ messages: [messageOf(service, event, needs)] });
      return { ok: true, isRepeat: false };
  }
}

const unknownHouse: Verdict = {
  ...{ ok: false, why: 'later', text: 'The hotel is not known yet: Clock has not answered.' },
};

async function charged(
  service: string,
  event: EventOf<'charge.posted'> | EventOf<'minibar.posted'>,
  needs: EventNeeds,
): Promise<Verdict> {
  // First: whoever was charged may have left since.
  if (needs.ledger.knows(`${rowId(service, event)}-0`)) return { ok: true, isRepeat: true };
  const house = needs.keeper.view();
  if (house.asOfMs === undefined) return unknownHouse;
  const payer = payerOf(house, event);
  if (payer === 'nobody' || payer === 'barred') return { ok: false, why: payer };
  const { booking } = payer.guest;
  return taken(service, event, { ...needs, what: whatOf(event, booking, house) });
}

function whatOf(
  event: EventOf<'charge.posted'> | EventOf<'minibar.posted'>,
  booking: number,
  { currency }: House,
): readonly What[] {
  const { room, at } = event;
  if (event.kind === 'minibar.posted') {
    return event.items.map((item) => ({ is: 'article', booking, room, at, ...item }));
  }
  const { text, group, amount } = event;
  const price = Number(amount).toFixed(currency.decimals);
  return [{ is: 'charge', booking, room, at, text, group, price, quantity: 1 }];
}

function callOf(event: EventOf<'call.recorded'>): What {
  const { extension, at, seconds, dialled, impulses, price } = event;
  return {
    ...{ is: 'call', extension, at },
    ...(seconds !== undefined && { seconds }),
    ...(dialled !== undefined && { dialled }),
    ...(impulses !== undefined && { impulses }),
    ...(price !== undefined && { price }),
  };
}

/** Several things of one event lie on the card together or not at all. */
async function taken(
  service: string,
  event: EventOf<Keyed>,
  needs: EventNeeds & Pick<Taken, 'what'>,
): Promise<Verdict> {
  const { ledger, what } = needs;
  const base = rowId(service, event);
  const ids =
    what.length === 0 ? [`${base}-0`] : [...what.keys()].map((index) => `${base}-${index}`);
  const messages = what.length === 0 ? [messageOf(service, event, needs)] : [];
  const became = await ledger.take({ service, ids, what, messages });
  if (became === 'full') {
    return { ok: false, why: 'later', text: 'Too much waits for Clock already.' };
  }
  needs.onTaken();
  return { ok: true, isRepeat: became === 'repeat' };
}

/** Of what a device says of itself only the present matters. */
const laneOf = (event: HotelEvent): Lane =>
  event.kind === 'device.status' ? 'health' : 'business';

/** Only told: nothing is posted by it. A guest who wants to check out waits for somebody. */
const isTold = ({ kind }: HotelEvent): boolean =>
  kind !== 'checkout.requested' && kind !== 'device.status';

function messageOf(
  service: string,
  event: HotelEvent,
  { makeMessage }: Pick<EventNeeds, 'makeMessage'>,
) {
  const { kind, ...body } = event;
  const lane = laneOf(event);
  const share = isTold(event) && { share: service };
  return makeMessage({ direction: 'event', lane, service, kind, body, ...share });
}
