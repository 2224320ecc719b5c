// `npm start` as a newcomer runs it: the story comes to its end, nothing listens outside loopback, the
// cloud's page works and is no one else's, Ctrl-C leaves nothing behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const MAIN = join(import.meta.dirname, 'main.ts');

/** Local addresses, as the kernel writes them, of TCP sockets that listen. */
async function listening(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(file, 'utf8')).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state === '0A') found.set(inode, local);
    }
  }
  return found;
}

test('from the first line to Ctrl-C', async (t) => {
  const temporary = await mkdtemp(join(tmpdir(), 'laptop-'));
  t.after(async () => rm(temporary, { recursive: true, force: true }));
  const before = await listening();
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((done) => child.once('exit', done));
  let said = '';
  const isTold = new Promise<void>((done) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (/Ctrl-C ends all/.test(said)) done();
      });
    }
  });
  await Promise.race([isTold, ended]);
  assert.match(said, /has its own certificate/);
  assert.match(said, /shows the code [A-Z0-9]{4} [A-Z0-9]{4} on its page/);
  assert.match(said, /works for pms account 7001/);
  assert.match(said, /reaches its PMS: Hotel Balkan, Europe\/Sofia, day 20/);
  assert.match(said, /written a card; the PMS knows that it is issued/);
  assert.match(said, /posts 12\.50 to room 201; the unit answers OK/);
  assert.match(said, /has the charge on Ms Ivanova’s folio, once/);
  assert.match(said, /answers: received[^]*answers: processed/);
  assert.match(said, /has \d+ events: unit.started/);

  for (const [inode, local] of await listening()) {
    // 127.0.0.1, in the byte order of the machine.
    if (!before.has(inode)) assert.match(local, /^0100007F:/);
  }

  const url = /The cloud {2}(\S+)/.exec(said)![1]!;
  const html = await (await fetch(url)).text();
  assert.match(html, /clockrpi-[0-9a-f]{32}<\/td><td>yes<\/td><td>pms 7001</);
  const press = async (path: string, body: string, headers = {}): Promise<Response> =>
    fetch(new URL(path, url), { method: 'POST', body: new URLSearchParams(body), headers });
  assert.match(await (await press('pair', 'code=CCCC+CCCC')).text(), /No unit shows this code/);
  const thing = /clockrpi-[0-9a-f]{32}/.exec(html)![0];
  assert.match(await (await press('do', `thing=${thing}&job=diagnose`)).text(), /is queued/);
  assert.match(await (await press('do', 'thing=x&job=diagnose')).text(), /no such unit/);
  const foreign = await press('do', `thing=${thing}&job=diagnose`, { Origin: 'http://evil.test' });
  assert.equal(foreign.status, 403);
  assert.equal((await press('do', 'x'.repeat(5_000))).status, 413);

  child.kill('SIGINT');
  assert.equal(await ended, 0, said);
  assert.deepEqual(await readdir(temporary), []);
});
