// The whole station but for the reader: a ledger with an order, a real flasher onto a file, the page, the label.
import assert from 'node:assert/strict';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLedger, openLedger } from '../../../image/ledger/ledger.ts';
import { listOrders } from '../../../image/ledger/units.ts';
import { runStationPage } from '../../../image/station/run.ts';
import { CARD_BYTES, makeWorks } from '../card/factory.ts';
import { recordingProgress } from '../core/progress.fake.ts';

const PATIENCE_MS = 60_000;
const by = { operator: 'anna', station: 'bench 1' };

/** Until `found` finds something in what is asked for again and again. */
async function until<T>(ask: () => Promise<T>, found: (value: T) => boolean): Promise<T> {
  for (const endMs = performance.now() + PATIENCE_MS; performance.now() < endMs; await sleep(50)) {
    const value = await ask();
    if (found(value)) return value;
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${String(await ask())}`);
}

test('a card is written from the page for an order, and its label printed and noted', async () => {
  const works = await makeWorks();
  process.env['XDG_CACHE_HOME'] = join(works.folder, 'cache');
  const file = join(works.folder, 'ledger.db');
  const signer = join(works.folder, 'signer.pem');
  await writeFile(signer, works.key.publicKeyPem);
  const ledger = createLedger(file, { recipient: undefined, by });
  ledger.make([{ count: 2, order: 'A-17', accounts: [], services: [] }], by);
  ledger.close();
  const device = join(works.folder, 'card');
  const handle = await open(device, 'w');
  await handle.truncate(CARD_BYTES);
  await handle.close();
  const card = { device, bytes: CARD_BYTES, model: 'a file' };
  const printed = join(works.folder, 'printed.pdf');
  const stop = new AbortController();
  const lines: string[] = [];
  const running = runStationPage(
    {
      ...{ claim: undefined, endpoints: undefined, release: works.release, releases: '', signer },
      ...{ by, file, port: 0, labelCommand: `cat >${printed}`, labelFormat: 'pdf' },
    },
    {
      progress: recordingProgress(),
      print: (text) => lines.push(text),
      signal: stop.signal,
      look: () => Promise.resolve([{ is: 'found', card, holds: 'new' }]),
    },
  );
  const [address = ''] = await until(
    () => Promise.race([running.then(() => lines), Promise.resolve(lines)]),
    (all) => all.length > 0,
  ).then((all) => /http\S+/.exec(all[0]!) ?? []);
  const opened = await fetch(address, { redirect: 'manual' });
  const cookie = opened.headers.get('set-cookie')!.split(';', 1)[0]!;
  const at = (path: string): URL => new URL(path, address);
  const page = async (): Promise<string> => (await fetch(at('/'), { headers: { cookie } })).text();
  const press = async (path: string, fields: Record<string, string>): Promise<void> => {
    const body = new URLSearchParams(fields);
    const answer = await fetch(at(path), {
      ...{ method: 'POST', body, headers: { cookie }, redirect: 'manual' },
    });
    assert.equal(answer.status, 303);
  };
  await press('/order', { order: 'A-17' });
  await until(page, (html) => html.includes(`value="${device}"`));
  await press('/write', { device });
  const html = await until(page, (text) => /class="tile (done|bad)"/.test(text));
  assert.match(html, /class="tile done"/);
  assert.match(html, /A-17: 1 of 2 left/);
  const [, serial = ''] = /label\.pdf\?serial=([0-9a-f]{32})/.exec(html) ?? [];
  const label = await fetch(at(`/label.pdf?serial=${serial}`), { headers: { cookie } });
  assert.match(
    Buffer.from(await label.arrayBuffer())
      .subarray(0, 5)
      .toString(),
    /%PDF-/,
  );
  await press('/label', { serial });
  assert.match((await readFile(printed)).subarray(0, 5).toString(), /%PDF-/);
  assert.match(await page(), /label printed/);
  stop.abort();
  assert.equal(await running, 0);
  const after = openLedger(file);
  const unit = after.unit(serial);
  assert.deepEqual([unit.state, unit.labelled, unit.order], ['done', true, 'A-17']);
  assert.deepEqual(listOrders(after), [{ name: 'A-17', wanted: 2, done: 1 }]);
  after.close();
  await rm(works.folder, { recursive: true });
});
