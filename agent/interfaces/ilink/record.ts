// Takes the call records that the exchange posts, and says that they were received only when the agent has them.
import { codeOf } from '../../core/errors.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { Serve } from '../../core/line/ports.ts';
import { maskNumber } from '../../core/mask.ts';
import type { Verdict } from '../../core/vocabulary.ts';
import type { CallOptions } from './config.ts';
import { RECORD_BYTES_MAX } from './limits.ts';
import { readCall } from './wire.ts';

type Answer = Awaited<ReturnType<Serve>>;

const answer = (response: 'RECEIVEDOK' | 'ERROR', status = 200): Answer => ({
  ...{ status, type: 'text/json' },
  body: JSON.stringify({ response }),
});

export function listenForCalls(
  options: CallOptions,
  host: ServiceHost,
): { close(): Promise<void> } {
  const { port, from } = options;

  const receive: Serve = async ({ method, path, body }) => {
    if (!/^\/API\/CDR\/?(\?|$)/i.test(path)) return answer('ERROR', 404);
    if (method !== 'POST') return answer('ERROR', 405);
    const read = readCall(body.subarray(0, RECORD_BYTES_MAX), options);
    if (read.is === 'wrong') {
      host.count('not understood');
      host.trace('in', `CDR not understood: ${read.field}`);
      return answer('ERROR', 400);
    }
    if (read.is === 'left-out') {
      host.count('left out');
      host.trace('in', `CDR left out: ${read.why}`);
      return answer('RECEIVEDOK');
    }
    const { event } = read;
    const { extension, at, seconds, dialled = '' } = event;
    host.trace('in', `CDR of ${extension} at ${at}, ${seconds} s, to ${maskNumber(dialled)}`);
    const verdict = await host
      .emit(event)
      .catch((error: unknown): Verdict => ({ ok: false, why: 'later', text: codeOf(error) }));
    if (verdict.ok) {
      host.count(verdict.isRepeat ? 'repeats' : 'calls');
      return answer('RECEIVEDOK');
    }
    // The exchange tries three times and then forgets it; what will never be taken need not come again.
    host.count(verdict.why === 'later' ? 'put off' : 'refused');
    host.trace('note', `not taken: ${verdict.why}`);
    return answer(verdict.why === 'later' ? 'ERROR' : 'RECEIVEDOK');
  };
  return host.listenHttp({ port, from }, receive, (text) => host.trace('note', text));
}
