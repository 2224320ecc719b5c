// A process as the agent is one (outbox, link, the real adapters) with a source that reports 50 events a
// second, until it is killed; for kills.test.ts. Says on standard output what it was told: "?id" it asks
// for an event to be taken, "+id" that is acknowledged.
import { writeSync } from 'node:fs';
import { createLog } from '../../../agent/core/log.ts';
import { envelope, uuidV7 } from '../../../agent/core/messages.ts';
import type { Message } from '../../../agent/core/messages.ts';
import { systemClock } from '../../../agent/io/clock.ts';
import { dialMqtt } from '../../../agent/io/mqtt.ts';
import { systemRandomBytes } from '../../../agent/io/random.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import type { Place } from '../../../agent/io/tls.ts';
import { createLink } from '../../../agent/link/run.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';

export interface SourceOptions {
  readonly folder: string;
  readonly thing: string;
  readonly place: Place;
  readonly certPem: string;
  readonly keyPem: string;
  readonly everyMs: number;
}

const { folder, thing, place, certPem, keyPem, everyMs } = JSON.parse(
  process.argv[2] ?? '{}',
) as SourceOptions;
/** Through to the other side at once: what a process still holds dies with it. */
const tell = (text: string): void => void writeSync(1, `${text}\n`);
// Its log is of no interest while it lives; a failed life is told by what does not arrive.
const base = { clock: systemClock, log: createLog(() => {}) };
const outbox = createOutbox(() => openSqlite(folder, STORE_LIMITS), {
  ...base,
  onReady: () => link.ready(),
});
const link = createLink({
  ...base,
  dial: (how, hear) => dialMqtt(place, how, hear),
  portOf: () => place.ports.mqtt,
  source: outbox,
  remotes: [],
  clientId: thing,
  // The first dial after a second, and a back-off of half of what it may be at most.
  random: () => 0.1,
  onChange: () => {},
});
link.start({ certificatePem: certPem, keyPem });

async function report(id: string, message: Message): Promise<void> {
  if ((await outbox.append(message)).ok) tell(`+${id}`);
}

let made = 0;
setInterval(() => {
  made += 1;
  const atMs = systemClock.wallMs();
  const id = uuidV7(atMs, systemRandomBytes(10));
  tell(`?${id}`);
  const message = envelope({
    ...{ id, thing, atMs, direction: 'event', lane: 'business', service: 'till' },
    ...{ kind: 'charge.posted', body: { number: made } },
  });
  void report(id, message);
}, everyMs);
tell('ready');
