// Orders on their way to services' processes: live, never kept. A process that is to be ended is given none any
// more, and ends when those under way have.
import { codeOf } from '../core/errors.ts';
import { ORDER_MS_MAX } from '../core/ipc/limits.ts';
import type { Peer } from '../core/ipc/peer.ts';
import { renderOrdered } from '../core/ipc/wire.ts';
import { parseOutcome } from '../core/orders/wire.ts';
import type { Order, OrderKind, OrderOutcome } from '../core/vocabulary.ts';
import { SETTLE_MS_MAX } from './limits.ts';

export interface Orders {
  give(service: string, peer: Peer, order: Order, signal: AbortSignal): Promise<OrderOutcome>;
  /**
   * From now on `offline`; resolves when none is under way, or nobody can wait any longer, with what opens it
   * again.
   */
  pause(service: string): Promise<() => void>;
}

/** Orders that may not come twice: a break while they are carried out leaves a person to look. */
const ONCE: ReadonlySet<OrderKind> = new Set([
  ...(['key.encode', 'key.cancel', 'key.read', 'receipt.print'] as const),
  ...(['fiscal.receipt', 'fiscal.report', 'bytes.write', 'message.text'] as const),
]);

export function createOrders(settleMsMax = SETTLE_MS_MAX): Orders {
  const underWay = new Map<string, Set<Promise<unknown>>>();
  const paused = new Set<string>();
  return {
    give: async (service, peer, order, signal) => {
      if (paused.has(service)) return { ok: false, why: 'offline' };
      const own = underWay.get(service) ?? new Set();
      underWay.set(service, own);
      const one = ask(peer, order, signal);
      own.add(one);
      return one.finally(() => own.delete(one));
    },
    pause: async (service) => {
      paused.add(service);
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, settleMsMax);
      await Promise.race([Promise.allSettled([...(underWay.get(service) ?? [])]), late.promise]);
      clearTimeout(timer);
      return () => void paused.delete(service);
    },
  };
}

async function ask(peer: Peer, order: Order, signal: AbortSignal): Promise<OrderOutcome> {
  try {
    const how = { msMax: ORDER_MS_MAX, signal };
    const answer = await peer.ask('order', renderOrdered(order, ORDER_MS_MAX), how);
    const outcome = parseOutcome(answer);
    return outcome.ok ? outcome.value : { ok: false, why: 'unknown', text: outcome.text };
  } catch (error) {
    if (codeOf(error) === 'busy') return { ok: false, why: 'busy' };
    // Its process has gone: what may come twice is given again. One that says nothing may have done it.
    const isAgain = !ONCE.has(order.kind) && !['timeout', 'cancelled'].includes(codeOf(error));
    return { ok: false, why: isAgain ? 'offline' : 'unknown', text: codeOf(error) };
  }
}
