// Performs key orders: one at a time on each encoder, each awaited until its answer, its time or the end of the
// connection. What cannot be known is said to be unknown; nothing is sent twice.
import { setTimeout as after } from 'node:timers';
import type { ServiceHost } from '../../core/interface.ts';
import type { OrderOf, OrderOutcome } from '../../core/vocabulary.ts';
import type { Settings } from './config.ts';
import { awaitedOf, keyChange, keyOutcome, keyRequest, matching } from './keys.ts';
import type { Awaited, KeyOrder } from './keys.ts';
import { KEYS_PENDING_MAX } from './limits.ts';
import type { Session, Told } from './session.ts';
import type { FiasRecord } from './wire.ts';

export interface Desk {
  order(order: KeyOrder, signal: AbortSignal): Promise<OrderOutcome>;
  /** KM, where the lock system is on-line; undefined: nothing to tell it. */
  change(
    order: OrderOf<'room.moved' | 'guest.changed'>,
    signal: AbortSignal,
  ): Promise<OrderOutcome>;
  /** KA or KZ. */
  answered(record: FiasRecord): void;
  down(): void;
}

type Pending = Awaited & { readonly settle: (outcome: OrderOutcome) => void };

const no = (why: Exclude<OrderOutcome, { ok: true }>['why'], text: string): OrderOutcome => ({
  ok: false,
  why,
  text,
});
const LOST = 'The connection broke off: a card may have been made. Look at the encoder.';

export function createDesk(settings: Settings, host: ServiceHost, session: Session): Desk {
  const pending: Pending[] = [];
  /** By encoder: until it is free. */
  const turns = new Map<string, Promise<unknown>>();
  let orders = 0;

  const ask = async (request: FiasRecord, signal: AbortSignal): Promise<OrderOutcome> => {
    const { promise, resolve } = Promise.withResolvers<OrderOutcome>();
    const one: Pending = { ...awaitedOf(request), settle: resolve };
    const { seconds } = settings.keys;
    const timer = after(
      () => resolve(no('unknown', `No answer in ${seconds} s: a card may have been made`)),
      seconds * 1_000,
    );
    const give = (): void =>
      resolve(no('unknown', 'Given up while it was under way: a card may have been made'));
    signal.addEventListener('abort', give);
    pending.push(one);
    const failed = outcomeOf(await session.say(request), request);
    if (failed !== undefined) resolve(failed);
    const outcome = await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', give);
    pending.splice(pending.indexOf(one), 1);
    host.count(outcome.ok ? 'keys' : 'keys-failed');
    return outcome;
  };
  const inTurn = async (request: FiasRecord, signal: AbortSignal): Promise<OrderOutcome> => {
    if (session.vendor() === undefined) return no('offline', 'The lock system is not connected');
    if (orders >= KEYS_PENDING_MAX) return no('busy', 'Too many keys at once');
    const encoder = awaitedOf(request).encoder;
    const before = turns.get(encoder);
    orders += 1;
    const mine = (async () => {
      await before;
      return signal.aborted
        ? no('expired', 'Given up while it waited for the encoder: nothing was done')
        : ask(request, signal);
    })();
    turns.set(encoder, mine);
    const outcome = await mine;
    orders -= 1;
    if (turns.get(encoder) === mine) turns.delete(encoder);
    return outcome;
  };
  return {
    order: async (order, signal) => inTurn(keyRequest(order, settings), signal),
    change: async (order, signal) => {
      const request = keyChange(order, settings);
      return request === undefined
        ? no('wrong', 'Keys follow their guests on the first encoder, and none is named')
        : inTurn(request, signal);
    },
    answered: (record) => {
      const one = matching(record, pending);
      if (one === undefined)
        return host.trace('note', `${record.id} answers nothing that is awaited`);
      one.settle(keyOutcome(record));
    },
    down: () => {
      for (const one of pending) one.settle(no('unknown', LOST));
    },
  };
}

function outcomeOf(told: Told, request: FiasRecord): OrderOutcome | undefined {
  switch (told) {
    case 'sent':
      return undefined;
    case 'down':
      return no('offline', 'The lock system is not connected');
    case 'refused':
      return no('refused', 'The lock system does not take the record (NAK): nothing was done');
    case 'unsure':
      return no('unknown', LOST);
    case 'unlisted':
      return no('unsupported', `The lock system did not ask for ${request.id}`);
    case 'too-long':
      return no('wrong', 'A room, suite, encoder or desk is longer than FIAS allows');
  }
}
