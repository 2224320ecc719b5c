// The link with its real adapters and a real outbox, in this process, for one thing at one broker.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { portOf } from '../../../agent/core/connection.ts';
import type { Dial } from '../../../agent/core/connection.ts';
import { createLog } from '../../../agent/core/log.ts';
import { dialMqtt } from '../../../agent/io/mqtt.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import type { Place } from '../../../agent/io/tls.ts';
import { createLink } from '../../../agent/link/run.ts';
import type { LinkRunner } from '../../../agent/link/run.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';
import type { Outbox } from '../../../agent/outbox/shapes.ts';
import type { Credentials } from '../../bench/cloud/api.ts';
import { randomFrom } from '../random.ts';

export interface Rig {
  readonly thing: string;
  readonly link: LinkRunner;
  readonly outbox: Outbox;
  /** Topics of the commands that it got. */
  readonly received: string[];
  /** `up` and `down`, as a capability hears them. */
  readonly heard: string[];
  /** Everything that it logs. */
  readonly lines: string[];
  add(id: string, topic?: string): Promise<void>;
  until(is: () => boolean, withinMs?: number): Promise<void>;
  close(): void;
}

interface Options {
  readonly place: Place;
  readonly credentials: Credentials;
  /** A folder of the test, for the outbox. */
  readonly home: string;
  /** Commands cannot be stored as long as it says so. */
  readonly broken?: () => boolean;
  readonly random?: () => number;
  /** By itself MQTT on every way. */
  readonly dial?: Dial;
}

/** Starts at once. */
export function openRig(thing: string, options: Options): Rig {
  const { place, credentials, home, random = randomFrom(7) } = options;
  const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };
  const received: string[] = [];
  const heard: string[] = [];
  const lines: string[] = [];
  const log = createLog((line) => lines.push(line));
  const outbox = createOutbox(() => openSqlite(join(home, thing), STORE_LIMITS), {
    ...{ clock, log },
    onReady: () => link.ready(),
  });
  const link = createLink({
    dial: options.dial ?? ((how, hear) => dialMqtt(place, how, hear)),
    portOf: (route) => portOf(route, place.ports),
    source: outbox,
    remotes: [
      {
        filters: [`clock/v1/${thing}/command/+`],
        owns: () => true,
        receive: async ({ topic }) => {
          if (options.broken?.() === true) throw new Error('EIO');
          received.push(topic);
        },
        up: () => heard.push('up'),
        down: () => heard.push('down'),
      },
    ],
    clientId: thing,
    ...{ clock, random, log },
    onChange: () => {},
  });
  link.start({ certificatePem: credentials.certPem, keyPem: credentials.keyPem });
  return {
    ...{ thing, link, outbox, received, heard, lines },
    add: async (id, topic = `clock/v1/${thing}/event/s`) => {
      const payload = Buffer.from(id);
      const rest = { lane: 'business', atMs: Date.now() } as const;
      assert.deepEqual(await outbox.append({ id, topic, payload, ...rest }), { ok: true });
    },
    until: async (is, withinMs = 20_000) => {
      const endMs = performance.now() + withinMs;
      while (!is()) {
        const now = [link.view(), outbox.view(), lines.slice(-10)];
        assert.ok(performance.now() < endMs, `${is.toString()}: ${JSON.stringify(now)}`);
        await sleep(20);
      }
    },
    close: () => {
      link.close();
      outbox.close();
    },
  };
}
