// The link's formats: packets sent again as MQTT 3.1.1 has them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodePublishAgain, encodeSubscribe } from '../../../agent/link/wire.ts';

test('a PUBLISH sent again has DUP and the same packet id', () => {
  const packet = { messageId: 0x0102, topic: 'a/b', payload: Buffer.from('xy') };
  assert.equal(encodePublishAgain(packet).toString('hex'), '3a090003612f6201027879');
});

test('a SUBSCRIBE sent again has the same packet id and filters', () => {
  const packet = { messageId: 5, filters: ['a', 'b/+'] };
  assert.equal(encodeSubscribe(packet).toString('hex'), '820c0005000161010003622f2b01');
});

test('lengths beyond one byte are in sevens of bits', () => {
  for (const [bytes, header] of [
    [127 - 5, '3a7f'],
    [128 - 5, '3a8001'],
    [16_383 - 5, '3aff7f'],
    [16_384 - 5, '3a808001'],
  ] as const) {
    const packet = { messageId: 1, topic: 't', payload: Buffer.alloc(bytes) };
    assert.ok(encodePublishAgain(packet).toString('hex').startsWith(header), header);
  }
});
