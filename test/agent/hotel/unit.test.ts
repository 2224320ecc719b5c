// The whole agent: an exchange reports a call over the hotel's network, its service tells the agent, the agent tells
// Clock; once, whatever is killed.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openCloud } from '../../bench/cloud/cloud.ts';
import type { Cloud } from '../../bench/cloud/api.ts';
import { openPms } from '../../bench/pms/pms.ts';
import type { Pms } from '../../bench/pms/api.ts';
import { accountOf } from '../pms/world.ts';
import { THING, Unit } from '../unit.ts';
import { until } from './world.ts';

let cloud: Cloud;
let pms: Pms;
let unit: Unit;
let exchange: Server;
const connections: Socket[] = [];

before(async () => {
  exchange = createServer((socket) => {
    socket.on('error', () => {});
    connections.push(socket);
  });
  await new Promise<void>((done) => exchange.listen(0, '127.0.0.1', done));
  cloud = await openCloud({ hosts: ['localhost'] });
  pms = await openPms({ rootsPem: cloud.rootsPem });
  pms.hotel.addRoom({ name: '701', internal_lines: ['701'] });
  pms.hotel.addBooking({ room: '701', status: 'checked_in' });
  const both = { ports: cloud.ports, rootsPem: pms.rootsPem, makeClaim: () => cloud.makeClaim() };
  unit = await Unit.prepare(both, { clockPort: pms.port });
  await mkdir(unit.folder, { recursive: true, mode: 0o700 });
  const accounts = [accountOf(pms.account('pms'))];
  await writeFile(join(unit.folder, 'unit.json'), JSON.stringify({ v: 1, accounts }));
  await unit.start();
  await unit.untilUp();
});
after(async () => {
  await unit.remove();
  await pms.close();
  await cloud.close();
  for (const socket of connections) socket.destroy();
  exchange.close();
});

/** A power cut ends everything: the agent, and the processes that it started. */
async function powerCut(): Promise<void> {
  const { pid } = unit.running;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  await unit.pull();
  for (const child of children.split(' ').filter(Boolean)) {
    try {
      process.kill(Number(child), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

const print = (line: string): void => void connections.at(-1)!.write(`${line}\r\n`);
const calls = () => pms.hotel.phone().calls;

test('a call is at Clock once, before and after the agent was killed', async () => {
  const { port } = exchange.address() as AddressInfo;
  const columns = (from: number, to: number, more: object = {}): object => ({ from, to, ...more });
  const layout = {
    kind: 'columns',
    fields: {
      at: columns(1, 16, { format: 'YYYY-MM-DD HH:mm' }),
      extension: columns(18, 20),
      duration: columns(22, 29, { format: 'hh:mm:ss' }),
      dialled: columns(31, 42),
      price: columns(44, 49, { decimals: 2 }),
    },
  };
  const settings = { line: { kind: 'tcp-client', host: '127.0.0.1', port }, layout };
  cloud.shadow(THING, 'services').desire({ services: { smdr: { interface: 'calls', settings } } });
  await until(() => connections.length > 0, 'the service');
  const day = new Date(pms.nowMs()).toISOString().slice(0, 10);
  const line = `${day} 08:15 701 00:03:20 004989123456   1.75`;
  print(line);
  await until(() => calls().length === 1, 'the call');
  print(line);
  print(line.replace('08:15', '08:45'));
  await until(() => calls().length === 2, 'the second call');
  const { given, state } = calls()[0]!;
  assert.deepEqual(given, {
    ...{ call_datetime: `${day} 08:15:00`, internal_line: '701', duration: '00:03:20' },
    ...{ dial_number: '004989123456', price: given['price'] },
  });
  assert.equal(Number(given['price']), 1.75);
  assert.equal(state, 'Charged');
  const before = connections.length;
  await powerCut();
  await unit.start();
  await until(() => connections.length > before, 'the service again');
  print(line);
  print(line.replace('08:15', '08:50'));
  await until(() => calls().length === 3, 'the third call');
  assert.equal(calls().filter((one) => one.given['call_datetime'] === `${day} 08:15:00`).length, 1);
});
