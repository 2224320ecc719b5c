// The link's formats: commands, and packets sent again as MQTT 3.1.1 has them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodePublishAgain, encodeSubscribe, parseCommand } from '../../../agent/link/wire.ts';

const parse = (topic: string, body: unknown) =>
  parseCommand('t', { topic, payload: Buffer.from(JSON.stringify(body)) });

test('parseCommand() takes a command for this thing and nothing else', () => {
  const body = { v: 1, id: 'a-1', kind: 'key.encode', body: {} };
  const command = { id: 'a-1', service: 'locks', kind: 'key.encode', body: {} };
  const topic = 'clock/v1/t/command/locks';
  assert.deepEqual(parse(topic, body), { ...command, expiresMs: undefined });
  const expiresAt = '2026-06-01T10:00:00Z';
  const expiresMs = Date.UTC(2026, 5, 1, 10);
  assert.deepEqual(parse(topic, { ...body, expiresAt }), { ...command, expiresMs });
  assert.equal(parse(topic, { ...body, expiresAt: 'soon' }), undefined);
  assert.equal(parse('clock/v1/other/command/locks', body), undefined);
  assert.equal(parse('clock/v1/t/command/a/b', body), undefined);
  assert.equal(parse('clock/v1/t/command/locks', { ...body, v: 2 }), undefined);
  assert.equal(parse('clock/v1/t/command/locks', { ...body, id: 7 }), undefined);
  const junk = Buffer.alloc(1_000, 0xff);
  assert.equal(parseCommand('t', { topic: 'clock/v1/t/command/x', payload: junk }), undefined);
});

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
