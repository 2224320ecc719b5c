// AWS's own device SDK, which nobody here wrote, works against the double as it does against AWS.
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../../image/core/run.ts';

const CLIENT = fileURLToPath(new URL('sdk-client.ts', import.meta.url));
const scene = async (name: string): Promise<void> => {
  await run([process.execPath, CLIENT, name], { signal: AbortSignal.timeout(20_000) });
};

test("AWS's SDK is provisioned by claim and connects with its own certificate", async () =>
  scene('provisioning'));

test("AWS's SDK reads, updates and deletes a named shadow, and is told of the difference", async () =>
  scene('shadow'));

test("AWS's SDK works through jobs: told, started, updated, refused, done", async () =>
  scene('jobs'));
