// A station's outside by hand: readers, orders and a printer that do what a test says.
import { OperatorError } from '../../../image/core/errors.ts';
import type { Content } from '../../../image/card/contents.ts';
import type { CardView } from '../../../image/card/ports.ts';
import type { CardIdentity } from '../../../image/ledger/ports.ts';
import type {
  FinishedUnit,
  OrderView,
  StationCard,
  StationNeeds,
  WriteRequest,
} from '../../../image/station/ports.ts';

export const SERIAL = 'a407a36985b48965a3e00ab85aa1e820';

export const cardAt = (device: string): CardIdentity => ({
  ...{ device, model: 'Generic <b>SD</b>', bytes: 31_914_983_424 },
});

export const labelPdf = (serial: string): Promise<Uint8Array> =>
  Promise.resolve(Buffer.from(`%PDF ${serial}`));

export class NeedsDouble implements StationNeeds {
  release = { version: '0.1.0+1a2b3c4d', development: false };
  hasClaim = true;
  hasPrinter = true;
  readonly order: { name: string; wanted: number; done: number }[] = [
    { name: 'Hotel Бор & Söhne', wanted: 3, done: 1 },
    { name: 'A-17', wanted: 200, done: 0 },
  ];
  readonly slots: StationCard[] = [];
  readonly units: FinishedUnit[] = [];
  readonly written: { device: string; order: string | undefined }[] = [];
  readonly printed: string[] = [];
  /** What the next card or label is refused with. */
  refusal: OperatorError | undefined;
  ledgerFault: OperatorError | undefined;

  orders(): readonly OrderView[] {
    if (this.ledgerFault !== undefined) throw this.ledgerFault;
    return this.order;
  }
  cards(): readonly StationCard[] {
    return this.slots;
  }
  finished(): readonly FinishedUnit[] {
    return this.units;
  }
  write(device: string, { order }: WriteRequest): void {
    if (this.refusal !== undefined) throw this.refusal;
    this.written.push({ device, order });
    this.show(device, { phase: 'writing' });
  }
  printLabel(serial: string): Promise<void> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    this.printed.push(serial);
    return Promise.resolve();
  }

  insert(device: string, holds: Content | 'looking' = 'new'): void {
    this.slots.push({ is: 'found', card: cardAt(device), holds });
  }
  takeOut(device: string): void {
    const index = this.slots.findIndex((one) => deviceOf(one) === device);
    this.slots.splice(index, 1);
  }
  /** The card in this reader goes on like this. */
  show(device: string, view: Partial<CardView>): void {
    const index = this.slots.findIndex((one) => deviceOf(one) === device);
    this.slots[index] = {
      is: 'begun',
      view: { card: cardAt(device), phase: 'preparing', done: 0, bytesPerSecond: 0, ...view },
    };
  }
}

const deviceOf = (one: StationCard): string =>
  one.is === 'begun' ? one.view.card.device : one.card.device;
