// One question to the printer's web service and its answer, each in the trace.
import type { ServiceHost } from '../../core/interface.ts';
import type { Settings } from './config.ts';
import { ANSWER_BYTES_MAX } from './limits.ts';
import type { Posted } from './receipts.ts';
import { addressOf, answerOf, envelope } from './wire.ts';

export interface Posting {
  readonly document: string;
  /** What the printer is given; ours is longer. */
  readonly timeoutMs: number;
  readonly msMax: number;
  /** For the trace. */
  readonly what: string;
}

/** Never rejects. */
export async function postTo(
  { settings, host }: { readonly settings: Settings; readonly host: ServiceHost },
  { document, timeoutMs, msMax, what }: Posting,
  signal: AbortSignal,
): Promise<Posted> {
  host.trace('out', what);
  const reply = await host.http(
    {
      url: addressOf(settings, timeoutMs),
      method: 'POST',
      headers: { 'Content-Type': 'text/xml; charset=utf-8' },
      body: envelope(document),
      trustPem: settings.trustPem,
      msMax,
      bytesMax: ANSWER_BYTES_MAX,
    },
    signal,
  );
  if (!reply.ok) {
    host.trace('in', `${what}: ${reply.code}`);
    return { ok: false, isSent: reply.sent };
  }
  const answer = reply.status === 200 ? answerOf(reply.body) : undefined;
  const said =
    answer === undefined
      ? `HTTP ${reply.status}, not an answer`
      : answer.success
        ? 'done'
        : answer.code;
  host.trace('in', `${what}: ${said}`);
  return answer === undefined ? { ok: false, isSent: true } : { ok: true, answer };
}
