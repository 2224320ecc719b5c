// One contender of bench:link in a process of its own, so that memory, writes and processor time are its
// own: our outbox and link, or what else one would take. Prints its result as a line of JSON.
//
//   contender.ts accept|trickle ours|classic-level FOLDER COUNT
//   contender.ts deliver ours|mqtt.js FOLDER COUNT     (the place of the cloud as JSON on standard input)
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClassicLevel } from 'classic-level';
import mqtt from 'mqtt';
import { portOf } from '../../../../agent/core/connection.ts';
import { createLog } from '../../../../agent/core/log.ts';
import { dialMqtt } from '../../../../agent/io/mqtt.ts';
import { openSqlite } from '../../../../agent/io/sqlite.ts';
import { createLink } from '../../../../agent/link/run.ts';
import { STORE_LIMITS } from '../../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../../agent/outbox/run.ts';
import type { Outbox } from '../../../../agent/outbox/run.ts';
import type { Result, Target } from './result.ts';

/** As many events wait for their acknowledgement at once: the systems of a large hotel. */
const SOURCES = 64;
/** The load of the kill series. */
const TRICKLE_PER_SECOND = 50;
const DELIVER_MS_MAX = 60_000;

const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };
const log = createLog((line) => process.stderr.write(`${line}\n`));
const topic = (thing: string): string => `clock/v1/${thing}/event/bench`;
/** As large as a call record in its envelope. */
const payloadOf = (id: string): Buffer =>
  Buffer.from(JSON.stringify({ id, body: 'x'.repeat(240) }));

/** Resolves when the event is on the disk. */
type Accept = (id: string) => Promise<void>;

function acceptTo(outbox: Outbox, thing = 't'): Accept {
  return async (id) => {
    const rest = { lane: 'business', topic: topic(thing), atMs: Date.now() } as const;
    const appended = await outbox.append({ id, payload: payloadOf(id), ...rest });
    if (!appended.ok) throw new Error(appended.why);
  };
}

async function openAccept(name: string, folder: string): Promise<Accept> {
  if (name === 'ours') {
    const open = () => openSqlite(folder, STORE_LIMITS);
    return acceptTo(createOutbox(open, { clock, log, onReady: () => {} }));
  }
  const level = new ClassicLevel<string, Buffer>(folder, { valueEncoding: 'buffer' });
  await level.open();
  return async (id) => level.put(id, payloadOf(id), { sync: true });
}

async function writtenBytes(): Promise<number> {
  return Number(/^write_bytes: (\d+)/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1]);
}

/** As fast as it goes, or a trickle of 50 a second. */
async function accept(how: { name: string; folder: string; count: number; isTrickle: boolean }) {
  const { name, folder, count, isTrickle } = how;
  const take = await openAccept(name, folder);
  const before = await writtenBytes();
  const began = performance.now();
  let next = 0;
  const source = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      const due = began + (next * 1_000) / TRICKLE_PER_SECOND - performance.now();
      const taken = take(String(next).padStart(8, '0'));
      if (isTrickle) await sleep(Math.max(0, due));
      await taken;
    }
  };
  await Promise.all(Array.from({ length: isTrickle ? 1 : SOURCES }, source));
  const seconds = (performance.now() - began) / 1_000;
  return { seconds, done: count, writtenBytes: (await writtenBytes()) - before };
}

async function deliverOurs(target: Target, folder: string, count: number): Promise<Result> {
  const open = () => openSqlite(folder, STORE_LIMITS);
  // The backlog is there before the link is.
  const outbox = createOutbox(open, { clock, log, onReady: () => {} });
  const take = acceptTo(outbox, target.thing);
  await Promise.all(Array.from({ length: count }, async (_, i) => take(`o${i}`)));
  const { certPem, keyPem, rootsPem, ports, host } = target;
  let upMs: number | undefined;
  const link = createLink({
    dial: (options, hear) => dialMqtt({ host, ports, roots: [rootsPem] }, options, hear),
    portOf: (route) => portOf(route, ports),
    source: outbox,
    remotes: [],
    clientId: target.thing,
    ...{ clock, log, random: Math.random },
    onChange: () => (upMs ??= performance.now()),
  });
  link.start({ certificatePem: certPem, keyPem });
  const endMs = performance.now() + DELIVER_MS_MAX;
  while (outbox.view().waiting > 0 && performance.now() < endMs) await sleep(5);
  const done = count - outbox.view().waiting;
  const seconds = (performance.now() - (upMs ?? performance.now())) / 1_000;
  return { seconds, done, writtenBytes: await writtenBytes() };
}

/** As its README shows it: connect, publish with QoS 1, its store in memory. */
async function deliverMqtt(target: Target, count: number): Promise<Result> {
  const { certPem, keyPem, rootsPem, ports, host, thing } = target;
  const client = await mqtt.connectAsync({
    ...{ protocol: 'mqtts', host: '127.0.0.1', servername: host, port: ports.mqtt },
    ...{ ca: rootsPem, cert: certPem, key: keyPem, clientId: thing, clean: false },
  });
  const began = performance.now();
  const acked: number[] = [];
  for (let i = 0; i < count; i += 1) {
    client.publish(topic(thing), payloadOf(`m${i}`), { qos: 1 }, (error) => {
      if (!error) acked.push(performance.now());
    });
  }
  const endMs = performance.now() + DELIVER_MS_MAX;
  // What has not come after ten quiet seconds does not come.
  const isOver = (): boolean =>
    acked.length === count || performance.now() > Math.min(endMs, (acked.at(-1) ?? began) + 10_000);
  while (!isOver()) await sleep(5);
  client.end(true);
  const seconds = ((acked.at(-1) ?? began) - began) / 1_000;
  return { seconds, done: acked.length, writtenBytes: 0 };
}

const [mode, name = 'ours', folder = '', amount = '0'] = process.argv.slice(2);
const count = Number(amount);
let result: Result;
if (mode === 'deliver') {
  const target = JSON.parse(await text(process.stdin)) as Target;
  result =
    name === 'ours' ? await deliverOurs(target, folder, count) : await deliverMqtt(target, count);
} else {
  result = await accept({ name, folder, count, isTrickle: mode === 'trickle' });
}
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
