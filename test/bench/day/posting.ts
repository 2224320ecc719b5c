// What the exchange and the minibar post: one after the other, each again until it is answered, as a vendor does.
import { setTimeout as sleep } from 'node:timers/promises';
import { filled } from '../../../agent/interfaces/fias/wire.ts';
import type { Field } from '../../../agent/interfaces/fias/wire.ts';
import type { VendorSystem } from '../../../agent/interfaces/fias/counterpart.ts';
import type { Item } from './compare.ts';

export interface Posted {
  readonly item: Item;
  /** AS of the answer. */
  readonly answer: string;
}

export interface Postings {
  add(item: Item, fields: readonly Field[]): void;
  readonly answered: readonly Posted[];
  /** Sent once more because no answer came. */
  readonly repeats: number;
  readonly waiting: number;
  /** Ends when all are answered. */
  idle(): Promise<void>;
  close(): void;
}

/** The PMS cannot say yet: the vendor tries again after this. */
const RETRY_MS = 300;
const BUSY = 'RY';

export function startPostings(vendor: VendorSystem): Postings {
  const stop = new AbortController();
  const answered: Posted[] = [];
  let repeats = 0;
  let waiting = 0;
  let number = 0;
  let turn: Promise<void> = Promise.resolve();
  const post = async (item: Item, fields: readonly Field[]): Promise<void> => {
    for (let isFirst = true; !stop.signal.aborted; isFirst = false) {
      if (!isFirst) {
        repeats += 1;
        await sleep(RETRY_MS);
      }
      const answer = await vendor.ask('PS', fields, 'PA').catch(() => undefined);
      const said = answer === undefined ? undefined : filled(answer, 'AS');
      if (said === undefined || said === BUSY) continue;
      answered.push({ item, answer: said });
      return;
    }
  };
  return {
    add: (item, fields) => {
      number += 1;
      waiting += 1;
      const numbered: readonly Field[] = [['P#', String(number)], ...fields];
      const before = turn;
      turn = (async () => {
        await before;
        await post(item, numbered);
        waiting -= 1;
      })();
    },
    answered,
    get repeats() {
      return repeats;
    },
    get waiting() {
      return waiting;
    },
    idle: async () => turn,
    close: () => stop.abort(),
  };
}
