// What networks do to the link of a real agent process: each fault ends in a new connection or in words
// that name it, and nothing waits longer than it must. The times are the exam's, a twentieth or so.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { FaultyRelay } from '../../bench/ways/faulty-relay.ts';
import type { Fault } from '../../bench/ways/faulty-relay.ts';
import { openInterceptor } from '../../bench/ways/interceptor.ts';
import { CONNECT, Exam } from '../advisor/exam.ts';
import { THING } from '../unit.ts';

let exam: Exam;
/** Both ways of MQTT; publishing is closed in an exam. */
let relays: readonly FaultyRelay[] = [];
before(async () => {
  exam = await Exam.open(async (cloud) => {
    const { mqtt, alpn } = cloud.ports;
    relays = await Promise.all([mqtt, alpn].map(async (port) => FaultyRelay.open(port)));
    const ports = { ...cloud.ports, mqtt: relays[0]!.port, alpn: relays[1]!.port };
    return { ...cloud, ports };
  });
  await exam.unit.start();
  await exam.unit.untilUp(60_000);
});
afterEach(() => repair());
after(async () => {
  await exam[Symbol.asyncDispose]();
  for (const relay of relays) await relay[Symbol.asyncDispose]();
});

const set = (fault: Fault): void => {
  for (const relay of relays) relay.set(fault);
};
const repair = (): void => {
  const { mqtt, alpn } = exam.cloud.ports;
  for (const [i, port] of [mqtt, alpn].entries()) relays[i]?.leadTo(port);
  set('pass');
};
/** A new CONNECT came, it is up, and nothing waits. */
async function isBack(): Promise<void> {
  await exam.count(CONNECT, 1);
  await exam.unit.until(({ link, outbox }) => link.at === 'up' && outbox.waiting === 0, 60_000);
}
/** The way is bad from now on, also for what is open. */
async function withFault(fault: Fault, why: RegExp): Promise<void> {
  await exam.unit.untilUp(60_000);
  set(fault);
  for (const relay of relays) relay.cut();
  const isSaid = ({ link }: { link: { problem: { why: string } | null; failures: number } }) =>
    link.failures >= 2 && why.test(link.problem?.why ?? '');
  const { link } = await exam.unit.until(isSaid, 60_000);
  assert.equal(link.refused, false, 'it is the way, not the cloud');
  assert.notEqual(link.at, 'up');
  exam.fresh();
  repair();
  await isBack();
}

test('a connection that is reset is made again', async () => {
  exam.fresh();
  for (const relay of relays) relay.cut();
  await isBack();
});

test('a half-open connection is found out by its silence, and made again', async (t) => {
  await exam.unit.untilUp(60_000);
  exam.fresh();
  const startMs = performance.now();
  for (const relay of relays) relay.loseFarSide();
  await exam.unit.until(({ link }) => link.at !== 'up', 60_000);
  t.diagnostic(`after ${Math.round(performance.now() - startMs)} ms of a keep-alive of 2000`);
  repair();
  await isBack();
});

test('a way that resets every connection is called ECONNRESET', async () => {
  await withFault('reset', /^ECONNRESET$/);
});

test('a way that swallows everything is called ETIMEDOUT', async () => {
  await withFault('swallow', /^ETIMEDOUT$/);
});

test('a way of one byte a second is called ETIMEDOUT', async () => {
  await withFault('trickle', /^ETIMEDOUT$/);
});

test('a live connection that becomes that slow is given up and made again', async () => {
  await exam.unit.untilUp(60_000);
  exam.fresh();
  set('trickle');
  exam.cloud.publish(`clock/v1/${THING}/command/slow`, Buffer.alloc(4_000));
  await exam.unit.until(({ link }) => link.at !== 'up', 60_000);
  repair();
  await isBack();
});

test('who opens TLS with another authority is told nothing, and called by what it is', async () => {
  await using box = await openInterceptor('localhost');
  await exam.unit.untilUp(60_000);
  for (const relay of relays) relay.leadTo(box.port);
  for (const relay of relays) relay.cut();
  await exam.until(() => box.asked() >= 3, 'it is asked on both ways');
  const { link } = await exam.unit.until(
    ({ link: { problem } }) => /UNABLE_TO|SELF_SIGNED/.test(problem?.why ?? ''),
    60_000,
  );
  assert.equal(link.refused, false);
  assert.equal(box.told(), 0, 'nothing was said inside');
  exam.fresh();
  repair();
  await isBack();
});
