// Who is answered: own names, own origin, known methods, no bodies.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRequest } from '../../../agent/page/guard.ts';
import type { Asked } from '../../../agent/page/guard.ts';

const names = { hostName: 'clockrpi-0123', domains: ['Hotel.test'] };
const asked: Asked = {
  method: 'GET',
  path: '/',
  host: '10.1.0.20',
  origin: undefined,
  fetchSite: undefined,
  contentLength: undefined,
  transferEncoding: undefined,
  localAddress: '::ffff:10.1.0.20',
};
const status = (change: Partial<Asked>): number => {
  const verdict = judgeRequest({ ...asked, ...change }, names);
  return verdict.ok ? 200 : verdict.status;
};

test('the unit answers to its addresses and names, in any case, with any port', () => {
  for (const host of [
    '10.1.0.20',
    '10.1.0.20:80',
    'localhost:8080',
    '127.0.0.1',
    'clockrpi-0123',
    'CLOCKRPI-0123.local',
    'clockrpi-0123.local.',
    'clockrpi-0123.hotel.test:80',
  ]) {
    assert.equal(status({ host }), 200, host);
  }
  assert.equal(status({ host: '[fe80::1]:80', localAddress: 'fe80::1%end0' }), 200);
});

test('a foreign name is refused (DNS rebinding)', () => {
  for (const host of [
    undefined,
    '',
    'evil.test',
    'clockrpi-0123.evil.test',
    '10.1.0.21',
    'xclockrpi-0123',
    '10.1.0.20.evil.test',
    '10.1.0.20:80:80',
    '10.1.0.20@evil.test',
  ]) {
    assert.equal(status({ host }), 421, String(host));
  }
});

test('a button pressed on another site is refused, one on the own page is not', () => {
  const post = { method: 'POST', path: '/check' };
  assert.equal(status(post), 200);
  assert.equal(status({ ...post, origin: 'http://10.1.0.20' }), 200);
  assert.equal(status({ ...post, fetchSite: 'same-origin', origin: 'http://10.1.0.20' }), 200);
  for (const foreign of [
    { origin: 'http://evil.test' },
    { origin: 'null' },
    { origin: 'https://10.1.0.20' },
    { fetchSite: 'cross-site' },
    { fetchSite: 'none' },
  ]) {
    assert.equal(status({ ...post, ...foreign }), 403, JSON.stringify(foreign));
  }
  assert.equal(status({ origin: 'http://evil.test' }), 200, 'reading is for everybody');
});

test('bodies, unknown paths and unknown methods are refused each by its own status', () => {
  assert.equal(status({ method: 'POST', path: '/check', contentLength: '1025' }), 413);
  assert.equal(status({ method: 'POST', path: '/check', contentLength: '0' }), 200);
  assert.equal(status({ transferEncoding: 'chunked' }), 411);
  for (const path of ['/nothing', '/__proto__', '/constructor', '//', '/page.css/']) {
    assert.equal(status({ path }), 404, path);
  }
  assert.equal(status({ method: 'DELETE' }), 405);
  assert.equal(status({ method: 'POST' }), 405);
  assert.equal(status({ path: '/check' }), 405);
  assert.equal(status({ method: 'HEAD' }), 200);
});

test('OPTIONS and 405 name what is allowed', () => {
  const options = judgeRequest({ ...asked, method: 'OPTIONS', path: '/api/checks' }, names);
  assert.deepEqual(options, { ok: true, route: 'OPTIONS POST, OPTIONS' });
  const wrong = judgeRequest({ ...asked, method: 'PUT' }, names);
  assert.deepEqual(wrong, { ok: false, status: 405, allow: 'GET, HEAD, OPTIONS' });
});
