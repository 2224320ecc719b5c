// What a person has chosen at the station: the order, and whether cards that are put in are written by themselves.
// Knows no HTTP and no card: those come in as StationNeeds.
import { OperatorError } from '../core/errors.ts';
import type { Notice, StationModel } from './html.ts';
import type { OrderView, StationNeeds } from './ports.ts';

export class Station {
  readonly #needs: StationNeeds;
  #order: string | undefined;
  #automatic = false;
  /** Cards that were in their readers when it was switched on: nobody has put them in for us. */
  #stayed = new Set<string>();
  #notice: Notice | undefined;

  constructor(needs: StationNeeds) {
    this.#needs = needs;
  }

  model(): StationModel {
    const { release, hasPrinter } = this.#needs;
    const orders = this.#needs.orders();
    return {
      ...{ release, hasPrinter, orders, chosen: this.#chosen(orders) },
      ...{ automatic: this.#automatic, notice: this.#notice },
      ...{ cards: this.#needs.cards(), finished: this.#needs.finished() },
    };
  }

  /** By its name; an empty one chooses none. One that is not there changes nothing but the notice. */
  choose(name: string): void {
    const order = name.trim();
    const known = order === '' || this.#needs.orders().some((one) => one.name === order);
    this.#notice = known ? undefined : { say: 'unknown-order', order };
    if (known) this.#order = order === '' ? undefined : order;
  }

  /** Cards that are there already are written by their buttons only. */
  setAutomatic(on: boolean): void {
    this.#automatic = on;
    this.#stayed = new Set(on ? this.#found() : []);
  }

  /** `all`, or one card's device. */
  write(device: string): void {
    for (const one of device === 'all' ? this.#found() : [device]) this.#try(one);
  }

  /** To be called whenever cards may have changed: writes those that were put in since it was switched on. */
  look(): void {
    const found = this.#found();
    for (const device of this.#stayed) {
      if (!found.includes(device)) this.#stayed.delete(device);
    }
    if (!this.#automatic) return;
    for (const device of found) {
      if (this.#stayed.has(device)) continue;
      // One that is refused is not tried every second; its button is.
      this.#stayed.add(device);
      this.#try(device);
    }
  }

  async print(serial: string): Promise<void> {
    this.#notice = undefined;
    try {
      await this.#needs.printLabel(serial);
    } catch (error) {
      this.#say(error);
    }
  }

  /** Cards that nobody needs to be asked about. */
  #found(): string[] {
    return this.#needs
      .cards()
      .flatMap((one) => (one.is === 'found' && !one.isOurs ? [one.card.device] : []));
  }

  #chosen(orders: readonly OrderView[]): OrderView | undefined {
    return orders.find(({ name }) => name === this.#order);
  }

  #try(device: string): void {
    this.#notice = undefined;
    try {
      this.#needs.write(device, this.#order);
    } catch (error) {
      this.#say(error);
    }
  }

  #say(error: unknown): void {
    if (!(error instanceof OperatorError)) throw error;
    const { code, message: text, hint = '' } = error;
    this.#notice = { say: 'error', reason: { code, text, hint } };
  }
}
