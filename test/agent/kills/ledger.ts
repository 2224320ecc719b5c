// The books of a kill series: what was asked of the unit, what it promised, what has arrived. Judges;
// knows no process.
import assert from 'node:assert/strict';
import type { Message } from '../../bench/cloud/mqtt/wire.ts';
import { isFinal, readEnvelope } from './queue.ts';
import type { Envelope, Queue } from './queue.ts';

export class Ledger {
  /** Commands that were tried to send, and those that the broker has confirmed to have. */
  readonly commandsAsked = new Set<string>();
  readonly commandsSent = new Set<string>();
  readonly eventsAsked = new Set<string>();
  /** On the card, as the source was told. */
  readonly eventsTaken = new Set<string>();
  /** Arrived, each id once; and how many copies came in all. */
  readonly events = new Map<string, Envelope>();
  readonly results = new Map<string, Envelope>();
  copies = 0;

  /** What a client published, as the cloud keeps it. */
  arrived({ topic, payload }: Message): void {
    const said = readEnvelope(topic, Buffer.from(payload).toString());
    this.copies += 1;
    const known = topic.includes('/result/') ? this.results : this.events;
    // The same id is the same message, whenever it comes.
    const before = known.get(said.id);
    if (before === undefined) known.set(said.id, said);
    else assert.deepEqual(said, before);
  }

  /** Commands that have a final result among what has arrived, and what such results say. */
  answered(): Map<string, ReadonlySet<string>> {
    return finalsOf(this.results.values());
  }

  /**
   * With the unit dead: each command that the broker may forget is answered, or its answer waits, or the
   * command itself is on record. `sent`: those of before; `unacknowledged`: what the broker then still
   * held for the unit.
   */
  checkUnit(
    queue: Queue,
    { sent, unacknowledged }: { sent: readonly string[]; unacknowledged: readonly Message[] },
  ): void {
    const held = new Set(unacknowledged.map((message) => commandIn(message)));
    const known = new Set([
      ...this.answered().keys(),
      ...finalsOf(queue.waiting).keys(),
      ...queue.recordKeys.map((key) => key.split('/').at(-1)!),
    ]);
    const lost = sent.filter((id) => !held.has(id) && !known.has(id));
    assert.deepEqual(lost, [], 'acknowledged to the broker, and nowhere');
    const stray = [...finalsOf(queue.waiting).keys()].filter((id) => !this.commandsAsked.has(id));
    assert.deepEqual(stray, [], 'an answer to nobody');
    assert.deepEqual([queue.dead, queue.dropped], [[], 0]);
  }

  /** With the source dead: each event that it was acknowledged has arrived or waits. */
  checkSource(queue: Queue): void {
    const waiting = new Set(queue.waiting.map(({ id }) => id));
    const lost = [...this.eventsTaken].filter((id) => !waiting.has(id) && !this.events.has(id));
    assert.deepEqual(lost, [], 'acknowledged to the source, and nowhere');
    assert.deepEqual([queue.dead, queue.dropped], [[], 0]);
  }

  /** What is still to come; '' when all is there. */
  missing(): string {
    const answered = this.answered();
    const commands = [...this.commandsSent].filter((id) => !answered.has(id)).length;
    const events = [...this.eventsTaken].filter((id) => !this.events.has(id)).length;
    return commands + events === 0 ? '' : `${commands} answers and ${events} events`;
  }

  /** When all has come: nothing is there that was not asked for, and nothing twice. */
  checkEnd(): void {
    assert.equal(this.missing(), '');
    const answered = this.answered();
    assert.deepEqual(
      [...answered.keys()].filter((id) => !this.commandsAsked.has(id)),
      [],
    );
    assert.deepEqual(
      [...answered].filter(([, said]) => said.size > 1),
      [],
      'answered one way and another',
    );
    const events = [...this.events.values()].filter(({ kind }) => kind === 'charge.posted');
    assert.deepEqual(
      events.filter(({ id }) => !this.eventsAsked.has(id)),
      [],
    );
  }
}

const commandIn = ({ payload }: Message): string =>
  (JSON.parse(Buffer.from(payload).toString()) as { readonly id: string }).id;

/** A command that comes again is answered again, with the same words. `busy` is for that time only. */
function finalsOf(results: Iterable<Envelope>): Map<string, Set<string>> {
  const finals = new Map<string, Set<string>>();
  for (const said of results) {
    if (!isFinal(said)) continue;
    const command = String(said.body['command']);
    const known = finals.get(command) ?? new Set();
    finals.set(command, known);
    if (said.body['why'] !== 'busy') known.add(JSON.stringify(said.body));
  }
  return finals;
}
