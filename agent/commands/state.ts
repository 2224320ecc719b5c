// What becomes of commands: which is begun when, which is stopped, how each ends, what is kept of it.
// Pure. Every step is on the card before the next one begins, so that a power cut anywhere neither
// runs a command twice nor leaves one without an end.
import {
  AT_ONCE_MAX,
  CLOCK_MS_MAX,
  FINISHED_MAX,
  FINISHED_MS_MAX,
  RUN_MS_MAX,
  SAVE_AGAIN_MS,
  STOP_MS_MAX,
  TRIES_MAX,
  UNFINISHED_MAX,
} from './limits.ts';
import type { Commands, Effect, Event, Facts, Finished, Step, Wall, Why, Work } from './shapes.ts';
import type { Final } from './wire.ts';

export const initial: Commands = { works: [], finished: [], nextSeq: 1 };

export function next(state: Commands, event: Event): Step {
  switch (event.on) {
    case 'loaded':
      return loaded(state, event);
    case 'arrived':
      return arrived(state, event);
    case 'cancel':
      return cancel(state, event);
    case 'saved':
      return saved(state, event);
    case 'not-saved':
      return notSaved(state, event);
    case 'ended':
      return ended(state, event);
    case 'tick':
      return tick(state, event);
  }
}

export function isKnown(state: Commands, id: string): 'new' | 'unfinished' | 'finished' {
  if (state.works.some((work) => work.id === id)) return 'unfinished';
  return state.finished.some((one) => one.id === id) ? 'finished' : 'new';
}

/** With so many under way, another one is told `busy`, and nothing is kept of it. */
export const isFull = ({ works }: Commands): boolean => works.length >= UNFINISHED_MAX;

const stay = (state: Commands): Step => ({ state, effects: [] });
const error = (why: string): Final => ({ state: 'error', why });

function factsOf(work: Facts): Facts {
  const { id, service, kind, expiresMs, seq, atMs, tries, isRepeatable } = work;
  return { id, service, kind, expiresMs, seq, atMs, tries, isRepeatable };
}

const put = (state: Commands, work: Work): Commands => ({
  ...state,
  works: state.works.map((one) => (one.id === work.id ? work : one)),
});

/** After a start: what was under way when the power went is begun again, or its end is unknown. */
function loaded(state: Commands, event: Extract<Event, { on: 'loaded' }>): Step {
  const { finished, nowMs } = event;
  const seqs = [...event.unfinished, ...finished].map(({ seq }) => seq);
  const effects: Effect[] = [];
  const works = event.unfinished.map((one): Work => {
    const facts = factsOf(one);
    const isAgain = one.isRepeatable === true && one.tries < TRIES_MAX;
    if (!one.stopping && (!one.wasBegun || isAgain)) {
      return { ...facts, at: 'received', sinceMs: nowMs, againMs: 0 };
    }
    const final = one.wasBegun ? error('unknown') : endOf('cancelled');
    effects.push({ do: 'save', facts, as: final, forget: [] });
    return { ...facts, at: 'ending', final, againMs: undefined };
  });
  const nextSeq = Math.max(state.nextSeq, ...seqs.map((seq) => seq + 1));
  return { state: { works, finished, nextSeq }, effects };
}

function arrived(state: Commands, event: Extract<Event, { on: 'arrived' }>): Step {
  const { refusal, wallMs } = event;
  const facts: Facts = { ...event.facts, seq: state.nextSeq, tries: 0 };
  const isLate = isExpired(facts, wallMs);
  const final = refusal === undefined ? (isLate ? error('expired') : undefined) : error(refusal);
  const forget = tooMany(state, 1, wallMs);
  return {
    state: {
      works: [...state.works, { ...facts, at: 'arriving', final, forbids: undefined }],
      finished: state.finished.filter(({ id }) => !forget.includes(id)),
      nextSeq: state.nextSeq + 1,
    },
    effects: [{ do: 'save', facts, as: final ?? { state: 'received' }, forget }],
  };
}

const isExpired = ({ expiresMs }: Facts, wallMs: Wall): boolean =>
  expiresMs !== undefined && wallMs !== undefined && wallMs >= expiresMs;

/** What goes to make room for `more`. A clock that is not set now, or was not then, tells no age. */
function tooMany({ finished, works }: Commands, more: number, wallMs: Wall): string[] {
  const count = Math.max(0, finished.length + works.length + more - FINISHED_MAX);
  const isOld = ({ atMs }: Finished): boolean =>
    wallMs !== undefined && atMs > 0 && wallMs - atMs > FINISHED_MS_MAX;
  return finished.filter((one, i) => i < count || isOld(one)).map(({ id }) => id);
}

/** Acts at once, past the order of its service, and says what it found. */
function cancel(state: Commands, event: Extract<Event, { on: 'cancel' }>): Step {
  const { target, nowMs } = event;
  const facts: Facts = { ...event.facts, seq: state.nextSeq, tries: 0 };
  const work = state.works.find(({ id }) => id === target);
  const old = state.finished.find(({ id }) => id === target);
  const isOthers = ((work ?? old)?.service ?? facts.service) !== facts.service;
  const found = work?.at ?? old?.state ?? 'unseen';
  const stopped = work === undefined || isOthers ? stay(state) : stop(state, work, nowMs);
  const final: Final = isOthers
    ? error('no-such-command')
    : {
        state: 'processed',
        body: { command: target, was: found === 'beginning' ? 'received' : found },
      };
  const isUnderWay = found === 'beginning' || found === 'processing';
  // Messages overtake each other: the command may come after its cancellation.
  const note = isUnderWay ? 'stopping' : found === 'unseen' ? 'never' : undefined;
  const { service, kind, seq, atMs } = facts;
  const never = { id: target, service, kind, seq, atMs, state: 'cancelled' } as const;
  const forbids = note === 'never' ? never : undefined;
  // Itself, and what it forbids.
  const forget = tooMany(state, 2, undefined).filter((id) => id !== target);
  return {
    state: {
      ...stopped.state,
      finished: state.finished.filter(({ id }) => !forget.includes(id)),
      works: [...stopped.state.works, { ...facts, at: 'arriving', final, forbids }],
      nextSeq: state.nextSeq + 1,
    },
    effects: [
      ...stopped.effects,
      {
        do: 'save',
        facts,
        as: final,
        forget,
        ...(note !== undefined && !isOthers && { target: { id: target, note } }),
      },
    ],
  };
}

function stop(state: Commands, work: Work, nowMs: number): Step {
  switch (work.at) {
    case 'received':
      return end(state, work, { state: 'cancelled' });
    case 'beginning':
      return stay(put(state, { ...work, stop: 'cancelled' }));
    case 'processing': {
      if (work.stop !== undefined) return stay(state);
      const stopping = { ...work, stop: { why: 'cancelled', atMs: nowMs } } as const;
      return { state: put(state, stopping), effects: [{ do: 'stop', id: work.id }] };
    }
    case 'arriving':
    case 'ending':
      return stay(state);
  }
}

function end(state: Commands, work: Work, final: Final): Step {
  const facts = factsOf(work);
  return {
    state: put(state, { ...facts, at: 'ending', final, againMs: undefined }),
    effects: [{ do: 'save', facts, as: final, forget: [] }],
  };
}

function saved(state: Commands, event: Extract<Event, { on: 'saved' }>): Step {
  const work = state.works.find(({ id }) => id === event.id);
  if (work === undefined) return stay(state);
  const { nowMs } = event;
  switch (work.at) {
    case 'arriving': {
      if (work.final !== undefined) return begin(finish(state, work, work.final), event);
      const received = { at: 'received', sinceMs: nowMs, againMs: 0 } as const;
      return begin(put(state, { ...factsOf(work), ...received }), event);
    }
    case 'beginning': {
      const facts = factsOf(work);
      const stop = work.stop ?? (isExpired(work, event.wallMs) ? 'expired' : undefined);
      if (stop !== undefined) return end(state, work, endOf(stop));
      const running = { ...facts, at: 'processing', sinceMs: nowMs, stop: undefined } as const;
      return { state: put(state, running), effects: [{ do: 'run', facts }] };
    }
    case 'ending':
      return begin(finish(state, work, work.final), event);
    case 'received':
    case 'processing':
      return stay(state);
  }
}

const endOf = (why: Why): Final => (why === 'cancelled' ? { state: 'cancelled' } : error(why));

function finish(state: Commands, work: Work, final: Final): Commands {
  const { id, service, kind, seq, atMs } = work;
  const one = { id, service, kind, seq, atMs, state: final.state };
  const forbidden = work.at === 'arriving' && work.forbids !== undefined ? [work.forbids] : [];
  return {
    ...state,
    works: state.works.filter((other) => other.id !== id),
    finished: [...state.finished, ...forbidden, one],
  };
}

function notSaved(state: Commands, { id, nowMs }: Extract<Event, { on: 'not-saved' }>): Step {
  const work = state.works.find((one) => one.id === id);
  if (work === undefined) return stay(state);
  const againMs = nowMs + SAVE_AGAIN_MS;
  switch (work.at) {
    // The broker was not told that we have it, and sends it again.
    case 'arriving':
      return stay({ ...state, works: state.works.filter((one) => one.id !== id) });
    case 'beginning': {
      const { sinceMs } = work;
      if (work.stop !== undefined) return end(state, work, endOf(work.stop));
      const tries = work.tries - 1;
      return stay(put(state, { ...factsOf(work), tries, at: 'received', sinceMs, againMs }));
    }
    case 'ending':
      return stay(put(state, { ...work, againMs }));
    case 'received':
    case 'processing':
      return stay(state);
  }
}

/** What a handler says counts, also after the signal to stop: it knows whether the deed is done. */
function ended(state: Commands, { id, final }: Extract<Event, { on: 'ended' }>): Step {
  const work = state.works.find((one) => one.id === id);
  if (work?.at !== 'processing') return stay(state);
  const isStopped = work.stop !== undefined && final.state !== 'processed';
  return end(state, work, isStopped ? endOf(work.stop.why) : final);
}

function tick(state: Commands, event: Extract<Event, { on: 'tick' }>): Step {
  const effects: Effect[] = [];
  let now = state;
  for (const work of state.works) {
    const step = look(now, work, event);
    now = step.state;
    effects.push(...step.effects);
  }
  const begun = begin(now, event);
  return { state: begun.state, effects: [...effects, ...begun.effects] };
}

interface Now {
  readonly nowMs: number;
  readonly wallMs: Wall;
}

function look(state: Commands, work: Work, { nowMs, wallMs }: Now): Step {
  switch (work.at) {
    case 'received': {
      if (isExpired(work, wallMs)) return end(state, work, error('expired'));
      const isTimeless = work.expiresMs !== undefined && wallMs === undefined;
      const isTooLong = nowMs - work.sinceMs >= CLOCK_MS_MAX;
      return isTimeless && isTooLong ? end(state, work, error('clock-not-set')) : stay(state);
    }
    case 'processing': {
      const { stop, sinceMs, id } = work;
      if (stop !== undefined) {
        // Whether it was done, nobody can say.
        const isStuck = nowMs - stop.atMs >= STOP_MS_MAX;
        return isStuck ? end(state, work, error('unknown')) : stay(state);
      }
      const isLate = isExpired(work, wallMs);
      if (!isLate && nowMs - sinceMs < RUN_MS_MAX) return stay(state);
      const why = isLate ? 'expired' : 'took-too-long';
      const stopping = { ...work, stop: { why, atMs: nowMs } } as const;
      return { state: put(state, stopping), effects: [{ do: 'stop', id }] };
    }
    case 'ending':
      return work.againMs !== undefined && nowMs >= work.againMs
        ? end(state, work, work.final)
        : stay(state);
    case 'arriving':
    case 'beginning':
      return stay(state);
  }
}

/** Of every service the oldest command, as long as none of its is under way. */
function begin(state: Commands, { nowMs, wallMs }: Now): Step {
  const isUnderWay = ({ at }: Work): boolean => at !== 'received' && at !== 'arriving';
  const busy = new Set(state.works.filter(isUnderWay).map(({ service }) => service));
  let now = state;
  const effects: Effect[] = [];
  for (const work of state.works) {
    if (work.at !== 'received' || busy.has(work.service) || busy.size >= AT_ONCE_MAX) continue;
    // Whatever keeps it waiting, the ones behind it wait too.
    busy.add(work.service);
    const isTimeless = work.expiresMs !== undefined && wallMs === undefined;
    if (isTimeless || nowMs < work.againMs) continue;
    const step = beginOne(now, work, { nowMs, wallMs });
    now = step.state;
    effects.push(...step.effects);
  }
  return { state: now, effects };
}

function beginOne(state: Commands, work: Extract<Work, { at: 'received' }>, now: Now): Step {
  if (work.isRepeatable === undefined) return end(state, work, error('no-such-service'));
  if (isExpired(work, now.wallMs)) return end(state, work, error('expired'));
  const facts = { ...factsOf(work), tries: work.tries + 1 };
  const beginning = { ...facts, at: 'beginning', stop: undefined, sinceMs: work.sinceMs } as const;
  const save = { do: 'save', facts, as: { state: 'processing' }, forget: [] } as const;
  return { state: put(state, beginning), effects: [save] };
}
