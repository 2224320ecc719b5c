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
import type { Outbox } from '../../../../agent/outbox/shapes.ts';
import type { Result, Target } from './result.ts';

/** As many events wait for their acknowledgement at once: the systems of a large hotel. */
const SOURCES = 64;
/** The load of the kill series. */
const TRICKLE_PER_SECOND = 50;
/** From a broker nearby. */
const DELIVERED_MS = 100;
/** By then the last of them is off the disk, too. */
const SETTLED_MS = 1_000;
const DELIVER_MS_MAX = 60_000;

const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };
const log = createLog((line) => process.stderr.write(`${line}\n`));
const topic = (thing: string): string => `clock/v1/${thing}/event/bench`;
/** As large as a call record in its envelope. */
const payloadOf = (id: string): Buffer =>
  Buffer.from(JSON.stringify({ id, body: 'x'.repeat(240) }));

interface Taker {
  /** Resolves when the event is on the disk. */
  take(id: string): Promise<void>;
  /** It has been delivered, and need not be kept. */
  settle(id: string): void;
}

const acceptTo =
  (outbox: Outbox, thing = 't'): Taker['take'] =>
  async (id) => {
    const rest = { lane: 'business', topic: topic(thing), atMs: Date.now() } as const;
    const appended = await outbox.append({ id, payload: payloadOf(id), ...rest });
    if (!appended.ok) throw new Error(appended.why);
  };

async function openTaker(name: string, folder: string): Promise<Taker> {
  if (name === 'ours') {
    const open = () => openSqlite(folder, STORE_LIMITS);
    const outbox = createOutbox(open, { clock, log, onReady: () => {} });
    return { take: acceptTo(outbox), settle: (id) => outbox.settle(id) };
  }
  const level = new ClassicLevel<string, Buffer>(folder, { valueEncoding: 'buffer' });
  await level.open();
  return {
    take: async (id) => level.put(id, payloadOf(id), { sync: true }),
    // Lost with the power, it is delivered once more: as with ours.
    settle: (id) => void level.del(id, { sync: false }),
  };
}

async function writtenBytes(): Promise<number> {
  return Number(/^write_bytes: (\d+)/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1]);
}

const idOf = (number: number): string => String(number).padStart(8, '0');

/** As fast as it goes, from sources that each wait for their acknowledgement. */
async function accept(how: { name: string; folder: string; count: number }): Promise<Result> {
  const { name, folder, count } = how;
  const taker = await openTaker(name, folder);
  const before = await writtenBytes();
  const began = performance.now();
  let next = 0;
  const source = async (): Promise<void> => {
    while (next < count) await taker.take(idOf((next += 1)));
  };
  await Promise.all(Array.from({ length: SOURCES }, source));
  const seconds = (performance.now() - began) / 1_000;
  return { seconds, done: count, writtenBytes: (await writtenBytes()) - before };
}

/** Fifty events a second, each settled soon after it was taken: what a unit writes on a working day. */
async function trickle(how: { name: string; folder: string; count: number }): Promise<Result> {
  const { name, folder, count } = how;
  const taker = await openTaker(name, folder);
  const before = await writtenBytes();
  const began = performance.now();
  let [worstMs, sumMs] = [0, 0];
  const pass = async (id: string): Promise<void> => {
    const askedMs = performance.now();
    await taker.take(id);
    const ms = performance.now() - askedMs;
    [worstMs, sumMs] = [Math.max(worstMs, ms), sumMs + ms];
    await sleep(DELIVERED_MS);
    taker.settle(id);
  };
  const passing: Promise<void>[] = [];
  for (let i = 1; i <= count; i += 1) {
    passing.push(pass(idOf(i)));
    await sleep(Math.max(0, began + (i * 1_000) / TRICKLE_PER_SECOND - performance.now()));
  }
  await Promise.all(passing);
  const seconds = (performance.now() - began) / 1_000;
  await sleep(SETTLED_MS);
  const bytes = (await writtenBytes()) - before;
  return { seconds, done: count, writtenBytes: bytes, meanMs: sumMs / count, worstMs };
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
  result = await (mode === 'trickle' ? trickle : accept)({ name, folder, count });
}
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
