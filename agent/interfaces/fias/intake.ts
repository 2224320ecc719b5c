// Performs what the vendor sends: postings one after the other, each answered only when it is on the card; reports
// without an answer, again until they are taken; questions at once.
import { codeOf } from '../../core/errors.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { HotelEvent, House, Verdict } from '../../core/vocabulary.ts';
import type { Settings } from './config.ts';
import {
  checkOutAnswer,
  checkOutOf,
  found,
  isInquiry,
  noBill,
  noMessages,
  whereabouts,
} from './inquiries.ts';
import {
  LOCATORS_MAX,
  POSTINGS_WAITING_MAX,
  REPORTS_WAITING_MAX,
  REPORT_RETRY_MS,
  REPORT_TRIES_MAX,
} from './limits.ts';
import { codeOfVerdict, posting, postingAnswer } from './postings.ts';
import { reported } from './reports.ts';
import type { Session } from './session.ts';
import { filled } from './wire.ts';
import type { FiasRecord } from './wire.ts';

export interface Intake {
  /** False: not a record that a vendor sends. */
  hear(record: FiasRecord): boolean;
  close(): void;
}

interface Asked {
  readonly record: FiasRecord;
  readonly connection: number;
}

export function createIntake(settings: Settings, host: ServiceHost, session: Session): Intake {
  const answers = createAnswers(settings, host, session);
  const reports = createReports(host);
  const places = new Map<string, string>();

  const remember = (record: FiasRecord): void => {
    const booking = filled(record, 'G#');
    if (booking === undefined) return;
    places.delete(booking);
    const place = filled(record, 'CT') ?? filled(record, 'LT');
    if (record.id === 'LO' && place !== undefined) places.set(booking, place);
    if (places.size > LOCATORS_MAX) places.delete(places.keys().next().value!);
  };
  const reply = (record: FiasRecord): true => {
    void session.say(record);
    return true;
  };
  return {
    hear: (record) => {
      switch (record.id) {
        case 'PS':
        case 'PR':
        case 'XC':
          answers.take({ record, connection: session.connection() });
          return true;
        case 'XR':
          return reply(noBill(record, session.local()));
        case 'XM':
          return reply(noMessages(record, session.local()));
        case 'LP': {
          const place = places.get(filled(record, 'G#') ?? '');
          return reply(whereabouts(record, place, session.local()));
        }
        case 'XD':
        case 'VA':
          host.trace('note', `${record.id}: nothing here waits for it`);
          return true;
      }
      const report = reported(record, settings);
      if (report === undefined) return false;
      if (record.id === 'LO' || record.id === 'LF') remember(record);
      for (const text of report.notes) host.trace('note', text);
      for (const event of report.events) reports.take(event);
      return true;
    },
    close: () => reports.close(),
  };
}

/** One after the other: the next is looked at when the one before has its answer. */
function createAnswers(settings: Settings, host: ServiceHost, session: Session) {
  const queue: Asked[] = [];
  let isBusy = false;
  let decimals: number | undefined;

  const answer = (asked: Asked, reply: FiasRecord): void => {
    // Of another connection's records nobody knows the number any more; the repeat will be recognised.
    if (asked.connection !== session.connection()) return;
    void session.say(reply);
  };
  const emit = async (event: HotelEvent): Promise<Verdict> =>
    host.emit(event).catch((error: unknown) => {
      // It may have been stored: a repeat has the same key.
      host.trace('note', `${event.kind} was not taken: ${codeOf(error)}`);
      return { ok: false, why: 'later' } as const;
    });
  const house = async (): Promise<House | undefined> => host.house().catch(() => undefined);
  const places = async (): Promise<number | undefined> => {
    if (decimals !== undefined) return decimals;
    const known = await house();
    // Before the PMS has said what the currency is, an amount could be a hundred times too much.
    if (known?.asOfMs !== undefined) decimals = known.currency.decimals;
    return decimals;
  };
  const post = async (asked: Asked): Promise<void> => {
    const { record } = asked;
    const known = await places();
    if (known === undefined) return answer(asked, postingAnswer(record, 'RY'));
    const read = posting(record, {
      family: session.vendor()?.family ?? '',
      ...{ decimals: known, settings, local: session.local() },
    });
    if (!read.ok) {
      host.log.warning(`FIAS: ${record.id} ${filled(record, 'P#') ?? ''} not posted: ${read.why}`);
      host.count('postings-refused');
      return answer(asked, postingAnswer(record, read.code));
    }
    const verdict = await emit(read.event);
    host.count(verdict.ok ? (verdict.isRepeat ? 'repeats' : 'postings') : 'postings-refused');
    answer(
      asked,
      postingAnswer(record, codeOfVerdict(verdict), verdict.ok ? undefined : verdict.text),
    );
  };
  const checkOut = async (asked: Asked): Promise<void> => {
    const { record } = asked;
    const known = await places();
    const event = known === undefined ? undefined : checkOutOf(record, known);
    const verdict = event === undefined ? undefined : await emit(event);
    const code =
      known === undefined ? 'RY' : verdict === undefined ? 'UR' : CHECK_OUT[whyOf(verdict)];
    const text = verdict?.ok === false ? verdict.text : undefined;
    answer(asked, checkOutAnswer(record, { code, text, local: session.local() }));
  };
  const one = async (asked: Asked): Promise<void> => {
    if (asked.record.id === 'XC') return checkOut(asked);
    if (isInquiry(asked.record)) return answer(asked, found(asked.record, await house()));
    return post(asked);
  };
  const work = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    for (let asked = queue.shift(); asked !== undefined; asked = queue.shift()) await one(asked);
    isBusy = false;
  };
  return {
    take: (asked: Asked): void => {
      if (queue.length >= POSTINGS_WAITING_MAX) {
        host.trace('note', 'Too many postings at once: to be sent again');
        if (asked.record.id !== 'XC') answer(asked, postingAnswer(asked.record, 'RY'));
        return;
      }
      queue.push(asked);
      void work();
    },
  };
}

const whyOf = (verdict: Verdict) => (verdict.ok ? 'ok' : verdict.why);
/** AS of XC: a hotel that does not take it has its check-out process off. */
const CHECK_OUT = { ok: 'OK', nobody: 'NG', barred: 'DN', later: 'RY', wrong: 'NF' } as const;

/** In their order, each again until it is taken: the vendor does not hear of it and would never repeat it. */
function createReports(host: ServiceHost) {
  const queue: HotelEvent[] = [];
  let isBusy = false;
  let isClosed = false;
  let tries = 0;
  let timer: NodeJS.Timeout | undefined;

  const emitted = async (event: HotelEvent): Promise<boolean> => {
    try {
      const verdict = await host.emit(event);
      if (!verdict.ok && verdict.why === 'later') return tries >= REPORT_TRIES_MAX;
      if (!verdict.ok) host.trace('note', `${event.kind} was not taken: ${verdict.why}`);
      return true;
    } catch (error) {
      // It comes back, and then this is still of interest. What it cannot read at all it never will.
      if (codeOf(error) === 'agent-away') return false;
      host.log.error(`FIAS: ${event.kind} was lost: ${codeOf(error)}`);
      return true;
    }
  };
  const work = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    for (let event = queue[0]; event !== undefined; event = queue[0]) {
      if (isClosed) break;
      tries += 1;
      if (!(await emitted(event))) {
        timer = setTimeout(() => void work(), REPORT_RETRY_MS);
        break;
      }
      queue.shift();
      tries = 0;
    }
    isBusy = false;
  };
  return {
    take: (event: HotelEvent): void => {
      if (queue.length >= REPORTS_WAITING_MAX) {
        // The first one may be under way: the second goes.
        const [gone] = queue.splice(1, 1);
        host.log.error(
          `FIAS: a report was lost (${gone?.kind}): ${queue.length} wait for the agent`,
        );
        host.count('reports-lost');
      }
      queue.push(event);
      void work();
    },
    close: (): void => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
