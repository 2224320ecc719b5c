// A town's power comes back: units that all lost their connection at once, with the agent's own adapter
// and delays, against the bench. What counts is that the CONNECTs spread out and all come back.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../../../../agent/core/connection.ts';
import { nextDelayMs } from '../../../../agent/core/retry.ts';
import { dialMqtt } from '../../../../agent/io/mqtt.ts';
import { BACK_OFF_MS_MAX } from '../../../../agent/link/limits.ts';
import { openCloud } from '../../cloud/cloud.ts';
import type { Figure } from '../figure.ts';

const BACK_MS_MAX = 300_000;
/** At a time while they come up first: the storm is what follows. */
const FIRST_AT_ONCE = 50;

export async function storm(units: number): Promise<Figure[]> {
  await using cloud = await openCloud({
    hosts: ['localhost'],
    limits: { connectionsMax: units * 2 },
  });
  const place = { host: 'localhost', ports: cloud.ports, roots: [cloud.rootsPem] };
  const up = new Map<string, Connection>();
  const connectedMs: number[] = [];
  let isOver = false;
  const dial = (
    thing: string,
    keys: { certPem: string; keyPem: string },
    failures: number,
  ): void => {
    const credentials = { certificatePem: keys.certPem, keyPem: keys.keyPem };
    const how = { route: 'mqtt-8883', clientId: thing, keepSession: true, credentials } as const;
    const connection = dialMqtt(place, how, (event) => {
      if (event.on === 'opened') {
        up.set(thing, connection);
        connectedMs.push(performance.now());
      }
      if (event.on !== 'closed' || isOver) return;
      const wasUp = up.delete(thing);
      const next = wasUp ? 1 : failures + 1;
      const random = Math.random();
      const delayMs = nextDelayMs({ failures: next, random, capMs: BACK_OFF_MS_MAX });
      setTimeout(() => isOver || dial(thing, keys, next), delayMs);
    });
  };
  const things = Array.from({ length: units }, (_, i) => `storm-${i}`);
  const allUp = async (count: number): Promise<void> => {
    const endMs = performance.now() + BACK_MS_MAX;
    while (up.size < count) {
      if (performance.now() > endMs) throw new Error(`only ${up.size} of ${count} are back`);
      await sleep(20);
    }
  };
  for (let i = 0; i < units; i += FIRST_AT_ONCE) {
    for (const thing of things.slice(i, i + FIRST_AT_ONCE)) dial(thing, cloud.addThing(thing), 0);
    await allUp(Math.min(units, i + FIRST_AT_ONCE));
  }
  const before = connectedMs.length;
  const beganMs = performance.now();
  for (const thing of things) cloud.disconnect(thing);
  await sleep(100);
  await allUp(units);
  const back = connectedMs.slice(before);
  const backMs = Math.max(...back) - beganMs;
  const peak = Math.max(
    ...back.map((at) => back.filter((one) => one >= at && one < at + 1_000).length),
  );
  isOver = true;
  for (const connection of up.values()) connection.close();
  const remark = `${units} units dropped at once; peak ${peak} connections in one second, units and bench in one process`;
  return [{ what: 'link: all back after a storm', unit: 'ms', measured: backMs, remark }];
}
