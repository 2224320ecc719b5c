// What provisioning and renewal both do with the cloud: hold a connection for one purpose, try a
// certificate, read an answer.
import type { Connection, Credentials, Dial, Route } from '../core/connection.ts';
import type { Outcome } from './state.ts';
import { CERTIFICATE_TOPIC, parseCertificateAnswer, parseThingAnswer } from './wire.ts';

/** Dialling takes 10 s at most, an answer of AWS a second or two; a hook may take five. */
export const ASK_MS_MAX = 30_000;
/** Answers are needed: the publish-only way is none for this. */
export const WAYS: readonly Route[] = ['mqtt-8883', 'mqtt-443'];

export type Failure = Extract<Outcome, { is: 'failed' }>;
export const failure = (kind: Failure['kind'], why: string): Failure => ({
  is: 'failed',
  kind,
  why,
});

/** Does the cloud let the unit in with this certificate? Nobody else may use its name meanwhile. */
export async function tryCertificate(
  { dial, thing }: { readonly dial: Dial; readonly thing: string },
  how: {
    readonly credentials: Credentials;
    readonly route: Route;
    readonly signal: AbortSignal;
  },
): Promise<Outcome> {
  const { credentials, route, signal } = how;
  return during<Outcome>({ signal, timeoutMs: ASK_MS_MAX }, (settle) =>
    dial({ route, credentials, clientId: thing, keepSession: true }, (event) => {
      if (event.on === 'opened') settle({ is: 'connected' });
      if (event.on === 'closed') settle(failure(event.refused ? 'refused' : 'way', event.why));
    }),
  );
}

/** What an accepted request (its topic) brought. */
export function readAnswer(
  topic: string,
  payload: Buffer,
  wanted: { readonly belongs: (certificatePem: string) => boolean; readonly thing: string },
): Outcome {
  try {
    if (topic === CERTIFICATE_TOPIC) {
      const answer = parseCertificateAnswer(payload);
      const { certificateId, certificatePem, certificateOwnershipToken: token } = answer;
      if (wanted.belongs(certificatePem)) {
        return { is: 'certificate', certificateId, certificatePem, token };
      }
      return failure('rejected', 'the certificate is for another key');
    }
    const { thingName } = parseThingAnswer(payload);
    if (thingName === wanted.thing) return { is: 'registered' };
    return failure('rejected', `registered as ${thingName}`);
  } catch {
    return failure('rejected', 'the answer is unreadable');
  }
}

/** Until it settles, the time is up, or all ends; the connection is closed whatever comes. */
export async function during<T>(
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
  open: (settle: (value: T | Failure) => void) => Connection,
): Promise<T | Failure> {
  const { promise, resolve } = Promise.withResolvers<T | Failure>();
  const timer = setTimeout(() => resolve(failure('way', 'ETIMEDOUT')), timeoutMs);
  const stop = (): void => resolve(failure('way', 'stopped'));
  signal.addEventListener('abort', stop, { once: true });
  const connection = open(resolve);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    connection.close();
  }
}
