// What a service of a fiscal printer does with orders: receipts and reports, one after the other, and not too many.
import type { RunningInterface } from '../interface.ts';
import type { OrderOf, OrderOutcome } from '../vocabulary.ts';
import { WAITING_MAX } from './limits.ts';
import type { Turns } from './turns.ts';

const EXPIRED: OrderOutcome = { ok: false, why: 'expired', text: 'too late, nothing was printed' };

export interface Printing<Plan> {
  readonly turns: Turns;
  /** How this printer is told the receipt; what it cannot print is refused before it waits. */
  readonly plan: (
    order: OrderOf<'fiscal.receipt'>,
  ) => { readonly ok: true; readonly plan: Plan } | (OrderOutcome & { readonly ok: false });
  readonly print: (plan: Plan, signal: AbortSignal) => Promise<OrderOutcome>;
  readonly report: (kind: 'x' | 'z') => Promise<OrderOutcome>;
}

export const fiscalOrders =
  <Plan>({ turns, plan, print, report }: Printing<Plan>): RunningInterface['handle'] =>
  async (order, signal) => {
    if (order.kind !== 'fiscal.receipt' && order.kind !== 'fiscal.report') {
      return { ok: false, why: 'unsupported' };
    }
    if (turns.waiting() >= WAITING_MAX) {
      return { ok: false, why: 'busy', text: 'too many receipts wait' };
    }
    if (order.kind === 'fiscal.report') {
      return turns.inTurn(async () => (signal.aborted ? EXPIRED : report(order.report)));
    }
    const planned = plan(order);
    if (!planned.ok) return planned;
    return turns.inTurn(async () => print(planned.plan, signal));
  };
