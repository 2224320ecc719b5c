// Typed calls against the double: what they write, and that a write whose answer was lost is written once.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { besideClock, openUser } from './world.ts';

const AT_WILL = { limits: { callsPerSecondMax: 1_000 } };
const charge = {
  reference: 'Bill # 1',
  text: 'Bar',
  revenueGroup: 'f&b',
  price: '12.50',
  taxRate: 0.2,
};

// At once: each waits for its calls to be spaced.
void suite('typed calls', { concurrency: true }, () => {
  test('a door key: waiting, read, issued; then its deletion', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    const { doorKeys } = openUser(beside).calls;
    const { id: bookingId } = pms.hotel.addBooking({ lastName: 'Ivanova', firstName: 'Ana' });
    const { id } = pms.hotel.issueKey({ bookingId, encoderIdentifier: '10.0.0.9' });
    assert.deepEqual(await doorKeys.waiting(), { ok: true, value: [id] });
    assert.deepEqual(await doorKeys.waiting(id), { ok: true, value: [] });
    const key = await doorKeys.read(id);
    assert.ok(key.ok);
    assert.equal(key.value.guest_name, 'Ivanova, Ana');
    assert.equal(key.value.encoder_identifier, '10.0.0.9');
    assert.ok((await doorKeys.issued(id, { atMs: pms.nowMs(), system: 'bench' })).ok);
    assert.equal(pms.hotel.row('door_keys', id)['reference_system'], 'bench');
    pms.hotel.requestKeyDelete(id);
    assert.deepEqual(await doorKeys.deletesWanted(), { ok: true, value: [id] });
    assert.ok((await doorKeys.deleted(id, pms.nowMs())).ok);
    assert.deepEqual(await doorKeys.deletesWanted(), { ok: true, value: [] });
    const failing = pms.hotel.issueKey({ bookingId });
    assert.ok((await doorKeys.failed(failing.id, 'x'.repeat(300))).ok);
    assert.equal(pms.hotel.row('door_keys', failing.id)['error_text'], 'x'.repeat(256));
  });

  test('bookings by room, tag and guest; a room’s of a day', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    const { bookings, rooms } = openUser(beside).calls;
    const { id } = pms.hotel.addBooking({
      ...{ room: '102', status: 'checked_in', identityTags: ['card 7'] },
      ...{ firstName: 'Zoë', lastName: "O'Brien" },
    });
    assert.deepEqual(await bookings.checkedIn(), { ok: true, value: [id] });
    for (const by of [{ room: '102' }, { tag: 'card 7' }, { guest: "O'Brien" }]) {
      const found = await bookings.inHotel(by);
      assert.ok(found.ok, JSON.stringify(found));
      assert.equal(found.value[0]?.id, id);
    }
    const tooShort = await bookings.inHotel({ guest: 'O' });
    assert.ok(!tooShort.ok && tooShort.why === 'rejected' && /3 characters/.test(tooShort.text));
    const room = await rooms.named('102');
    assert.ok(room.ok);
    const today = String(pms.hotel.row('bookings', id)['arrival']);
    const there = await bookings.ofRoom(room.value[0]!.id, today);
    assert.ok(there.ok);
    assert.equal(there.value[0]?.guest_last_name, "O'Brien");
    const read = await bookings.read(id);
    assert.ok(read.ok && read.value.status === 'checked_in');
  });

  test('housekeeping is set and read', async () => {
    await using beside = await besideClock(AT_WILL);
    const { rooms } = openUser(beside).calls;
    const today = '2026-11-25';
    assert.ok((await rooms.setHousekeeping(1_001, 'inspect', today)).ok);
    const seen = await rooms.statuses(today);
    assert.ok(seen.ok);
    assert.equal(seen.value.find(({ id }) => id === 1_001)?.housekeeping_status, 'inspect');
  });

  test('phone calls are charged; the hello is heard; a lost answer is never sent again', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    const { phone } = openUser(beside).calls;
    pms.hotel.addBooking({ status: 'checked_in' });
    assert.ok((await phone.hello()).ok);
    assert.equal(pms.hotel.phone().connection, 'connected');
    const call = { at: '2026-11-25 10:00:00', line: '101', duration: '00:01:00', price: '0.4' };
    pms.inject({ at: 'answer', path: 'phone_calls', do: 'drop', times: 1 });
    const reply = await phone.report([call]);
    assert.ok(!reply.ok && reply.why === 'unknown');
    assert.equal(pms.hotel.phone().calls.length, 1);
    assert.ok((await phone.report([call])).ok);
    assert.equal(pms.hotel.phone().calls.at(-1)?.state, 'Charged');
  });

  test('a fiscal result is written back', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    const { fiscal } = openUser(beside).calls;
    const folio = pms.hotel.defaultFolio(pms.hotel.addBooking().id);
    assert.deepEqual(await fiscal.read(folio.id), { ok: true, value: null });
    pms.hotel.closeFolio(folio.id, { fiscal: true });
    pms.inject({ at: 'answer', method: 'PUT', do: 'truncate', times: 1 });
    assert.ok((await fiscal.answered(folio.id, { response: '0001234' })).ok);
    const seen = await fiscal.read(folio.id);
    assert.equal(seen.ok && seen.value?.fiscal_response_code, '0001234');
    assert.equal(pms.written().length, 1);
  });

  test('a write whose answer was lost is found, and not written again', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    const { doorKeys, charges } = openUser(beside).calls;
    const { id: bookingId } = pms.hotel.addBooking({ status: 'checked_in' });
    const key = pms.hotel.issueKey({ bookingId });
    pms.inject({ at: 'answer', method: 'PUT', do: 'drop', times: 1 });
    assert.ok((await doorKeys.issued(key.id, { atMs: pms.nowMs(), system: 'bench' })).ok);
    assert.equal(pms.written().length, 1);
    const lost = ['drop', 'malformed', 'truncate'] as const;
    for (const [at, how] of lost.entries()) {
      pms.inject({ at: 'answer', method: 'POST', do: how, times: 1 });
      const posted = await charges.post(bookingId, { ...charge, reference: `Bill # ${at}` });
      assert.ok(posted.ok, how);
      assert.equal(posted.value.id, pms.hotel.rows('charges')[at]?.id);
    }
    assert.equal(pms.hotel.rows('charges').length, lost.length);
  });

  test('a write that got lost on its way is written again, once', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    const { charges } = openUser(beside).calls;
    const { id } = pms.hotel.addBooking({ status: 'checked_in' });
    await charges.ofBooking(id);
    pms.inject({ at: 'call', method: 'POST', do: 'drop', times: 1 });
    assert.ok((await charges.post(id, charge)).ok);
    assert.equal(pms.hotel.rows('charges').length, 1);
    pms.inject({ at: 'call', method: 'POST', do: 'drop' });
    const twice = await charges.post(id, { ...charge, reference: 'two' });
    assert.ok(!twice.ok && twice.why === 'unknown');
    assert.equal(pms.calls().filter(({ method }) => method === 'POST').length, 4);
  });

  test('what a gateway answered is looked for, but never written again', async () => {
    await using beside = await besideClock(AT_WILL);
    const { pms } = beside;
    const { charges } = openUser(beside).calls;
    const { id } = pms.hotel.addBooking({ status: 'checked_in' });
    await charges.ofBooking(id);
    pms.inject({ at: 'answer', method: 'POST', do: 'replace', status: 504, text: '', times: 1 });
    assert.ok((await charges.post(id, charge)).ok);
    pms.inject({ at: 'work', method: 'POST', do: 'refuse', status: 502, body: '' });
    const reply = await charges.post(id, { ...charge, reference: 'two' });
    assert.deepEqual(reply, { ok: false, why: 'unknown', code: 'HTTP 502' });
    assert.equal(pms.hotel.rows('charges').length, 1);
    assert.equal(pms.calls().filter(({ method }) => method === 'POST').length, 2);
  });
});
