// A ledger in memory that allows only what the real one does: each flash in its order, a serial once.
import { randomBytes, randomUUID } from 'node:crypto';
import { OperatorError } from '../../../image/core/errors.ts';
import type { Flash, FlashEnd, FlashLedger, UnitEntry } from '../../../image/ledger/ports.ts';

export interface Row {
  readonly serial: string;
  readonly device: string;
  readonly escrow: string;
  readonly registration: string;
  state: 'begun' | 'verified' | 'ended';
  /** Its card was bad before it was verified: the serial is given again. */
  isWaiting: boolean;
  end?: FlashEnd;
}

const newSerial = (): string => randomBytes(16).toString('hex');

export interface LedgerDouble extends FlashLedger {
  readonly rows: readonly Row[];
}

/** `full` says when it cannot be written. */
export function ledgerDouble(
  full: (step: 'begin' | 'verified' | 'end', rows: readonly Row[]) => boolean = () => false,
): LedgerDouble {
  const rows: Row[] = [];
  const byId = new Map<string, Row>();
  const need = (step: 'begin' | 'verified' | 'end'): void => {
    if (!full(step, rows)) return;
    throw new OperatorError('ledger-full', 'The ledger cannot be written: no space left', {
      hint: 'Free space on its disk',
    });
  };
  const mine = (flash: Flash, states: readonly Row['state'][]): Row => {
    const row = byId.get(flash.id);
    if (row !== undefined && states.includes(row.state)) return row;
    throw new OperatorError('flash-over', `it is ${row?.state ?? 'unknown'}`);
  };
  /** The oldest one whose cards were all bad before they were verified. */
  const waiting = (): string | undefined =>
    rows.find(({ serial }) => rows.every((row) => row.serial !== serial || row.isWaiting))?.serial;
  return {
    rows,
    recipient: 'age1support',
    begin({ order, serial: named, card, escrow = '', registration }) {
      need('begin');
      const serial = named ?? (order === undefined ? waiting() : undefined) ?? newSerial();
      const row: Row = {
        serial,
        device: card.device,
        escrow,
        registration,
        state: 'begun',
        isWaiting: false,
      };
      rows.push(row);
      const id = randomUUID();
      byId.set(id, row);
      const unit: UnitEntry = {
        ...{ serial, accounts: [], services: [], state: 'writing', cards: 1, labelled: false },
      };
      return { id, unit, generation: 1, record: { v: 1, accounts: [] } };
    },
    verified(flash) {
      need('verified');
      mine(flash, ['begun']).state = 'verified';
    },
    end(flash, how) {
      need('end');
      const row = mine(flash, how.result === 'done' ? ['verified'] : ['begun', 'verified']);
      row.isWaiting = row.state === 'begun';
      row.state = 'ended';
      row.end = how;
    },
  };
}
