// Manifests of packages: what this unit's keys signed is taken, and nothing else, however alike.
import assert from 'node:assert/strict';
import { createPublicKey, sign } from 'node:crypto';
import { test } from 'node:test';
import { needsBeyond, permissionOf } from '../../../agent/core/packages.ts';
import { admitNeeds } from '../../../agent/core/needs/wire.ts';
import {
  EMPTY,
  isAgentBefore,
  keyIdOf,
  openPackage,
  packageKeys,
  parseOffer,
  parseSaved,
  renderSaved,
  signPackage,
} from '../../../agent/packages/wire.ts';
import type { Saved } from '../../../agent/packages/wire.ts';
import { openManifest, signManifest } from '../../../agent/update/wire.ts';
import { randomFrom, testSeed } from '../random.ts';
import { KEY, make, makeKey } from './made.ts';

const { manifest, jws } = await make('3.0.0');
const [header = '', payload = '', signature = ''] = jws.split('.');
const base64url = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
/** Signed rightly, whatever it says. */
function signed(head: unknown, body: unknown, key = KEY): string {
  const text = `${base64url(head)}.${base64url(body)}`;
  return `${text}.${sign(null, Buffer.from(text), key.privatePem).toString('base64url')}`;
}
const kid = keyIdOf(createPublicKey(KEY.publicPem));
const HEAD = { alg: 'EdDSA', typ: 'clock-interface', kid };

test('openPackage() gives back what was signed', () => {
  assert.deepEqual(openPackage(jws, KEY.keys), manifest);
  assert.deepEqual(openPackage(signed(HEAD, manifest), KEY.keys), manifest);
});

test('openPackage() takes any one of several keys, and no other', async () => {
  const other = makeKey();
  const both = packageKeys(`${other.publicPem}\n${KEY.publicPem}`);
  assert.equal(both.size, 2);
  assert.deepEqual(openPackage(jws, both), manifest);
  assert.deepEqual(openPackage((await make('3.0.0', { key: other })).jws, both), manifest);
  assert.equal(openPackage(jws, other.keys), undefined);
  assert.equal(openPackage(jws, new Map()), undefined);
  assert.throws(() => packageKeys('nothing'));
});

test('openPackage() refuses every header but the one', () => {
  const other = makeKey();
  for (const head of [
    { ...HEAD, alg: 'none' },
    { ...HEAD, alg: 'HS256' },
    { ...HEAD, typ: 'clock-bundle' },
    { ...HEAD, typ: 'JWT' },
    { ...HEAD, kid: keyIdOf(createPublicKey(other.publicPem)) },
    { ...HEAD, crit: ['x'], x: 1 },
    { ...HEAD, jwk: {} },
    { alg: 'EdDSA', typ: 'clock-interface' },
    {},
  ]) {
    assert.equal(openPackage(signed(head, manifest), KEY.keys), undefined, JSON.stringify(head));
  }
});

test('the signature of a bundle is none for a package, nor the other way round', () => {
  const publicKey = createPublicKey(KEY.publicPem);
  const bundle = signManifest(
    {
      ...{ v: 1, name: 'agent', version: '2.0.0', sha256: manifest.sha256, size: 5 },
      ...{ minimumRelease: '1.0.0', builtAt: '2026-01-01T00:00:00Z', sequence: 5 },
    },
    KEY.privatePem,
  );
  assert.ok(openManifest(bundle, publicKey));
  assert.equal(openPackage(bundle, KEY.keys), undefined);
  assert.equal(openManifest(jws, publicKey), undefined);
});

test('openPackage() refuses a manifest of another form, also a signed one', () => {
  for (const wrong of [
    { ...manifest, v: 2 },
    { ...manifest, name: '../x' },
    { ...manifest, version: '../../etc' },
    { ...manifest, version: '1.0' },
    { ...manifest, counter: 0 },
    { ...manifest, counter: 1.5 },
    { ...manifest, sha256: 'x' },
    { ...manifest, size: 0 },
    { ...manifest, size: 100_000_000 },
    { ...manifest, permissions: ['everything'] },
    { ...manifest, permissions: ['connect', 'connect'] },
    { ...manifest, title: 'a\nb' },
    { ...manifest, minimumAgent: 'any' },
    { ...manifest, more: 1 },
    [manifest],
    'text',
  ]) {
    assert.equal(openPackage(signed(HEAD, wrong), KEY.keys), undefined, JSON.stringify(wrong));
  }
  assert.throws(() => signPackage({ ...manifest, counter: 0 }, KEY.privatePem));
});

test('openPackage() refuses a manifest in which any bit was changed', (t) => {
  const seed = testSeed();
  const random = randomFrom(seed);
  t.diagnostic(`seed ${seed}`);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 20_000 : 400;
  for (let i = 0; i < rounds; i += 1) {
    const text = Buffer.from(jws);
    const at = Math.floor(random() * text.length);
    text[at]! ^= 1 << Math.floor(random() * 7);
    if (text.toString() === jws) continue;
    assert.equal(openPackage(text.toString(), KEY.keys), undefined, `byte ${at}`);
  }
  for (const wrong of [
    ...['', '.', '..', jws.slice(1), `${jws}=`, `${jws}A`, `${header}.${payload}.`],
    ...[`${header}.${payload}`, `${payload}.${header}.${signature}`, `${jws}.${signature}`],
    ...['a'.repeat(100_000), undefined, 5, null, {}],
  ]) {
    assert.equal(openPackage(wrong, KEY.keys), undefined);
  }
});

test('openPackage() takes one text of a signature, not another of the same bytes', () => {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  // 64 bytes: the last digit's low four bits mean nothing.
  const twin = signature.slice(0, -1) + digits[digits.indexOf(signature.at(-1)!) ^ 1];
  assert.deepEqual(Buffer.from(twin, 'base64url'), Buffer.from(signature, 'base64url'));
  assert.equal(openPackage(`${header}.${payload}.${twin}`, KEY.keys), undefined);
});

test('parseOffer() names the parameter that is wrong', () => {
  const good = {
    ...{ url: 'https://bucket.example/a?b', sha256: manifest.sha256 },
    ...{ manifest: jws, approve: ['connect'] },
  };
  assert.deepEqual(parseOffer(good), { ok: true, offer: good });
  for (const [more, field] of [
    [{ url: 'http://bucket.example/a' }, 'url'],
    [{ url: 'https://user:word@bucket.example/a' }, 'url'],
    [{ sha256: 'x' }, 'sha256'],
    [{ manifest: 'x' }, 'manifest'],
    [{ approve: undefined }, 'approve'],
    [{ approve: ['connect', 'connect'] }, 'approve'],
    [{ approve: ['root'] }, 'approve.0'],
  ] as const) {
    assert.deepEqual(parseOffer({ ...good, ...more }), { ok: false, field });
  }
  assert.deepEqual(parseOffer(null), { ok: false, field: 'parameters' });
});

test('parseSaved() takes its own records, and nothing for another text', () => {
  const { version, counter, sha256 } = manifest;
  const good = { version: '2.0.0', counter: 2, sha256 };
  const trial = { at: 'trial', version, counter, sha256, before: { pbx: 'up' } } as const;
  for (const saved of [
    EMPTY,
    { counter, good, refused: [sha256], work: trial },
    { ...EMPTY, work: { at: 'downloading', version, counter, jws } },
    { ...EMPTY, work: { at: 'returned', version, counter, why: 'pbx: down, was up' } },
    { ...EMPTY, work: { at: 'removed', version, counter } },
  ] as readonly Saved[]) {
    assert.deepEqual(parseSaved(renderSaved(saved)), saved);
  }
  const same = { counter, good: { version, counter, sha256 }, refused: [], work: trial };
  for (const text of [undefined, '', '{}', 'null', renderSaved(same), '{"v":1,"counter":-1}']) {
    assert.deepEqual(parseSaved(text), EMPTY, text);
  }
});

test('isAgentBefore() orders versions by their numbers', () => {
  assert.equal(isAgentBefore('1.9.0-abc', '1.10.0'), true);
  assert.equal(isAgentBefore('1.10.0', '1.10.0'), false);
  assert.equal(isAgentBefore('2.0.0', '1.10.9'), false);
  assert.equal(isAgentBefore('unknown', '0.0.0'), true);
});

test('permissionOf() knows what a package may ever reach', () => {
  const device = (path: string) => permissionOf({ need: 'device', path });
  assert.equal(device('/dev/ttyUSB0'), 'serial');
  assert.equal(device('/dev/serial/by-id/usb-FTDI-if00'), 'serial');
  assert.equal(device('/dev/usb/lp0'), 'usb-printer');
  assert.equal(device('/dev/mem'), undefined);
  assert.equal(device('/dev/serial/by-id/../../mem'), undefined);
  assert.equal(device('/dev/tty0'), undefined);
  const needs = [
    { need: 'connect', host: 'a', port: 1 },
    { need: 'device', path: '/dev/mem' },
  ] as const;
  assert.deepEqual(needsBeyond(needs, ['connect', 'serial', 'usb-printer', 'listen']), [needs[1]]);
});

test('admitNeeds() believes a package nothing that was not approved', () => {
  const needs = [{ need: 'connect', host: '10.0.0.5', port: 5_001 }];
  assert.deepEqual(admitNeeds(needs, ['connect']), { ok: true, needs });
  assert.deepEqual(admitNeeds(needs, ['listen']), {
    ok: false,
    problem: 'not approved for this package: connecting to 10.0.0.5:5001',
  });
  for (const wrong of [
    [{ need: 'connect', host: '10.0.0.5; reboot', port: 5 }],
    [{ need: 'connect', host: '10.0.0.5', port: 0 }],
    [{ need: 'listen', port: 22, from: ['10.0.0.0/8'] }],
    [{ need: 'listen', port: 5_000, from: [] }],
    [{ need: 'root' }],
    Array.from({ length: 65 }, () => needs[0]),
    'all',
  ]) {
    assert.equal(admitNeeds(wrong, ['connect', 'listen']).ok, false, JSON.stringify(wrong));
  }
});
