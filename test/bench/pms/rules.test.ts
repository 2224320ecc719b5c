// The double keeps Clock's rules: signature, limit, rights, firewall, queries, refusals, faults.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { nonceOf, openClient, pathOf, raw, signed } from './client.ts';
import { parseQuery } from './query.ts';
import { openPms } from './pms.ts';

/** Most tests are not about the limit. */
const AT_WILL = { limits: { callsPerSecondMax: 1_000 } };

test('curl --digest reads the root and writes a door key', async () => {
  await using pms = await openPms();
  const account = pms.account();
  const booking = pms.hotel.addBooking({ status: 'checked_in' });
  const key = pms.hotel.issueKey({ bookingId: booking.id });
  const folder = await mkdtemp(join(tmpdir(), 'pms-'));
  const curl = async (...more: string[]): Promise<string> => {
    await writeFile(join(folder, 'roots.pem'), pms.rootsPem);
    const { stdout } = await promisify(execFile)('curl', [
      ...['--silent', '--show-error', '--digest', '--cacert', join(folder, 'roots.pem')],
      ...['--max-time', '60', '--resolve', `localhost:${pms.port}:127.0.0.1`],
      ...['--user', `${account.apiUser}:${account.apiKey}`, ...more],
    ]);
    return stdout;
  };
  const base = `https://localhost:${pms.port}`;
  const root = JSON.parse(await curl(`${base}/pms_api/71/7001.json`)) as Record<string, unknown>;
  assert.equal(root['time_zone'], 'Europe/Sofia');
  assert.match(
    (root['http_msg_channels'] as Record<string, string>)['door_key_new']!,
    new RegExp(`^//localhost:${pms.port}/sub/[0-9a-f-]{36}-7001-door_key_new$`),
  );
  const body = '{"issued_at":"2026-01-02T03:04:05+02:00","reference_system":"bench"}';
  const url = `${base}/pms_api/71/7001/door_keys/${key.id}.json?x.eq=`;
  await curl('--request', 'PUT', '--data', body, '--header', 'Content-Type: application/json', url);
  assert.equal(pms.hotel.row('door_keys', key.id)['issued_at'], '2026-01-02T01:04:05.000Z');
  // A challenge and an answer, each time.
  assert.deepEqual(
    pms.calls().map(({ status }) => status),
    [401, 200, 401, 200],
  );
  await rm(folder, { recursive: true });
});

test('a nonce serves for five minutes, for its own target only, and an old one is just a 401', async () => {
  await using pms = await openPms(AT_WILL);
  const account = pms.account();
  const uri = pathOf(account, 'pms_api/rooms.json?name=101');
  const nonce = await nonceOf(pms, uri);
  const status = async (path: string, header: string): Promise<number> =>
    (await raw(pms, 'GET', path, { headers: { authorization: header } })).status;
  const header = signed(account, nonce, { method: 'GET', uri });
  assert.equal(await status(uri, header), 200);
  assert.equal(await status(uri, header), 200, 'reused');
  assert.equal(await status(uri.replace('101', '102'), header), 401, 'another query');
  assert.equal(await status(uri, header.replace('algorithm', 'x')), 200, 'algorithm is not needed');
  assert.equal(await status(uri, header.replace('opaque="', 'opaque="0')), 401);
  assert.equal(await status(uri, header.replace('qop=auth', 'qop=x')), 401);
  assert.equal(await status(uri, header.replace('cnonce="', 'cnonce=",')), 401, 'split at commas');
  assert.equal(await status(uri, header.replace('nonce="', 'nonce="MTox')), 401, 'foreign nonce');
  pms.advance(299_000);
  assert.equal(await status(uri, header), 200);
  pms.advance(3_000);
  const old = await raw(pms, 'GET', uri, { headers: { authorization: header } });
  assert.equal(old.text, 'HTTP Digest: Access denied.\n');
  assert.match(
    String(old.headers['www-authenticate']),
    /^Digest realm="API", qop="auth", algorithm=MD5, nonce="[\w+/=]+", opaque="[0-9a-f]{32}"$/,
  );
  pms.changeKey(account.apiUser);
  const fresh = await nonceOf(pms, uri);
  assert.equal(await status(uri, signed(account, fresh, { method: 'GET', uri })), 401, 'old key');
});

test('the sixth call within a second is refused, unsigned ones counted, each user for himself', async () => {
  await using pms = await openPms();
  const call = await openClient(pms);
  const other = await openClient(pms, pms.addUser());
  const statuses: number[] = [];
  for (let count = 0; count < 6; count += 1) {
    statuses.push((await call('GET', 'pms_api/rooms.json')).status);
  }
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429]);
  assert.equal((await other('GET', 'pms_api/rooms.json')).status, 200);
  const unsigned = await raw(pms, 'GET', '/pms_api/71/7001/rooms.json');
  assert.equal(unsigned.status, 429);
  pms.advance(1_001);
  assert.equal((await call('GET', 'pms_api/rooms.json')).status, 200);
  assert.equal(pms.callsPerSecondMax(pms.account().apiUser), 6);
});

test('both kinds of 403: a right is named; the firewall names none and stays for two hours', async () => {
  await using pms = await openPms(AT_WILL);
  const call = await openClient(pms);
  pms.deny(pms.account().apiUser, 'pms_api_rooms_index', 'Charges: Create');
  const right = await call('GET', 'pms_api/rooms.json');
  assert.equal(right.status, 403);
  assert.deepEqual(right.json, { error: "The User doesn't have pms_api_rooms_index right" });
  const { id } = pms.hotel.addBooking({ status: 'checked_in' });
  const plain = await call('POST', `pms_api/bookings/${id}/charges_by_source.json`, {});
  assert.match(plain.text, /following right: 'Charges: Create'/);
  pms.allow(pms.account().apiUser, 'pms_api_rooms_index');
  assert.equal((await call('GET', 'pms_api/rooms.json')).status, 200);
  pms.inject({ at: 'call', do: 'waf', ban: true, times: 1 });
  for (const passedMs of [0, 7_190_000]) {
    pms.advance(passedMs);
    const banned = await call('GET', 'pms_api/rooms.json');
    assert.equal(banned.status, 403);
    assert.doesNotMatch(banned.text, /right/i);
  }
  assert.equal((await raw(pms, 'GET', pms.channelPath('door_key_new'))).status, 403);
  pms.advance(20_000);
  assert.notEqual((await call('GET', 'pms_api/rooms.json')).status, 403);
});

test('what Clock refuses is a 500 with words; nothing is written', async () => {
  await using pms = await openPms(AT_WILL);
  const call = await openClient(pms);
  const booking = pms.hotel.addBooking({ status: 'checked_in', firstName: 'Ana' });
  const closed = pms.hotel.addBooking({ status: 'checked_in', acceptCharges: false });
  const key = pms.hotel.issueKey({ bookingId: booking.id });
  const charge = { text: 'Cola', revenue_group: 'f&b', price: 2.5 };
  const many = Array.from({ length: 101 }, () => charge);
  const b = `pms_api/bookings/${booking.id}`;
  const refused: readonly (readonly [string, string, unknown, RegExp])[] = [
    ['PUT', `pms_api/door_keys/${key.id}.json`, { issued_at: '2026-01-01T00:00:00Z' }, /Reference/],
    ['PUT', `pms_api/door_keys/${key.id}.json`, { guest: 'x' }, /unknown attribute 'guest'/],
    ['PUT', `${b}.json`, { booking: { note: 'x', lock_version: 7 } }, /stale object: Booking/],
    ['POST', `${b}/charges_by_source/bulk.json`, { charges: many }, /exceeds the limit/],
    ['POST', `${b}/charges_by_source/bulk.json`, { charges: [charge, {}] }, /blank/],
    ['POST', `pms_api/bookings/${closed.id}/charges_by_source.json`, { charge }, /not accept/],
    ['PUT', 'pms_api/rooms/1001.json', { room: { housekeeping_status: 'x' } }, /Housekeeping/],
    [
      'GET',
      'pms_api/bookings/find_in_hotel.json?main_guest_free_text_search=An',
      undefined,
      /3 ch/,
    ],
    ['GET', 'pms_api/bookings.json?nothing.eq=1', undefined, /Unknown column/],
  ];
  for (const [method, path, body, words] of refused) {
    const { status, text } = await call(method, path, body);
    assert.equal(status, 500, path);
    assert.match(text, words);
  }
  assert.deepEqual(pms.written(), []);
  assert.deepEqual(pms.hotel.rows('charges'), []);
  const gone = await call('GET', 'pms_api/door_keys/1.json');
  assert.equal(gone.status, 404);
  assert.match(String(gone.headers['content-type']), /html/);
});

test('the rows: keys, housekeeping, charges, phone calls, fiscal results', async () => {
  await using pms = await openPms(AT_WILL);
  const call = await openClient(pms);
  const booking = pms.hotel.addBooking({ room: '102', status: 'checked_in', lastName: 'Ivanova' });
  const key = pms.hotel.issueKey({ bookingId: booking.id });
  pms.hotel.requestKeyDelete(key.id);
  const filter = 'deleted_at.eq&delete_requested_at.not_eq';
  assert.deepEqual((await call('GET', `pms_api/door_keys.json?${filter}`)).json, [key.id]);
  const deleted = { deleted_at: '2026-01-01T00:00:00Z' };
  assert.equal((await call('PUT', `pms_api/door_keys/${key.id}.json`, deleted)).status, 200);
  assert.deepEqual((await call('GET', `pms_api/door_keys.json?${filter}`)).json, []);
  const found = await call('GET', 'pms_api/bookings/find_in_hotel.json?room_name=102');
  assert.equal((found.json as { id: number }[])[0]?.id, booking.id);
  const room = { room: { housekeeping_status: '' } };
  pms.hotel.setHousekeeping('102', 'checked_out');
  await call('PUT', 'pms_api/rooms/1002.json', room);
  assert.equal(pms.hotel.row('rooms', 1_002)['housekeeping_status'], '');
  const calls = [
    { call_datetime: '2026-11-25 10:00:00', internal_line: '102', price: '0.40' },
    { call_datetime: '2026-11-25 10:00:00', internal_line: '999', price: '0.40' },
  ];
  assert.equal((await call('POST', 'pms_api/phone_calls.json', calls)).text, '');
  await call('POST', 'pms_api/phone_calls.json', {});
  const { calls: charged, connection } = pms.hotel.phone();
  assert.deepEqual(
    charged.map(({ state }) => state),
    ['Charged', 'Uncharged'],
  );
  assert.equal(connection, 'connected');
  pms.advance(301_000);
  assert.equal(pms.hotel.phone().connection, 'No Communication');
  const again = await openClient(pms);
  const by = `pms_api/bookings/${booking.id}/charges_by_source`;
  const charge = { text: 'Bar', revenue_group: 'f&b', price: 12, tax_rate: 0.2, print_text: '# 7' };
  const posted = await again('POST', `${by}.json`, { charge });
  const { folio_id: folioId } = posted.json as { folio_id: number };
  const mine = await again('GET', `${by}.json?print_text=%23%207`);
  assert.equal((mine.json as { net_value_cents: number }[])[0]?.net_value_cents, 1_000);
  pms.hotel.closeFolio(folioId, { fiscal: true });
  const path = `base_api/fiscalization/generic/${folioId}.json`;
  await again('PUT', path, { fiscal_response_code: 'N 12' });
  const result = (await again('GET', path)).json as Record<string, unknown>;
  assert.equal(result['fiscal_response_code'], 'N 12');
  const fired = pms.events().map(({ event }) => event);
  for (const event of [
    'door_key_new',
    'housekeeping_changed',
    'fiscal_request',
    'folio_fiscalize',
  ]) {
    assert.ok(fired.includes(event), event);
  }
});

test('an answer may be lost after the work was done, and the journal proves it', async () => {
  await using pms = await openPms(AT_WILL);
  const call = await openClient(pms);
  const { id } = pms.hotel.addBooking();
  const write = async () => call('PUT', `pms_api/bookings/${id}.json`, { booking: { note: 'x' } });
  pms.inject({ at: 'answer', method: 'PUT', do: 'drop', times: 1 });
  await assert.rejects(write());
  assert.equal(pms.written().length, 1);
  pms.inject({ at: 'call', do: 'drop', times: 1 });
  await assert.rejects(write());
  assert.equal(pms.written().length, 1);
  pms.inject({ at: 'answer', do: 'truncate', times: 1 });
  await assert.rejects(write());
  pms.inject({ at: 'answer', do: 'huge', bytes: 3_000_000, times: 1 });
  assert.equal((await call('GET', 'pms_api/rooms/1001.json')).text.length, 3_000_000);
  pms.inject({ at: 'answer', do: 'malformed', times: 1 });
  await assert.rejects(call('GET', 'pms_api/rooms.json'), SyntaxError);
  pms.inject({ at: 'handshake', do: 'wrong-authority', times: 1 });
  await assert.rejects(call('GET', 'pms_api/rooms.json'));
  assert.equal((await call('GET', 'pms_api/rooms.json')).status, 200);
});

test('parseQuery() decodes, keeps lists and takes what is empty as nil', () => {
  const query = parseQuery('a.eq&b=%23+x&c[]=1&c[]=2');
  assert.deepEqual(
    [...query],
    [
      ['a.eq', [null]],
      ['b', ['# x']],
      ['c[]', ['1', '2']],
    ],
  );
});
