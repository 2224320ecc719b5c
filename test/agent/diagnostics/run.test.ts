// The checks against a network and a machine written by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChecks } from '../../../agent/diagnostics/run.ts';
import type { DiagnosticsNeeds } from '../../../agent/diagnostics/run.ts';
import { CHECK_IDS } from '../../../agent/diagnostics/wire.ts';
import type { CheckResult } from '../../../agent/diagnostics/wire.ts';

function open(): DiagnosticsNeeds {
  return {
    seal: 'board',
    endpoints: {
      clock: { host: 'sky.clock.test' },
      aws: { host: 'data.aws.test' },
      gems: { host: 'gems.clock.test' },
      ntp: ['ntp.test'],
    },
    network: {
      addresses: () => [{ name: 'eth0', address: '10.0.0.2', mac: '02:00:00:00:00:01' }],
      resolve: async () => ['10.0.0.1'],
      connect: async () => {},
      tls: async (_host, _port, alpn) => ({
        issuer: 'Amazon',
        untrusted: undefined,
        alpn: alpn ?? false,
      }),
      ntp: async () => 0.02,
    },
    host: {
      carrier: async () => [{ name: 'eth0', up: true, mbit: 100 }],
      timeSynchronised: async () => true,
      freeBytes: async () => ({ free: 1e9, total: 2e9 }),
      memory: () => ({ free: 5e8, total: 1e9 }),
      temperatureCelsius: async () => 45,
      uptimeSeconds: () => 60,
    },
  };
}

async function states(needs: DiagnosticsNeeds): Promise<Record<string, string>> {
  const results: CheckResult[] = [];
  await runChecks(needs, (result) => results.push(result));
  return Object.fromEntries(results.map(({ id, state }) => [id, state]));
}

test('in an open network every check passes', async () => {
  const seen = await states(open());
  assert.deepEqual(seen, Object.fromEntries(CHECK_IDS.map((id) => [id, 'passed'])));
});

test('a blocked port fails exactly its own row', async () => {
  const needs = open();
  const network = {
    ...needs.network,
    tls: async (host: string, port: number, alpn?: string) => {
      if (port === 8883) throw new Error('no answer');
      return needs.network.tls(host, port, alpn);
    },
  };
  const seen = await states({ ...needs, network });
  assert.deepEqual(
    Object.entries(seen).filter(([, state]) => state !== 'passed'),
    [['aws-8883', 'failed']],
  );
});

test('a foreign certificate and a missing ALPN answer are failures', async () => {
  const needs = open();
  const tls = async () => ({ issuer: 'Middlebox', untrusted: 'SELF_SIGNED', alpn: false as const });
  const seen = await states({ ...needs, network: { ...needs.network, tls } });
  assert.equal(seen['clock-443'], 'failed');
  const plain = async () => ({ issuer: 'Amazon', untrusted: undefined, alpn: false as const });
  const without = await states({ ...needs, network: { ...needs.network, tls: plain } });
  assert.equal(without['aws-443'], 'failed');
  assert.equal(without['aws-8883'], 'passed');
});

test('what cannot be seen is called not checked', async () => {
  const needs = open();
  const host = { ...needs.host, timeSynchronised: async () => undefined };
  const seen = await states({ ...needs, host, seal: undefined });
  assert.equal(seen['time'], 'not-checked');
  assert.equal(seen['seal'], 'not-checked');
});
