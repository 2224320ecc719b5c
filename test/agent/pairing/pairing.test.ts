// Pairing over real records: the factory's record, the code, what burns it, unpairing, power cuts.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Outcome } from '../../../agent/core/commands.ts';
import { createLog } from '../../../agent/core/log.ts';
import { envelope, uuidV7 } from '../../../agent/core/messages.ts';
import { realFolder } from '../../../agent/io/folder.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';
import type { Outbox } from '../../../agent/outbox/shapes.ts';
import { createPairing } from '../../../agent/pairing/run.ts';
import type { PairingRunner } from '../../../agent/pairing/run.ts';
import { codeFrom, isSameCode, parseAssignment } from '../../../agent/pairing/wire.ts';

const home = await mkdtemp(join(tmpdir(), 'pairing-'));
after(async () => rm(home, { recursive: true, force: true }));
const KEY = 'a-very-secret-key';
const ACCOUNT = {
  kind: 'pms',
  host: 'sky-eu1.clock-software.com',
  subscriptionId: 11,
  accountId: 22,
  apiUser: 'unit',
  apiKey: KEY,
} as const;
const POS = { ...ACCOUNT, kind: 'pos', accountId: 33 } as const;
const MINUTE = 60_000;

interface Rig {
  readonly pairing: PairingRunner;
  readonly outbox: Outbox;
  readonly lines: string[];
  readonly folder: string;
  advance(ms: number): void;
  disconnect(): void;
  changes(): number;
  run(kind: string, body: unknown): Promise<Outcome>;
  assign(code: string, account?: object): Promise<Outcome>;
  said(): { kind: string; body: Record<string, unknown> }[];
  close(): void;
}

let made = 0;
function rig(folder = join(home, `${(made += 1)}`)): Rig {
  let nowMs = 1_000;
  let isConnected = true;
  let changes = 0;
  const lines: string[] = [];
  const clock = { nowMs: () => nowMs, wallMs: () => Date.UTC(2026, 5, 1) + nowMs };
  const log = createLog((line) => lines.push(line));
  const outbox = createOutbox(() => openSqlite(folder, STORE_LIMITS), {
    clock,
    log,
    onReady: () => {},
  });
  let reloads = 0;
  const pairing = createPairing({
    records: outbox.records,
    folder: realFolder(folder),
    belongings: {
      keysOf: ({ accountId }) =>
        outbox.records.list(`pms/cursor/${accountId}/`).map(({ key }) => key),
      dropWaiting: () => {
        for (const { id, lane } of outbox.take(100, { except: [], eventsOnly: false })) {
          if (lane === 'business') outbox.settle(id);
        }
      },
    },
    makeMessage: (said) => {
      const id = uuidV7(clock.wallMs(), randomBytes(10));
      return envelope({ ...said, id, thing: 't', atMs: clock.wallMs() });
    },
    services: {
      recorded: (wanted) => [{ key: 'services/desired', value: JSON.stringify(wanted) }],
      reload: () => (reloads += 1),
    },
    isConnected: () => isConnected,
    randomBytes,
    clock,
    log,
    onChange: () => (changes += 1),
  });
  const run = async (kind: string, body: unknown): Promise<Outcome> => {
    const command = { id: 'c', service: 'unit', kind, body, expiresMs: undefined };
    return pairing.handler.run(command, new AbortController().signal);
  };
  return {
    ...{ pairing, outbox, lines, folder, run },
    advance: (ms) => (nowMs += ms),
    disconnect: () => (isConnected = false),
    changes: () => changes,
    assign: async (code, account = ACCOUNT) => run('pairing.assign', { code, account }),
    said: () =>
      outbox
        .take(100, { except: [], eventsOnly: false })
        .map(({ payload }) => JSON.parse(payload.toString())),
    close: () => outbox.close(),
  };
}
const codeOf = ({ pairing }: Rig): string => pairing.view().code?.text ?? 'none';
const whyOf = (outcome: Outcome): string =>
  outcome.state === 'error' ? outcome.why : outcome.state;

test('a code is shown to who looks, told to the cloud, and pairs the unit once', async () => {
  const one = rig();
  assert.equal(codeOf(one), 'none');
  one.pairing.look({ isAsked: false });
  const code = codeOf(one);
  assert.match(code, /^[3479CFGHJKMPQRTVWX]{4} [3479CFGHJKMPQRTVWX]{4}$/);
  one.pairing.look({ isAsked: true });
  assert.equal(codeOf(one), code, 'who looks again sees the same');
  await one.outbox.records.change({});
  const [told] = one.said();
  assert.equal(told?.kind, 'pairing.code');
  assert.equal(told?.body['code'], code.replace(' ', ''));
  // As somebody types it.
  assert.deepEqual(await one.assign(` ${code.toLowerCase().replace(' ', '-')} `), {
    state: 'processed',
  });
  const [account] = one.pairing.view().accounts;
  assert.deepEqual([account?.accountId, account?.by], [22, 'code']);
  assert.equal(one.pairing.accounts()[0]?.apiKey, KEY);
  assert.equal(codeOf(one), 'none', 'used up');
  one.pairing.look({ isAsked: false });
  assert.equal(codeOf(one), 'none', 'paired: only who asks gets another');
  one.pairing.look({ isAsked: true });
  assert.equal(
    whyOf(await one.assign(codeOf(one))),
    'processed',
    'the same account again is no change',
  );
  const other = { ...ACCOUNT, apiKey: 'another-key' };
  assert.equal(whyOf(await one.assign('', other)), 'processed', 'another key of the same account');
  assert.equal(one.pairing.accounts()[0]?.apiKey, 'another-key');
  assert.equal(one.pairing.view().accounts[0]?.by, 'code', 'whose it is stays as it was');
  assert.equal(
    whyOf(await one.assign(codeOf(one), { ...ACCOUNT, accountId: 9 })),
    'already-paired',
  );
  assert.equal(whyOf(await one.assign(codeOf(one), POS)), 'processed', 'tills beside the PMS');
  one.pairing.look({ isAsked: true });
  assert.equal(codeOf(one), 'none', 'one of each kind is all');
  assert.equal(one.changes(), 3);
  const everything = JSON.stringify([one.said(), one.lines, one.pairing.view()]);
  assert.ok(!everything.includes(KEY), 'the key is told to nobody');
  one.close();
});

test('a code dies after a quarter of an hour, and without the cloud there is none', async () => {
  const one = rig();
  one.pairing.look({ isAsked: false });
  const code = codeOf(one);
  one.advance(15 * MINUTE - 1);
  assert.equal(codeOf(one), code);
  one.advance(1);
  assert.equal(codeOf(one), 'none');
  assert.equal(whyOf(await one.assign(code)), 'no-code');
  one.disconnect();
  one.pairing.look({ isAsked: true });
  assert.equal(codeOf(one), 'none');
  assert.deepEqual(one.pairing.accounts(), []);
  one.close();
});

test('five wrong codes burn it, and for a while there is no other', async () => {
  const one = rig();
  one.pairing.look({ isAsked: false });
  const code = codeOf(one);
  for (const wrong of ['', '3333 3333', code.slice(0, 8), `${code}X`, 'ÄÄÄÄÄÄÄÄ']) {
    assert.equal(whyOf(await one.assign(wrong)), 'wrong-code', wrong);
  }
  assert.equal(whyOf(await one.assign(code)), 'no-code');
  one.pairing.look({ isAsked: true });
  assert.equal(codeOf(one), 'none');
  assert.equal(one.pairing.view().isPaused, true);
  one.advance(15 * MINUTE);
  one.pairing.look({ isAsked: false });
  assert.notEqual(codeOf(one), 'none');
  one.close();
});

test('what is no assignment is refused by the field, and a key is not repeated', async () => {
  const one = rig();
  one.pairing.look({ isAsked: false });
  const code = codeOf(one);
  for (const [account, field] of [
    [{ ...ACCOUNT, host: 'Sky.example/../' }, 'account.host'],
    [{ ...ACCOUNT, accountId: -1 }, 'account.accountId'],
    [{ ...ACCOUNT, apiKey: `${KEY}"\r\nX: y` }, 'account.apiKey'],
    [{ ...ACCOUNT, more: 1 }, 'account.more'],
    [{ ...ACCOUNT, kind: 'spa' }, 'account.kind'],
    [7, 'account'],
  ] as const) {
    const outcome = await one.assign(code, account as object);
    assert.equal(whyOf(outcome), 'invalid');
    const text = outcome.state === 'error' ? (outcome.text ?? '') : '';
    assert.ok(text.startsWith(field), text);
    assert.ok(!text.includes(KEY), text);
  }
  assert.deepEqual(one.pairing.accounts(), []);
  assert.equal(codeOf(one), code, 'no guess was made');
  one.close();
});

test('unpairing takes along what belonged to the account, and only to that', async () => {
  const one = rig();
  one.pairing.look({ isAsked: false });
  await one.assign(codeOf(one));
  const put = [22, 33].map((id) => ({ key: `pms/cursor/${id}/door_key_new`, value: '"x"' }));
  const charge = {
    id: 'charge',
    lane: 'business',
    topic: 't',
    payload: Buffer.from('{}'),
    atMs: 1,
  } as const;
  await one.outbox.records.change({ put, messages: [charge] });
  assert.equal(
    whyOf(await one.run('pairing.remove', { kind: 'pms', accountId: 9 })),
    'other-account',
  );
  assert.equal(whyOf(await one.run('pairing.remove', { kind: 'pms' })), 'invalid');
  assert.equal(one.pairing.accounts().length, 1);
  for (let i = 0; i < 2; i += 1) {
    const again = await one.run('pairing.remove', { kind: 'pms', accountId: 22 });
    assert.deepEqual(again, { state: 'processed' });
  }
  assert.deepEqual(one.pairing.accounts(), []);
  assert.deepEqual(
    one.outbox.records.list('').map(({ key }) => key),
    ['pms/cursor/33/door_key_new'],
  );
  assert.ok(!one.said().some(({ kind }) => kind === undefined), 'the charge is gone');
  one.close();
});

test('the factory’s record is taken over once, and its file goes', async () => {
  const first = rig();
  const accounts = [ACCOUNT, POS];
  await writeFile(join(first.folder, 'unit.json'), JSON.stringify({ v: 1, accounts }));
  await first.pairing.begin();
  assert.deepEqual(
    first.pairing.view().accounts.map(({ kind, by }) => [kind, by]),
    [
      ['pms', 'record'],
      ['pos', 'record'],
    ],
  );
  assert.equal(await realFolder(first.folder).read('unit.json'), undefined);
  first.close();
  const again = rig(first.folder);
  await again.pairing.begin();
  assert.equal(again.pairing.accounts().length, 2);
  again.close();
});

test('a record that cannot be read is said, and stays', async () => {
  for (const [text, problem] of [
    ['{', /expected/],
    [JSON.stringify({ v: 1, accounts: [ACCOUNT, ACCOUNT] }), /two accounts of one kind/],
    [JSON.stringify({ v: 1, accounts: [{ ...ACCOUNT, apiKey: 7 }] }), /accounts\.0\.apiKey/],
  ] as const) {
    const one = rig();
    await writeFile(join(one.folder, 'unit.json'), text);
    await one.pairing.begin();
    assert.match(one.pairing.view().recordProblem ?? '', problem);
    assert.equal(await realFolder(one.folder).read('unit.json'), text);
    one.close();
  }
});

test('codes are even, and never less than eight letters', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 5_000; i += 1) {
    for (const letter of codeFrom(randomBytes(32)) ?? '') {
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
  }
  assert.equal(counts.size, 18);
  const each = 40_000 / 18;
  for (const [letter, count] of counts) assert.ok(Math.abs(count - each) < each * 0.15, letter);
  assert.equal(codeFrom(Buffer.alloc(32, 255)), undefined);
});

test('isSameCode() and parseAssignment() take whatever is thrown at them', () => {
  for (let i = 0; i < 2_000; i += 1) {
    const junk = randomBytes(i % 40).toString(i % 2 === 0 ? 'latin1' : 'utf8');
    assert.equal(
      isSameCode(junk, 'CFGHJKMP'),
      junk.toUpperCase().replaceAll(/[\s-]/g, '') === 'CFGHJKMP',
    );
    assert.equal(parseAssignment({ code: junk, account: junk }).ok, false);
    assert.equal(parseAssignment(junk).ok, false);
  }
});
