// Which calls count, under which number Clock knows the line, and what they cost. Pure.
import type { EventOf, Money } from '../../core/vocabulary.ts';
import type { CallSettings } from './config.ts';
import { priceOf, zoneOf } from './tariff.ts';
import type { CallRecord } from './wire.ts';

type Recorded = EventOf<'call.recorded'>;
export type Judged =
  | { readonly is: 'counts'; readonly event: Recorded; readonly isPriceMissing: boolean }
  | { readonly is: 'left-out'; readonly why: 'incoming' | 'internal' | 'unanswered' | 'ignored' };

const leftOut = (why: Extract<Judged, { is: 'left-out' }>['why']): Judged => ({
  is: 'left-out',
  why,
});

/** Indexed once: a record comes every second, a list has thousands. */
export function createJudge(settings: CallSettings): (call: CallRecord, key: string) => Judged {
  const { take, extensions, accessCode } = settings;
  const rooms = new Map(extensions.list.map(({ extension, room }) => [extension, room]));
  const strip = (text: string, prefix: string): string =>
    text.length > prefix.length && text.startsWith(prefix) ? text.slice(prefix.length) : text;

  return (call, key) => {
    if (call.direction === 'ignore') return leftOut('ignored');
    const dialled = call.dialled === undefined ? undefined : strip(call.dialled, accessCode);
    // Before the access code is taken off: whoever dialled it meant an outside line.
    const isShort = call.dialled !== undefined && call.dialled.length <= take.internalDigitsMax;
    const isInternal = call.direction === 'internal' || (call.direction === 'outgoing' && isShort);
    if (isInternal && !take.internal) return leftOut('internal');
    if (call.direction === 'incoming' && !take.incoming) return leftOut('incoming');
    if (call.seconds === 0 && !take.unanswered) return leftOut('unanswered');

    const listed = rooms.get(call.extension);
    if (listed === undefined && extensions.others === 'ignore') return leftOut('ignored');
    const isCharged = call.direction === 'outgoing' && !isInternal && call.seconds !== 0;
    const price = isCharged ? priceFor(call, { settings, dialled }) : pbxPrice(call, settings);
    const event: Recorded = {
      ...{ kind: 'call.recorded', key, at: call.at },
      extension: listed ?? strip(call.extension, extensions.strip),
      ...(call.seconds === undefined ? {} : { seconds: call.seconds }),
      ...(dialled === undefined ? {} : { dialled }),
      ...(call.impulses === undefined ? {} : { impulses: call.impulses }),
      ...(price === undefined ? {} : { price }),
      ...(call.line === undefined ? {} : { line: call.line }),
    };
    const isPriceMissing = isCharged && price === undefined && settings.tariff !== undefined;
    return { is: 'counts', event, isPriceMissing };
  };
}

function pbxPrice({ price }: CallRecord, settings: CallSettings): Money | undefined {
  const { from, zeroIsNone } = settings.price;
  if (price === undefined || from !== 'pbx-else-tariff') return undefined;
  return zeroIsNone && /^[0.]*$/.test(price) ? undefined : price;
}

function priceFor(
  call: CallRecord,
  { settings, dialled }: { readonly settings: CallSettings; readonly dialled: string | undefined },
): Money | undefined {
  const given = pbxPrice(call, settings);
  const { tariff } = settings;
  if (given !== undefined || settings.price.from === 'none' || tariff === undefined) return given;
  if (dialled === undefined || call.seconds === undefined) return undefined;
  const zone = zoneOf(tariff, dialled);
  return zone === undefined ? undefined : priceOf(zone, call.seconds, tariff.decimals);
}
