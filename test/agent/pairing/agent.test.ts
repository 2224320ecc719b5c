// The agent as a process: its page shows a code, the cloud assigns the account with it, and takes it away.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openCloud } from '../../bench/cloud/cloud.ts';
import type { Cloud } from '../../bench/cloud/api.ts';
import { THING, Unit } from '../unit.ts';

let cloud: Cloud;
let unit: Unit;
before(async () => {
  cloud = await openCloud({ hosts: ['localhost'] });
  unit = await Unit.prepare(cloud);
  await unit.start();
  await unit.untilUp();
});
after(async () => {
  await unit.remove();
  await cloud.close();
});

const account = {
  ...{ kind: 'pms', host: 'sky-eu1.clock-software.test', subscriptionId: 7, accountId: 42 },
  ...{ apiUser: 'clock-iot', apiKey: 'k-never-shown' },
};
const page = async (): Promise<string> => (await fetch(unit.running.url)).text();
const codeOn = (html: string): string | undefined => /class="code">([^<]+)</.exec(html)?.[1];

/** Sends a command to the unit itself; resolves with how it ends. */
async function order(id: string, kind: string, body: object): Promise<Record<string, unknown>> {
  cloud.publish(`clock/v1/${THING}/command/unit`, { v: 1, id, kind, body });
  const isEnd = (text: string): boolean =>
    text.includes(`"command":"${id}"`) && /"state":"(processed|error)"/.test(text);
  for (;;) {
    const message = await cloud.nextMessage(`clock/v1/${THING}/result/unit`, { withinMs: 15_000 });
    const text = message.payload.toString();
    if (isEnd(text)) return (JSON.parse(text) as { body: Record<string, unknown> }).body;
  }
}

test('by the code on its page, which the cloud hears of; a wrong one does not do', async () => {
  await page();
  const code = codeOn(await page());
  assert.match(code ?? '', /^[3479CFGHJKMPQRTVWX]{4} [3479CFGHJKMPQRTVWX]{4}$/);
  const wrong = await order('p1', 'pairing.assign', { code: 'CCCC CCCC', account });
  assert.equal(wrong['why'], 'wrong-code');
  const right = await order('p2', 'pairing.assign', { code: code?.toLowerCase(), account });
  assert.equal(right['state'], 'processed');
  const status = await unit.until(({ pairing }) => pairing.accounts.length === 1);
  assert.equal(status.pairing.accounts[0]?.accountId, 42);
  const html = await page();
  assert.equal(codeOn(html), undefined);
  assert.match(html, /42, sky-eu1\.clock-software\.test \(by code/);
  assert.match(html, /unit pairing\.assign: done/);
  const told = unit.running.lines.join('\n') + html + (await report()) + JSON.stringify(status);
  assert.doesNotMatch(told, /k-never-shown/);
});

const report = async (): Promise<string> =>
  (await fetch(new URL('report.txt', unit.running.url))).text();

test('it stays over a restart, and goes by order; then the factory’s record does', async () => {
  await unit.pull();
  await unit.start();
  assert.equal((await unit.untilUp()).pairing.accounts.length, 1);
  const other = await order('p3', 'pairing.remove', { kind: 'pms', accountId: 41 });
  assert.equal(other['why'], 'other-account');
  await order('p4', 'pairing.remove', { kind: 'pms', accountId: 42 });
  await unit.until(({ pairing }) => pairing.accounts.length === 0);

  await unit.stop();
  const record = join(unit.folder, 'unit.json');
  await writeFile(record, JSON.stringify({ v: 1, accounts: [{ ...account, accountId: 'x' }] }));
  await unit.start();
  const bad = await unit.until(({ pairing }) => pairing.problem !== null);
  assert.match(bad.pairing.problem ?? '', /accounts\.0\.accountId: expected number/);

  await unit.stop();
  const line = { kind: 'tcp-server', port: 15_001, from: ['127.0.0.1'] };
  const services = { bridge: { interface: 'bytes', settings: { line } } };
  await writeFile(record, JSON.stringify({ v: 1, accounts: [account], services }));
  await unit.start();
  await unit.until(({ pairing }) => pairing.accounts[0]?.accountId === 42);
  assert.ok(!(await unit.files()).includes('unit.json'), 'its key lies in one place only');
  await unit.untilUp();
  // The shadow says nothing of services: the record's stay.
  await unit.until(({ services }) => services[0]?.process === 'running');
});

test('the light blinks and the checks run when the cloud asks', async () => {
  await unit.untilUp();
  const light = await order('u1', 'identify', {});
  assert.equal(light['why'], 'no-light', 'a workstation has none, and says so');
  const checks = await order('u2', 'unit.diagnose', {});
  assert.equal(checks['state'], 'processed');
  assert.ok(Array.isArray((checks['body'] as { failed: unknown }).failed));
});
