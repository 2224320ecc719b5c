// How fast a card gets on, and what is left: turns the writer's numbers into views.
import type { CardIdentity } from '../ledger/ports.ts';
import type { CardView } from './ports.ts';

/** A rate over the last seconds: cards pause, and a rate since the start would not show it. */
const WINDOW_MS = 4_000;
/** Views for people; a phase's change is always shown. */
const SHOW_MS = 100;

interface Around {
  readonly show: (view: CardView) => void;
  readonly nowMs: () => number;
}

export class Pace {
  readonly #card: CardIdentity;
  readonly #around: Around;
  #serial: string | undefined;
  #phase: CardView['phase'] = 'preparing';
  #done = 0;
  #points: { readonly atMs: number; readonly bytes: number }[] = [];
  #writeRate: number | undefined;
  #left: number | undefined;
  #shownMs = Number.NEGATIVE_INFINITY;

  constructor(card: CardIdentity, around: Around) {
    this.#card = card;
    this.#around = around;
  }

  of(serial: string): void {
    this.#serial = serial;
  }

  enter(phase: CardView['phase']): void {
    if (phase === this.#phase && phase !== 'preparing') return;
    if (this.#phase === 'writing') this.#writeRate = this.#rate();
    this.#phase = phase;
    this.#done = 0;
    this.#points = [];
    this.#left = undefined;
    this.#show(true);
  }

  moved(phase: 'writing' | 'reading', bytes: number, of: number): void {
    this.enter(phase);
    const atMs = this.#around.nowMs();
    this.#points = [
      ...this.#points.filter((point) => point.atMs >= atMs - WINDOW_MS),
      { atMs, bytes },
    ];
    this.#done = bytes / of;
    const rate = this.#rate();
    // Until the card is read its speed in reading is not known: as fast as in writing, or more.
    const reading = phase === 'writing' ? of / (this.#writeRate ?? rate) : 0;
    this.#left = rate > 0 ? (of - bytes) / rate + reading : undefined;
    this.#show(false);
  }

  finished(): CardView {
    this.enter('done');
    return this.#view({});
  }

  failed(
    phase: 'bad' | 'untouched',
    { reason }: { readonly reason: NonNullable<CardView['reason']> },
  ): CardView {
    this.#phase = phase;
    const view = this.#view({ reason });
    this.#around.show(view);
    return view;
  }

  #rate(): number {
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  }

  #show(always: boolean): void {
    const nowMs = this.#around.nowMs();
    if (!always && nowMs - this.#shownMs < SHOW_MS) return;
    this.#shownMs = nowMs;
    this.#around.show(this.#view({}));
  }

  #view(more: Pick<CardView, 'reason'>): CardView {
    return {
      ...{ card: this.#card, phase: this.#phase, done: this.#done },
      bytesPerSecond: this.#rate(),
      ...(this.#left === undefined ? {} : { secondsLeft: this.#left }),
      ...(this.#serial === undefined ? {} : { serial: this.#serial }),
      ...more,
    };
  }
}
