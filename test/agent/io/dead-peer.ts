// In a network of its own (dead-peer.test.ts): a listener's line and a client's line, joined, and then the cable is
// cut without a word. Prints what each says, "listener lost ETIMEDOUT", and ends.
import { execFileSync } from 'node:child_process';
import type { LineSettings } from '../../../agent/core/line/config.ts';
import { createOpenLine } from '../../../agent/io/line.ts';

const PORT = 4_000;
/** Silence, and the probes after it, take 25 s (core/line/limits.ts). */
const MS_MAX = 60_000;

const loopback = (to: 'up' | 'down'): void =>
  void execFileSync('ip', ['link', 'set', 'lo', to], { stdio: 'ignore' });
loopback('up');
const open = createOpenLine(Math.random);
const fromMs = performance.now();
let ups = 0;
let downs = 0;

function openOne(name: string, settings: LineSettings): void {
  open(settings, {
    up: () => {
      ups += 1;
      if (ups === 2) loopback('down');
    },
    bytes: () => {},
    down: (why, wasUp) => {
      if (!wasUp) return;
      console.log(`${name} lost ${why} ${Math.round(performance.now() - fromMs)}`);
      downs += 1;
      if (downs === 2) process.exit(0);
    },
    note: () => {},
  });
}
openOne('listener', { kind: 'tcp-server', port: PORT, from: ['127.0.0.1'], second: 'refuse' });
const reconnect = { firstSeconds: 0.2, maxSeconds: 0.2 };
openOne('client', { kind: 'tcp-client', host: '127.0.0.1', port: PORT, reconnect });
setTimeout(() => process.exit(1), MS_MAX);
