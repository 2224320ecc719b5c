// What a vendor reports without waiting for an answer: room status, wake-ups, lights, messages, whereabouts. Pure.
import type { HotelEvent, Housekeeping } from '../../core/vocabulary.ts';
import type { Settings } from './config.ts';
import { localTimeOf, wholeOf } from './times.ts';
import { filled, valueOf, roomOf } from './wire.ts';
import type { FiasRecord } from './wire.ts';

export interface Reported {
  readonly events: readonly HotelEvent[];
  /** What of it nobody can use. */
  readonly notes: readonly string[];
}
const nothing = (why: string): Reported => ({ events: [], notes: [why] });
const report = (...events: readonly HotelEvent[]): Reported => ({ events, notes: [] });

/** Undefined: not a record that reports. */
export function reported(
  record: FiasRecord,
  settings: Pick<Settings, 'cleanIs'>,
): Reported | undefined {
  switch (record.id) {
    case 'RE':
      return equipment(record, settings);
    case 'WR':
    case 'WC':
    case 'WA':
      return wakeup(record);
    case 'XL':
      return message(record);
    case 'LO':
    case 'LF':
      return locator(record);
    default:
      return undefined;
  }
}

/** 1 to 6: dirty, clean, inspected, each vacant and occupied. */
const HOUSEKEEPING: Readonly<Record<number, Housekeeping>> = {
  ...{ 1: 'dirty', 2: 'dirty', 3: 'clean', 4: 'clean', 5: 'clean', 6: 'clean' },
};
const WISHES: Readonly<Record<number, 'undisturbed' | 'make-up' | 'none'>> = {
  ...{ 8: 'undisturbed', 9: 'make-up', 10: 'none' },
};

function equipment(record: FiasRecord, settings: Pick<Settings, 'cleanIs'>): Reported {
  const room = roomOf(record);
  if (room === undefined) return nothing('RE without a room');
  const events: HotelEvent[] = [];
  const notes: string[] = [];
  const status = filled(record, 'RS');
  if (status !== undefined) {
    const number = wholeOf(status) ?? 0;
    const housekeeping = number === 3 || number === 4 ? settings.cleanIs : HOUSEKEEPING[number];
    const wish = WISHES[number];
    const maid = filled(record, 'ID');
    if (housekeeping !== undefined)
      events.push({
        ...{ kind: 'room.status', room, housekeeping },
        ...(maid === undefined ? {} : { maid }),
      });
    else if (wish !== undefined) events.push({ kind: 'room.privacy', room, wish });
    else notes.push(`RS ${status} of room ${room} is the site's own: not known`);
  }
  const isOn = lightOf(filled(record, 'VM'));
  if (isOn !== undefined) events.push({ kind: 'message.light', room, isOn });
  if (valueOf(record, 'PP') !== undefined) notes.push('RE with PP: nothing is printed here');
  if (events.length === 0 && notes.length === 0) notes.push(`RE of room ${room} says nothing`);
  return { events, notes };
}

/** VM: Y, N, or two digits unread and two read. */
function lightOf(voicemail: string | undefined): boolean | undefined {
  if (voicemail === 'Y' || voicemail === 'N') return voicemail === 'Y';
  return voicemail !== undefined && /^\d{4}$/.test(voicemail)
    ? !voicemail.startsWith('00')
    : undefined;
}

/** AS of a WA. DE is none: the wake-up was taken away. */
const RESULTS: Readonly<Record<string, 'answered' | 'busy' | 'no-answer'>> = {
  ...{ OK: 'answered', BY: 'busy', NR: 'no-answer' },
};

function wakeup(record: FiasRecord): Reported {
  const room = roomOf(record);
  if (room === undefined) return nothing(`${record.id} without a room`);
  const at = localTimeOf(record);
  if (record.id === 'WC') {
    const isAll = filled(record, 'DA') === undefined && filled(record, 'TI') === undefined;
    if (at === undefined && !isAll) return nothing('WC without a whole time');
    return report({ kind: 'wakeup.clear', room, ...(at === undefined ? {} : { at }) });
  }
  if (at === undefined) return nothing(`${record.id} without a whole time`);
  if (record.id === 'WR') return report({ kind: 'wakeup.set', room, at });
  const code = filled(record, 'AS') ?? '';
  if (code === 'DE') return report({ kind: 'wakeup.clear', room, at });
  return report({ kind: 'wakeup.result', room, at, result: RESULTS[code] ?? 'failed' });
}

/** $J asks for a message to be written; without it nothing is asked for. */
function message(record: FiasRecord): Reported {
  if (valueOf(record, '$J') === undefined) return nothing('XL without $J asks for nothing');
  const room = roomOf(record);
  const booking = wholeOf(filled(record, 'G#') ?? '') ?? 0;
  const text = filled(record, 'MT');
  if (room === undefined || booking < 1 || text === undefined)
    return nothing('XL without room, guest or text');
  return report({ kind: 'message.text', room, booking, text });
}

function locator(record: FiasRecord): Reported {
  const booking = wholeOf(filled(record, 'G#') ?? '') ?? 0;
  if (booking < 1) return nothing(`${record.id} without a guest`);
  const place = record.id === 'LF' ? undefined : (filled(record, 'CT') ?? filled(record, 'LT'));
  return report({ kind: 'locator', booking, place });
}
