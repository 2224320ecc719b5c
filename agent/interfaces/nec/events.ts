// What the messages of a NEAX are to the hotel. Pure.
import type { HotelEvent, Housekeeping, LocalTime } from '../../core/vocabulary.ts';
import type { Restriction, Ways } from './orders.ts';
import { codeOf, violated } from './wire.ts';
import type { Message } from './wire.ts';

type Heard =
  | { readonly is: 'event'; readonly event: HotelEvent; readonly restriction?: Restriction }
  /** A message of ours that the exchange gives back. */
  | { readonly is: 'returned'; readonly code: string }
  /** For the trace. */
  | { readonly is: 'nothing'; readonly why: string };

const nothing = (why: string): Heard => ({ is: 'nothing', why });
const event = (event: HotelEvent): Heard => ({ is: 'event', event });

/** `now`: the hotel's wall clock, for the exchange says hours and no days. */
export function heardOf(message: Message, { settings, rooms }: Ways, now: LocalTime): Heard {
  const { extension, data, feature } = message;
  const returned = violated(feature);
  if (returned !== undefined) return { is: 'returned', code: `${returned}-${message.function}` };
  const room = rooms.roomOf(extension);
  if (room === undefined || extension === '') return nothing('a telephone in no room');
  const code = codeOf(message);
  switch (code) {
    case '13-3':
    case '13-4':
      return event({ kind: 'message.light', room, isOn: code === '13-3' });
    // Model 90: by a telephone at the front desk.
    case '53-2':
    case '53-3':
      return event({ kind: 'message.light', room, isOn: code === '53-2' });
    case '15-2':
      return restriction(room, data);
    case '19-1':
    case '19-2':
    case '19-3':
      return wakeup(room, message, now);
    case '11-1':
    case '11-2':
    case '11-3':
    case '12-1':
    case '12-2':
    case '12-3':
      return cleaning(room, message, settings.cleaned);
    case '11-4':
    case '12-4':
      return nothing('out of order, which the hotel sets in the PMS');
    case '16-5':
    case '16-6':
    case '16-C':
    case '16-D':
      return nothing('a report at check-out: it holds no call and no charge');
    default:
      return nothing('not used');
  }
}

function restriction(room: string, data: string): Heard {
  const code = data.charAt(0);
  if (!/^[0156]$/.test(code)) return nothing('a restriction that is not known');
  const isUndisturbed = code === '5' || code === '6';
  const wish = isUndisturbed ? 'undisturbed' : 'none';
  const now: Restriction = { isUndisturbed, isCutOff: code === '1' || code === '6' };
  return { is: 'event', event: { kind: 'room.privacy', room, wish }, restriction: now };
}

const RESULTS = { 1: 'answered', 2: 'busy', 3: 'no-answer', 4: 'failed', 5: 'failed' } as const;

function wakeup(room: string, { function: code, data }: Message, now: LocalTime): Heard {
  const at = /^\d{4}/.test(data) ? data.slice(0, 4) : undefined;
  if (code === '2') {
    return event({ kind: 'wakeup.clear', room, at: at === undefined ? at : when(at, now, 'next') });
  }
  const time = at === undefined ? undefined : when(at, now, code === '1' ? 'next' : 'last');
  if (time === undefined) return nothing('no time');
  if (code === '1') return event({ kind: 'wakeup.set', room, at: time });
  const result = RESULTS[data.charAt(4) as unknown as keyof typeof RESULTS];
  if (result === undefined) return nothing('a result that is not known');
  return event({ kind: 'wakeup.result', room, at: time, result });
}

const DAY_MS = 86_400_000;
/** Clocks differ by a few minutes: the next 07:00 at 07:02 is tomorrow, the last one at 06:58 is today's. */
const SKEW_MS = 5 * 60_000;

/** The next or the last time a clock shows "HHMM"; undefined: none does. */
export function when(hhmm: string, now: LocalTime, which: 'next' | 'last'): LocalTime | undefined {
  const [hour, minute] = [hhmm.slice(0, 2), hhmm.slice(2)];
  if (Number(hour) > 23 || Number(minute) > 59) return undefined;
  const nowMs = Date.parse(`${now}Z`);
  let ms = Date.parse(`${now.slice(0, 10)}T${hour}:${minute}:00Z`);
  if (which === 'next' && ms <= nowMs) ms += DAY_MS;
  if (which === 'last' && ms > nowMs + SKEW_MS) ms -= DAY_MS;
  if (which === 'last' && ms <= nowMs + SKEW_MS - DAY_MS) ms += DAY_MS;
  return new Date(ms).toISOString().slice(0, 19);
}

function cleaning(room: string, { function: code, data }: Message, cleaned: Housekeeping): Heard {
  const housekeeping = code === '1' ? 'progress' : code === '2' ? cleaned : 'clean';
  const maid = data.slice(0, 6).trim() || undefined;
  return event({ kind: 'room.status', room, housekeeping, maid });
}
