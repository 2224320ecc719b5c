// Formats of one column: "DD/MM/YY HH:mm", "h:mm:ss", prices. A format is compiled to a list of steps that is
// walked once, so that no text makes it slow. Pure.

/** What a date-time format gives; year or day may be missing from the record. */
export interface Moment {
  readonly year?: number;
  readonly month?: number;
  readonly day?: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

type Step =
  /** A number of so many places; blanks in front are zeros. */
  | { readonly take: string; readonly places: number }
  | { readonly literal: string }
  | { readonly any: number };

const TIME_TOKENS = /YYYY|YY|MM|DD|HH|hh|mm|ss|tt|\?+|[^?]/g;
const SPAN_TOKENS = /h+|m+|s+|\?+|[^?]/g;

function stepsOf(format: string, tokens: RegExp): readonly Step[] {
  // One letter is a part of a duration ("h:mm"), and itself in a date-time ("16h30").
  const isPart = tokens === TIME_TOKENS ? /^(?:YYYY|[YMDHhmst]{2})$/ : /^[hms]+$/;
  return (format.match(tokens) ?? []).map((token) => {
    if (token.startsWith('?')) return { any: token.length };
    return isPart.test(token) ? { take: token, places: token.length } : { literal: token };
  });
}

/** The named texts of a field, or undefined where it does not match. */
function walk(steps: readonly Step[], text: string): Map<string, string> | undefined {
  const found = new Map<string, string>();
  let at = 0;
  for (const step of steps) {
    if ('any' in step) at += step.any;
    else if ('literal' in step) {
      if (text[at] !== step.literal) return undefined;
      at += 1;
    } else {
      const piece = text.slice(at, at + step.places);
      if (piece.length < step.places) return undefined;
      found.set(step.take, piece);
      at += step.places;
    }
  }
  return text.slice(at).trim() === '' ? found : undefined;
}

/** Blanks in front count as zeros: " 7" is 7. Undefined: no number. */
const numberOf = (text: string): number | undefined =>
  /^ *\d+$/.test(text) ? Number(text) : undefined;

export interface Format<T> {
  readonly width: number;
  /** Undefined: the text is not of this format. */
  read(text: string): T | undefined;
  /** The text of a value, `width` characters wide or, where the number is larger, wider. */
  write(value: T): string;
}

const widthOf = (steps: readonly Step[]): number =>
  steps.reduce((sum, step) => {
    if ('any' in step) return sum + step.any;
    return sum + ('literal' in step ? 1 : step.places);
  }, 0);

const padded = (value: number, places: number): string =>
  String(value).padStart(places, '0').slice(-places);

function writeSteps(
  steps: readonly Step[],
  part: (take: string, places: number) => string,
): string {
  return steps
    .map((step) => {
      if ('any' in step) return ' '.repeat(step.any);
      return 'literal' in step ? step.literal : part(step.take, step.places);
    })
    .join('');
}

/** "wrong": what is wrong with a format, for people; undefined: nothing. */
export function timeFormatProblem(format: string): string | undefined {
  const takes = stepsOf(format, TIME_TOKENS).flatMap((step) => ('take' in step ? [step.take] : []));
  if (new Set(takes).size < takes.length) return 'a part stands twice';
  const has = (...parts: string[]): boolean => parts.some((part) => takes.includes(part));
  if (!has('HH', 'hh') || !has('mm')) return 'needs hours (HH, or hh with tt) and minutes (mm)';
  if (has('HH') && has('hh')) return 'HH or hh, not both';
  if (has('hh') !== has('tt')) return 'hh (to 12) needs tt (AM or PM), and tt needs hh';
  if (has('MM') !== has('DD')) return 'needs both day (DD) and month (MM), or neither';
  if (has('YYYY', 'YY') && !has('MM')) return 'a year needs day and month';
  if (has('YYYY') && has('YY')) return 'YYYY or YY, not both';
  return undefined;
}

export function timeFormat(format: string): Format<Moment> {
  const steps = stepsOf(format, TIME_TOKENS);
  return {
    width: widthOf(steps),
    read: (text) => momentOf(walk(steps, text)),
    write: (moment) =>
      writeSteps(steps, (take, places) => {
        switch (take) {
          case 'YYYY':
          case 'YY':
            return padded(moment.year ?? 0, places);
          case 'MM':
            return padded(moment.month ?? 0, 2);
          case 'DD':
            return padded(moment.day ?? 0, 2);
          case 'HH':
            return padded(moment.hour, 2);
          case 'hh':
            return padded(((moment.hour + 11) % 12) + 1, 2);
          case 'tt':
            return moment.hour < 12 ? 'AM' : 'PM';
          case 'mm':
            return padded(moment.minute, 2);
          default:
            return padded(moment.second, 2);
        }
      }),
  };
}

function momentOf(found: Map<string, string> | undefined): Moment | undefined {
  if (found === undefined) return undefined;
  const half = found.get('tt')?.toUpperCase();
  if (half !== undefined && half !== 'AM' && half !== 'PM') return undefined;
  const parts = new Map<string, number>();
  for (const [take, text] of found) {
    if (take === 'tt') continue;
    const value = numberOf(text);
    if (value === undefined) return undefined;
    parts.set(take, value);
  }
  const twelve = parts.get('hh');
  if (twelve !== undefined && (twelve < 1 || twelve > 12)) return undefined;
  const hour = parts.get('HH') ?? ((twelve ?? 0) % 12) + (half === 'PM' ? 12 : 0);
  const short = parts.get('YY');
  const year = parts.get('YYYY') ?? (short === undefined ? undefined : 2_000 + short);
  const [month, day] = [parts.get('MM'), parts.get('DD')];
  const [minute, second] = [parts.get('mm') ?? 0, parts.get('ss') ?? 0];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  return {
    ...{ hour, minute, second },
    ...(year === undefined ? {} : { year }),
    ...(month === undefined ? {} : { month }),
    ...(day === undefined ? {} : { day }),
  };
}

export function spanFormatProblem(format: string): string | undefined {
  const takes = stepsOf(format, SPAN_TOKENS).flatMap((step) =>
    'take' in step ? [step.take[0]] : [],
  );
  if (takes.length === 0) return 'needs hours (h), minutes (m) or seconds (s)';
  return new Set(takes).size < takes.length ? 'a part stands twice' : undefined;
}

const SECONDS = { h: 3_600, m: 60, s: 1 } as const;
type Unit = keyof typeof SECONDS;

/** Runs of h, m and s, as wide as they stand: "hh:mm:ss", "mmmm", "sssss". Seconds in and out. */
export function spanFormat(format: string): Format<number> {
  const steps = stepsOf(format, SPAN_TOKENS);
  const units = steps
    .flatMap((step) => ('take' in step ? [step.take[0] as Unit] : []))
    .sort((a, b) => SECONDS[b] - SECONDS[a]);
  return {
    width: widthOf(steps),
    read: (text) => {
      const found = walk(steps, text);
      if (found === undefined) return undefined;
      let seconds = 0;
      for (const [take, piece] of found) {
        const value = numberOf(piece);
        if (value === undefined) return undefined;
        seconds += value * SECONDS[take[0] as Unit];
      }
      return seconds;
    },
    write: (seconds) => {
      const parts = new Map<Unit, number>();
      // A begun unit is a whole one: PBXs count begun minutes.
      const smallest = SECONDS[units.at(-1) ?? 's'];
      let rest = Math.ceil(seconds / smallest) * smallest;
      for (const unit of units) {
        parts.set(unit, Math.floor(rest / SECONDS[unit]));
        rest %= SECONDS[unit];
      }
      return writeSteps(steps, (take, places) => padded(parts.get(take[0] as Unit) ?? 0, places));
    },
  };
}
