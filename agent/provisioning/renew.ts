// Performs the renewal of the unit's certificate: asks over the unit's own connection, tries the new
// certificate, changes over. Begun by age, or by an order from the cloud; only with a clock that is set.
import type { Clock } from '../core/clock.ts';
import type { RenewalView } from '../core/cloud.ts';
import type { Credentials, Dial } from '../core/connection.ts';
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Remote } from '../core/remote.ts';
import type { RenewalOrder } from '../core/renewal.ts';
import { ASK_MS_MAX, WAYS, failure, readAnswer, tryCertificate } from './ask.ts';
import type { Certificates, RenewableLink, StateFolder } from './ports.ts';
import { afterFailure, follows, isDue, keyOf, noTries, stepOf } from './renewal.ts';
import type { Done, Step, Tries } from './renewal.ts';
import type { Outcome } from './state.ts';
import {
  CERTIFICATE_TOPIC,
  STATE,
  THING_TOPIC,
  answersOf,
  otherKey,
  parseRejection,
  parseSaved,
  renderSaved,
} from './wire.ts';
import type { KeyFile } from './wire.ts';

/** How often it is looked whether there is something to do: a lifetime is years. */
const LOOK_MS = 60_000;
/** A cloud whose certificates are due at once must not be asked for ever. */
const REST_MS = 3_600_000;
/** After a start, a trial that was cut short comes first, and not at the same instant for all units. */
const BEGIN_MS = 1_000;

interface Needs {
  readonly dial: Dial;
  readonly link: RenewableLink;
  readonly folder: StateFolder;
  readonly certificates: Certificates;
  readonly serial: string;
  readonly thing: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** undefined: nobody sets this machine's clock but its owner. */
  readonly isClockSet: () => Promise<boolean | undefined>;
  /** The unit uses a new certificate from now on. */
  readonly onRenewed: (certificateId: string) => void;
}

interface Renewal {
  /** For the link: the answers' topics. */
  readonly remote: Remote;
  /** The unit has its certificate, and the link is started with it. */
  begin(): void;
  /** Renew now, whatever the certificate's age. */
  order(): Promise<RenewalOrder>;
  /** undefined: nothing to do, or it goes well. */
  view(): RenewalView | undefined;
  close(): void;
}

interface Question {
  readonly topic: string;
  readonly settle: (outcome: Outcome | Buffer) => void;
}

const TOPICS = [CERTIFICATE_TOPIC, THING_TOPIC];

export function createRenewal(needs: Needs): Renewal {
  const { folder, clock, log, link } = needs;
  const controller = new AbortController();
  const { signal } = controller;
  let saved: Done | undefined;
  let tries: Tries = noTries;
  let trouble: { readonly why: string; readonly atMs: number } | undefined;
  let isUp = false;
  /** One pass at a time. */
  let pass: Promise<void> | undefined;
  let isOrdered = false;
  let notBeforeMs = 0;
  let question: Question | undefined;
  let timer: NodeJS.Timeout | undefined;

  const ask = async (topic: string, body: object): Promise<Outcome | Buffer> => {
    const { promise, resolve } = Promise.withResolvers<Outcome | Buffer>();
    const late = setTimeout(() => resolve(failure('way', 'ETIMEDOUT')), ASK_MS_MAX);
    question = { topic, settle: resolve };
    if (!link.send(topic, body)) resolve(failure('way', 'not connected'));
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      question = undefined;
    }
  };
  const credentialsOf = async (certificatePem: string, key: KeyFile): Promise<Credentials> => ({
    certificatePem,
    keyPem: (await folder.read(key)) ?? '',
  });
  /** The old one again if the new one was not let in. */
  const tryNext = async (done: Done): Promise<Outcome> => {
    if (done.next?.at !== 'trial') return failure('way', 'nothing to try');
    const key = keyOf(done);
    const credentials = await credentialsOf(done.next.certificatePem, otherKey(key));
    const old = await credentialsOf(done.certificatePem, key);
    const route = WAYS[tries.failures % WAYS.length]!;
    link.pause();
    let outcome: Outcome = failure('way', 'stopped');
    try {
      outcome = await tryCertificate(needs, { credentials, route, signal });
    } finally {
      if (!signal.aborted) link.start(outcome.is === 'connected' ? credentials : old);
    }
    return outcome;
  };
  const act = async (step: Step, done: Done): Promise<Outcome> => {
    const next = otherKey(keyOf(done));
    switch (step) {
      case 'make-key':
        await folder.write(next, needs.certificates.makeKeyPem());
        return { is: 'key-made' };
      case 'ask-certificate': {
        const keyPem = (await folder.read(next)) ?? '';
        const request = needs.certificates.makeRequestPem(keyPem, needs.thing);
        const answer = await ask(CERTIFICATE_TOPIC, { certificateSigningRequest: request });
        const belongs = (pem: string): boolean => needs.certificates.belongs(pem, keyPem);
        return Buffer.isBuffer(answer)
          ? readAnswer(CERTIFICATE_TOPIC, answer, { belongs, thing: needs.thing })
          : answer;
      }
      case 'register': {
        if (done.next?.at !== 'certified') return failure('rejected', 'no token');
        const { token } = done.next;
        const parameters = { SerialNumber: needs.serial };
        const answer = await ask(THING_TOPIC, { certificateOwnershipToken: token, parameters });
        return Buffer.isBuffer(answer)
          ? readAnswer(THING_TOPIC, answer, { belongs: () => true, thing: needs.thing })
          : answer;
      }
      case 'try':
        return tryNext(done);
    }
  };
  const store = async (later: Done): Promise<void> => {
    await folder.write(STATE, renderSaved(later));
    saved = later;
    log.info(`renewal: ${later.next?.at ?? `done, certificate ${later.certificateId}`}`);
  };
  const isWanted = async (done: Done): Promise<boolean> => {
    if (done.next !== undefined) return true;
    if ((await needs.isClockSet()) === false) return false;
    const validity = needs.certificates.validity(done.certificatePem);
    return isOrdered || (validity !== undefined && isDue(validity, clock.wallMs()));
  };
  /** One step; false: nothing more to do now. */
  const advance = async (done: Done): Promise<boolean> => {
    const step = stepOf(done);
    if (!(await isWanted(done)) || signal.aborted) return false;
    if (!isUp && step !== 'try' && step !== 'make-key') return false;
    const outcome = await act(step, done).catch((error: unknown) => failure('way', codeOf(error)));
    if (signal.aborted) return false;
    if (outcome.is === 'failed') return failed(step, done, outcome);
    const later = follows(done, outcome);
    if (later === undefined) return false;
    await store(later);
    tries = noTries;
    trouble = undefined;
    if (outcome.is !== 'connected') return true;
    notBeforeMs = clock.nowMs() + REST_MS;
    needs.onRenewed(later.certificateId);
    await folder.remove([keyOf(done)]);
    return false;
  };
  const failed = async (
    step: Step,
    done: Done,
    outcome: Extract<Outcome, { is: 'failed' }>,
  ): Promise<boolean> => {
    log.warning(`renewal: ${step}: ${outcome.why}`);
    trouble = { why: outcome.why, atMs: clock.nowMs() };
    const after = afterFailure(done, outcome, { tries, random: needs.random() });
    tries = after.tries;
    notBeforeMs = clock.nowMs() + after.delayMs;
    if (after.saved !== undefined) await store(after.saved);
    return after.delayMs === 0;
  };
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      // The card does not take it: nothing is lost, the step is done again.
      log.error(`renewal: not stored: ${codeOf(error)}`);
      notBeforeMs = clock.nowMs() + LOOK_MS;
    }
    pass = undefined;
    clearTimeout(timer);
    if (signal.aborted) return;
    const waitMs = notBeforeMs - clock.nowMs();
    timer = setTimeout(look, waitMs > 0 ? Math.min(waitMs, LOOK_MS) : LOOK_MS);
  };
  /** One at a time; when it has ended, the next look is planned. */
  const alone = async (work: () => Promise<unknown>): Promise<void> => {
    pass = attempt(work);
    return pass;
  };
  const look = (): void => {
    if (signal.aborted || saved === undefined || pass !== undefined) return;
    void alone(async () => {
      let goesOn = true;
      while (goesOn) {
        const isTime = clock.nowMs() >= notBeforeMs;
        goesOn = isTime && saved !== undefined && (await advance(saved));
      }
    });
  };
  /** With its key on the card a renewal is begun: it goes on by itself, whatever happens. */
  const takeOrder = async (): Promise<RenewalOrder> => {
    const isSet = await needs.isClockSet();
    if (saved?.next !== undefined) return { taken: true };
    await pass;
    const done = saved;
    if (done === undefined) return { taken: false, why: 'not-provisioned' };
    if (done.next !== undefined) return { taken: true };
    if (isSet === false) return { taken: false, why: 'clock-not-set' };
    isOrdered = true;
    tries = noTries;
    notBeforeMs = 0;
    await alone(async () => advance(done));
    isOrdered = false;
    if (saved === done) return { taken: false, why: 'not-stored' };
    look();
    return { taken: true };
  };
  let taking: Promise<RenewalOrder> | undefined;
  /** Two at once are the same order. */
  const order = async (): Promise<RenewalOrder> => {
    taking ??= takeOrder().finally(() => {
      taking = undefined;
    });
    return taking;
  };
  const read = async (): Promise<void> => {
    const text = await folder.read(STATE).catch(() => undefined);
    const found = text === undefined ? undefined : parseSaved(text);
    if (found?.at !== 'done' || signal.aborted) return;
    // Left behind if the plug was pulled right after the change.
    if (found.next === undefined) await folder.remove([otherKey(keyOf(found))]).catch(() => {});
    if (signal.aborted) return;
    saved = found;
    timer = setTimeout(look, BEGIN_MS);
  };
  return {
    remote: {
      filters: TOPICS.flatMap(answersOf),
      owns: (topic) => TOPICS.some((one) => answersOf(one).includes(topic)),
      receive: async ({ topic, payload }) => {
        if (question === undefined) return;
        if (topic === `${question.topic}/accepted`) question.settle(payload);
        if (topic !== `${question.topic}/rejected`) return;
        const { kind, why } = parseRejection(payload);
        question.settle(failure(kind, why));
      },
      up: () => {
        isUp = true;
        look();
      },
      down: () => {
        isUp = false;
        question?.settle(failure('way', 'connection lost'));
      },
    },
    begin: () => void read(),
    order,
    view: () => {
      if (trouble === undefined) return undefined;
      const problem = { why: trouble.why, msAgo: clock.nowMs() - trouble.atMs };
      return { failures: tries.failures, problem };
    },
    close: () => {
      clearTimeout(timer);
      controller.abort();
    },
  };
}
