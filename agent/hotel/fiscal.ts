// Fiscal requests of Clock: each folio is printed once. Put down before the printer hears of it; what was under way when
// the power went is for a person, for a second receipt would be a second sale.
import type { ServiceInfo } from '../core/services.ts';
import { receiptOf, responseOf } from './fiscal-receipt.ts';
import type { Keeper } from './keeper.ts';
import { FISCAL_KEPT_MAX, FISCAL_ORDER_MS_MAX } from './limits.ts';
import type { Needs, Pms } from './ports.ts';
import { words } from './posting.ts';
import { ordered } from './queues.ts';
import { Later, createRounds, told } from './rounds.ts';
import { idOf, keys, parseFiscal, render } from './wire.ts';
import type { FiscalRecord } from './wire.ts';

export interface Fiscal {
  /** Clock wants a receipt of it. Rejects when that could not be put down. */
  asked(folio: number): Promise<void>;
  /** What was put down may go on. */
  look(): void;
  /** False: nothing of this folio waits for a person. */
  resolve(folio: number, as: 'posted' | 'retry' | 'abandon'): Promise<boolean>;
  open(): readonly {
    readonly key: string;
    readonly state: 'unknown' | 'failed';
    readonly text: string;
  }[];
  close(): void;
}

type FiscalNeeds = Omit<Needs, 'wait'> & {
  readonly keeper: Keeper;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<boolean>;
};

export function createFiscal(needs: FiscalNeeds): Fiscal {
  const { records, services, log } = needs;
  const stop = new AbortController();
  const { signal } = stop;
  let isPruned = false;

  const find = (folio: number): FiscalRecord | undefined =>
    parseFiscal(records.get(keys.fiscal(folio)));
  const put = async (folio: number, record: FiscalState): Promise<void> => {
    const isForPerson = record.state === 'unknown' || record.state === 'failed';
    const { state } = record;
    const messages = isForPerson
      ? [
          needs.makeMessage({
            ...{
              direction: 'event',
              lane: 'business',
              service: serviceOf(services.list())?.id ?? 'hotel',
            },
            kind: `fiscal.${state}`,
            body: { key: `fiscal/${folio}`, folio, why: record.text },
          }),
        ]
      : [];
    if (isForPerson) log.warning(`hotel: folio ${folio}: ${state}: ${record.text}`);
    const atMs = needs.trustedWallMs() ?? 0;
    const value = render({ ...record, atMs });
    await records.change({ put: [{ key: keys.fiscal(folio), value }], messages });
    if (isForPerson) needs.onChange?.();
  };

  /** False: nobody prints at the moment. */
  const step = async (pms: Pms, folio: number, record: FiscalRecord): Promise<boolean> => {
    switch (record.state) {
      case 'asked':
        return print(pms, folio, record);
      case 'printing': {
        const text = 'The unit was restarted while it was printed: look at the printer.';
        await put(folio, { state: 'unknown', text });
        return true;
      }
      case 'printed':
        return answer(pms, folio, record.response);
      case 'unknown':
      case 'failed':
      case 'answered':
      case 'abandoned':
        return true;
    }
  };

  const print = async (
    pms: Pms,
    folio: number,
    asked: Extract<FiscalRecord, { state: 'asked' }>,
  ): Promise<boolean> => {
    const { isLookedAt } = asked;
    const service = serviceOf(services.list());
    if (service?.talk.at === 'down' || service?.talk.at === 'joining') return false;
    if (service === undefined) {
      await put(folio, { state: 'failed', text: 'No fiscal printer is set up on the unit.' });
      return true;
    }
    const request = told(await pms.calls.fiscal.read(folio));
    if ((request?.fiscal_response_code ?? '') !== '') {
      await put(folio, { state: 'answered' });
      return true;
    }
    const made = receiptOf(folio, {
      charges: told(await pms.calls.fiscal.charges(folio)),
      credits: told(await pms.calls.fiscal.credits(folio)),
      currency: needs.keeper.house().currency,
      saleNumber: null,
    });
    if (!made.ok) {
      await put(folio, { state: 'failed', text: made.text });
      return true;
    }
    await put(folio, { state: 'printing', service: service.id });
    const outcome = await ordered(services, service.id, {
      order: {
        kind: 'fiscal.receipt',
        ...made.receipt,
        ...(isLookedAt === true && { isLookedAt }),
      },
      ...{ signal, msMax: FISCAL_ORDER_MS_MAX },
    });
    // The next process finds it under way, and asks a person.
    if (signal.aborted) return false;
    if (outcome.ok) {
      const response = responseOf(outcome.body);
      await put(folio, { state: 'printed', response });
      return answer(pms, folio, response);
    }
    const { why, text = why } = outcome;
    if (why === 'offline' || why === 'busy') {
      await put(folio, { state: 'asked', ...(isLookedAt === true && { isLookedAt }) });
      return false;
    }
    await put(folio, { state: why === 'unknown' ? 'unknown' : 'failed', text });
    return true;
  };

  const answer = async (pms: Pms, folio: number, response: string): Promise<boolean> => {
    const reply = await pms.calls.fiscal.answered(folio, { response });
    if (reply.ok) {
      await put(folio, { state: 'answered' });
      return true;
    }
    if (reply.why !== 'rejected') throw new Later(reply);
    // It is printed; only Clock does not take its number. Never printed again for that.
    const text = `Printed as ${response}, but Clock does not take it: ${words(reply)}`;
    await put(folio, { state: 'failed', text, response });
    return true;
  };

  const waiting = () =>
    records.list(keys.fiscals).flatMap(({ key, value }) => {
      const record = parseFiscal(value);
      const isOpen = record !== undefined && OPEN.has(record.state);
      return isOpen ? [{ folio: idOf(key), record }] : [];
    });
  const prune = async (): Promise<void> => {
    const done = records.list(keys.fiscals).flatMap(({ key, value }) => {
      const record = parseFiscal(value);
      return record?.state === 'answered' || record?.state === 'abandoned' ? [{ key, record }] : [];
    });
    const old = done.toSorted((a, b) => b.record.atMs - a.record.atMs).slice(FISCAL_KEPT_MAX);
    if (old.length > 0) await records.change({ remove: old.map(({ key }) => key) });
  };

  /** One after the other: a fiscal printer prints one. False: what is left must wait. */
  const pass = async (pms: Pms): Promise<boolean> => {
    if (!isPruned) await prune();
    isPruned = true;
    for (const { folio, record } of waiting()) {
      if (!(await step(pms, folio, record))) return false;
    }
    return true;
  };
  const look = createRounds(needs, { name: 'fiscal', round: pass, signal });

  const unhear = services.onChange(look);
  look();
  return {
    look,
    asked: async (folio) => {
      // An event comes twice, and answers fire others: what is known is not begun again.
      if (find(folio) === undefined) await put(folio, { state: 'asked' });
      look();
    },
    resolve: async (folio, as) => {
      const record = find(folio);
      if (record?.state !== 'unknown' && record?.state !== 'failed') return false;
      const { response } = record;
      if (as !== 'retry') await put(folio, { state: as === 'posted' ? 'answered' : 'abandoned' });
      else if (response === undefined) {
        // The printer's service asks for this before it prints what it is not sure of.
        const isLookedAt = record.state === 'unknown';
        await put(folio, { state: 'asked', ...(isLookedAt && { isLookedAt }) });
      }
      // It is on paper: only Clock is told again.
      else await put(folio, { state: 'printed', response });
      look();
      return true;
    },
    open: () =>
      records.list(keys.fiscals).flatMap(({ key, value }) => {
        const record = parseFiscal(value);
        if (record?.state !== 'unknown' && record?.state !== 'failed') return [];
        return [{ key: `fiscal/${idOf(key)}`, state: record.state, text: record.text }];
      }),
    close: () => {
      unhear();
      stop.abort();
    },
  };
}

type FiscalState =
  | { readonly state: 'asked'; readonly isLookedAt?: true }
  | { readonly state: 'printing'; readonly service: string }
  | { readonly state: 'printed'; readonly response: string }
  | { readonly state: 'unknown' | 'failed'; readonly text: string; readonly response?: string }
  | { readonly state: 'answered' | 'abandoned' };

const OPEN: ReadonlySet<FiscalRecord['state']> = new Set(['asked', 'printing', 'printed']);

/** One unit has one fiscal printer (product's own limit). */
const serviceOf = (services: readonly ServiceInfo[]): ServiceInfo | undefined =>
  services.find(({ takes }) => takes.includes('fiscal.receipt'));
