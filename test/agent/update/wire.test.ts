// What is signed, and what is believed: every changed byte of a manifest, every other key, every junk.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import {
  isReleaseBefore,
  openManifest,
  parseLaunched,
  parseOffer,
  parseState,
  renderState,
  signManifest,
} from '../../../agent/update/wire.ts';
import { randomFrom, testSeed } from '../random.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const manifest = {
  v: 1,
  name: 'agent',
  ...{ version: '1.2.3', sha256: 'ab'.repeat(32), size: 10, sequence: 7 },
  ...{ minimumRelease: '1.0.0', builtAt: '2026-06-01T00:00:00Z' },
} as const;
const jws = signManifest(manifest, pem);

test('what this key signed is believed, and nothing else: every byte of it counts', () => {
  assert.deepEqual(openManifest(jws, publicKey), manifest);
  const alphabet = 'AZaz09-_.=';
  for (let i = 0; i < jws.length; i += 1) {
    for (const char of alphabet) {
      const changed = jws.slice(0, i) + char + jws.slice(i + 1);
      if (changed !== jws) assert.equal(openManifest(changed, publicKey), undefined, changed);
    }
  }
  const other = generateKeyPairSync('ed25519').publicKey;
  assert.equal(openManifest(jws, other), undefined);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey;
  assert.equal(openManifest(jws, rsa), undefined);
});

test('a manifest with a field out of bounds is none, although it is signed', () => {
  for (const wrong of [
    { v: 2 },
    { name: 'other' },
    { size: 0 },
    { size: 2 ** 40 },
    { size: -1 },
    { sequence: 1.5 },
    { version: '../../etc' },
    { sha256: 'AB'.repeat(32) },
    { minimumRelease: 'x' },
    { builtAt: 'yesterday' },
  ]) {
    const signed = signManifest({ ...manifest, ...wrong } as typeof manifest, pem);
    assert.equal(openManifest(signed, publicKey), undefined, JSON.stringify(wrong));
  }
});

test('an offer names a link of https without a name in it', () => {
  const url = 'https://packages.test/agent.js?X-Amz-Signature=1';
  assert.deepEqual(parseOffer({ manifest: jws, url }), { jws, url });
  for (const wrong of ['http://a/', 'https://u:p@a/', 'file:///etc/passwd', 'x', 5, undefined]) {
    assert.equal(parseOffer({ manifest: jws, url: wrong }), undefined);
  }
});

test('a state that is damaged anywhere is another state within bounds, or none', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const named = { version: '1.2.3', sequence: 7 };
  const work = {
    at: 'trial',
    ...named,
    copy: 'b',
    sha256: 'cd'.repeat(32),
    starts: 1,
    why: 'x',
  } as const;
  const whole = renderState({ sequence: 7, good: 'a', refused: ['ab'.repeat(32)], work });
  assert.deepEqual(parseState(whole).work, work);
  for (let i = 0; i < 20_000; i += 1) {
    const bytes = Buffer.from(whole.slice(0, below(3) === 0 ? below(whole.length) : undefined));
    for (let flips = below(3); flips > 0; flips -= 1) bytes[below(bytes.length)] = below(256);
    const saved = parseState(bytes.toString());
    assert.ok(saved.good === undefined || /^[ab]$/.test(saved.good));
    if (saved.work.at === 'trial') assert.notEqual(saved.work.copy, saved.good);
    assert.ok(parseLaunched(bytes.toString(), 1).trialMs >= 0);
  }
});

test('releases are compared by their numbers', () => {
  assert.equal(isReleaseBefore('1.9.9-abc', '1.10.0'), true);
  assert.equal(isReleaseBefore('1.10.0', '1.10.0'), false);
  assert.equal(isReleaseBefore('2.0.0', '1.10.0'), false);
  assert.equal(isReleaseBefore('unknown', '0.0.0'), true);
});
