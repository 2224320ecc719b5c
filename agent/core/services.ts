// Services as the rest of the agent sees them, and what the services want of the rest. Types only; the services
// are services/, the hotel's side of them is hotel/.
import type { Talk } from './interface.ts';
import type {
  EventKind,
  HotelEvent,
  House,
  Order,
  OrderKind,
  OrderOutcome,
  Verdict,
} from './vocabulary.ts';

export interface ServiceInfo {
  /** "pbx-reception". */
  readonly id: string;
  /** "fias". */
  readonly interface: string;
  readonly takes: readonly OrderKind[];
  readonly emits: readonly EventKind[];
  /** Of lock systems and printers: what an order may be addressed to; empty: anything. */
  readonly targets: readonly string[];
  readonly talk: Talk;
}

export interface Services {
  list(): readonly ServiceInfo[];
  /** Live, never kept: `offline` when the process or the third party is not there. */
  order(service: string, order: Order, signal: AbortSignal): Promise<OrderOutcome>;
  /** Called whenever a service's talk changes, and when services come and go. Returns how to stop. */
  onChange(look: (service: string) => void): () => void;
}

/** What the hotel's side does for the services. */
export interface HotelSide {
  /** Resolves when what follows from it is on the card. */
  emitted(service: ServiceInfo, event: HotelEvent): Promise<Verdict>;
  house(): House;
}
