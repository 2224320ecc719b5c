// What a person has chosen at the station: the order, and whether cards that are put in are written by themselves.
// Knows no HTTP and no card: those come in as StationNeeds.
import { inspect } from 'node:util';
import { inWords } from '../card/flash.ts';
import { OperatorError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Notice, StationModel } from './html.ts';
import type { OrderView, StationNeeds, WriteRequest } from './ports.ts';

export class Station {
  readonly #needs: StationNeeds;
  #order: string | undefined;
  #automatic = false;
  /** Cards that were in their readers when it was switched on: nobody has put them in for us. */
  #stayed = new Set<string>();
  #notice: Notice | undefined;
  /** As last read: a ledger that is busy for a moment leaves the page as it was. */
  #orders: readonly OrderView[] = [];
  #unread: Notice | undefined;

  constructor(needs: StationNeeds) {
    this.#needs = needs;
  }

  model(): StationModel {
    const { release, hasClaim, hasPrinter } = this.#needs;
    const orders = this.#readOrders();
    const chosen = orders.find(({ name }) => name === this.#order);
    return {
      ...{ release, hasClaim, hasPrinter, orders, chosen },
      ...{ automatic: this.#automatic, notice: this.#unread ?? this.#notice },
      ...{ cards: this.#needs.cards(), waiting: this.#found().length },
      finished: this.#needs.finished(),
    };
  }

  /** By its name; an empty one chooses none. One that is not there changes nothing but the notice. */
  choose(name: string): void {
    const order = name.trim();
    const known = order === '' || this.#readOrders().some((one) => one.name === order);
    this.#notice = known ? undefined : { say: 'unknown-order', order };
    if (known) this.#order = order === '' ? undefined : order;
  }

  /** Cards that are there already are written by their buttons only. */
  setAutomatic(on: boolean): void {
    this.#automatic = on;
    this.#stayed = new Set(on ? this.#present() : []);
  }

  /** `all` that nobody needs to be asked about, or one card's device. */
  write(device: string, how: Omit<WriteRequest, 'order'> = { sure: false }): void {
    if (device !== 'all') return this.#try(device, how);
    for (const one of this.#found()) this.#try(one, { sure: false });
  }

  /** To be called whenever cards may have changed: writes those that were put in since it was switched on. */
  look(): void {
    const present = this.#present();
    for (const device of this.#stayed) {
      if (!present.includes(device)) this.#stayed.delete(device);
    }
    if (!this.#automatic) return;
    for (const device of this.#found()) {
      if (this.#stayed.has(device)) continue;
      // One that is refused is not tried every second; its button is.
      this.#stayed.add(device);
      this.#try(device, { sure: false });
    }
  }

  async print(serial: string): Promise<void> {
    this.#notice = undefined;
    try {
      await this.#needs.printLabel(serial);
    } catch (error) {
      this.#notice = noticeOf(error);
    }
  }

  /** Cards that nobody needs to be asked about, and that were not tried in vain. */
  #found(): string[] {
    return this.#needs.cards().flatMap((one) => {
      const isWaiting = one.is === 'found' && one.holds === 'new' && one.reason === undefined;
      return isWaiting ? [one.card.device] : [];
    });
  }

  /** All that lie in a reader and were not begun. */
  #present(): string[] {
    return this.#needs.cards().flatMap((one) => (one.is === 'begun' ? [] : [one.card.device]));
  }

  #readOrders(): readonly OrderView[] {
    try {
      this.#orders = this.#needs.orders();
      this.#unread = undefined;
    } catch (error) {
      this.#unread = noticeOf(error);
    }
    return this.#orders;
  }

  #try(device: string, how: Omit<WriteRequest, 'order'>): void {
    this.#notice = undefined;
    try {
      this.#needs.write(device, { ...how, order: this.#order });
    } catch (error) {
      this.#notice = noticeOf(error);
    }
  }
}

/** Whatever goes wrong is said where the person looks. */
function noticeOf(error: unknown): Notice {
  if (!(error instanceof OperatorError)) log(`# the station: ${inspect(error)}`);
  return { say: 'error', reason: inWords(error) };
}
