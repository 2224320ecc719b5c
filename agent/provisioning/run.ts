// Performs provisioning: reads and writes the state folder, asks the cloud with the claim, tries the
// own certificate. The claim and the keys are read when needed and kept nowhere.
import type { ProvisioningStep, ProvisioningView } from '../core/cloud.ts';
import type { Clock } from '../core/clock.ts';
import type { Credentials, Dial, Route } from '../core/connection.ts';
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { ASK_MS_MAX, WAYS, during, failure, readAnswer, tryCertificate } from './ask.ts';
import type { Failure } from './ask.ts';
import type { Certificates, StateFolder } from './ports.ts';
import { initial, next } from './state.ts';
import type { Action, Effect, Event, Outcome, Provisioning } from './state.ts';
import {
  CERTIFICATE_TOPIC,
  STATE,
  THING_TOPIC,
  answersOf,
  parseRegistration,
  parseRejection,
  parseSaved,
  renderSaved,
} from './wire.ts';
import type { KeyFile, Saved } from './wire.ts';

const KEY = 'unit.key';
const CLAIM = { certificate: 'claim.crt', key: 'claim.key' } as const;
/** The right to register this serial: a second card of a unit has another than the first. */
const REGISTRATION = 'registration.token';

interface Needs {
  readonly dial: Dial;
  readonly folder: StateFolder;
  readonly certificates: Certificates;
  readonly serial: string;
  readonly thing: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

export interface ProvisioningRunner {
  view(): ProvisioningView;
  close(): void;
}

/** `onDone` gets the certificate that works, at once if the unit has one. */
export function createProvisioning(
  needs: Needs,
  onDone: (credentials: Credentials) => void,
): ProvisioningRunner {
  const { folder, clock, log } = needs;
  const { signal, abort } = abortable();
  let state: Provisioning = initial;
  let timer: NodeJS.Timeout | undefined;
  let failuresWithoutWay = 0;

  const dispatch = (event: Event): void => {
    if (signal.aborted) return;
    const step = next(state, event);
    state = step.state;
    for (const effect of step.effects) perform(effect);
  };
  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case 'act':
        return void actAndSay(effect.action, effect.saved);
      case 'store':
        return void store(effect.saved);
      case 'wait':
        timer = setTimeout(() => dispatch({ on: 'due' }), effect.delayMs);
        return;
      case 'finish':
        return void finish(effect.certificatePem);
    }
  };
  const store = async (saved: Exclude<Saved, { at: 'new' }>): Promise<void> => {
    try {
      await folder.write(STATE, renderSaved(saved));
      log.info(`provisioning: ${saved.at}`);
      dispatch({ on: 'stored' });
    } catch (error) {
      const [nowMs, random] = [clock.nowMs(), needs.random()];
      log.error(`provisioning: not stored: ${codeOf(error)}`);
      dispatch({ on: 'not-stored', why: codeOf(error), nowMs, random });
    }
  };
  const actAndSay = async (action: Action, saved: Saved): Promise<void> => {
    const route = WAYS[failuresWithoutWay % WAYS.length]!;
    const outcome = await act(needs, { action, saved, route, signal }).catch((error: unknown) =>
      failure('way', codeOf(error)),
    );
    if (outcome.is === 'failed') {
      if (outcome.kind === 'way') failuresWithoutWay += 1;
      if (outcome.kind !== 'no-claim') log.warning(`provisioning: ${action}: ${outcome.why}`);
    }
    dispatch({ on: 'ended', outcome, nowMs: clock.nowMs(), random: needs.random() });
  };
  const finish = async (certificatePem: string): Promise<void> => {
    const keyPem = await folder.read(keyOf(state.saved)).catch(() => undefined);
    if (keyPem !== undefined && !signal.aborted) onDone({ certificatePem, keyPem });
  };
  void readSaved(needs).then((saved) => dispatch({ on: 'started', saved }));
  return {
    view: () => viewOf(state, clock.nowMs()),
    close: () => {
      clearTimeout(timer);
      abort();
    },
  };
}

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** What does not fit together is as if it were not there: the claim, if there is one, mends it. */
async function readSaved({ folder, certificates, log }: Needs): Promise<Saved> {
  try {
    const text = await folder.read(STATE);
    if (text === undefined) return { at: 'new' };
    const saved = parseSaved(text);
    const keyPem = (await folder.read(keyOf(saved))) ?? '';
    if (!('certificatePem' in saved) || certificates.belongs(saved.certificatePem, keyPem)) {
      // Left behind only if a claim was put there after the unit had its certificate.
      if (saved.at === 'done') await removeClaim(folder);
      return saved;
    }
    log.error('provisioning: the certificate is not for the key of this unit');
  } catch (error) {
    log.error(`provisioning: the state on the card is unreadable: ${codeOf(error)}`);
  }
  return { at: 'new' };
}

const keyOf = (saved: Saved): KeyFile => (saved.at === 'done' ? saved.key : undefined) ?? KEY;

/** Since when the unit's own certificate is valid: the time cannot be before. */
export async function certificateFromMs({
  folder,
  certificates,
}: Pick<Needs, 'folder' | 'certificates'>): Promise<number | undefined> {
  try {
    const saved = parseSaved((await folder.read(STATE)) ?? '');
    const pem = 'certificatePem' in saved ? saved.certificatePem : '';
    return certificates.validity(pem)?.fromMs;
  } catch {
    return undefined;
  }
}

const removeClaim = async (folder: StateFolder): Promise<void> =>
  folder.remove([CLAIM.key, CLAIM.certificate, REGISTRATION]);

interface Deed {
  readonly action: Action;
  readonly saved: Saved;
  readonly route: Route;
  readonly signal: AbortSignal;
}

async function act(needs: Needs, deed: Deed): Promise<Outcome> {
  const { folder } = needs;
  switch (deed.action) {
    case 'look-for-claim': {
      const claim = await readClaim(needs);
      return 'is' in claim ? claim : { is: 'claim-found' };
    }
    case 'make-key':
      return makeKey(needs);
    case 'ask-certificate':
      return askCertificate(needs, deed);
    case 'register':
      return register(needs, deed);
    case 'connect':
      return connect(needs, deed);
    case 'remove-claim':
      await removeClaim(folder);
      return { is: 'claim-removed' };
  }
}

async function readClaim({ folder, certificates }: Needs): Promise<Credentials | Failure> {
  const certificatePem = await folder.read(CLAIM.certificate);
  const keyPem = await folder.read(CLAIM.key);
  if (certificatePem === undefined || keyPem === undefined) return failure('no-claim', 'no claim');
  const isWhole = certificates.belongs(certificatePem, keyPem);
  return isWhole ? { certificatePem, keyPem } : failure('rejected', 'the claim is damaged');
}

/** A key that is there is kept: the plug was pulled after it was written. */
async function makeKey({ folder, certificates, thing }: Needs): Promise<Outcome> {
  const old = await folder.read(KEY);
  try {
    if (old !== undefined) {
      certificates.makeRequestPem(old, thing);
      return { is: 'key-made' };
    }
  } catch {
    // Not ours, or damaged: nothing depends on it yet.
  }
  await folder.write(KEY, certificates.makeKeyPem());
  return { is: 'key-made' };
}

async function askCertificate(needs: Needs, deed: Deed): Promise<Outcome> {
  const { folder, certificates, thing } = needs;
  const claim = await readClaim(needs);
  if ('is' in claim) return claim;
  const keyPem = (await folder.read(KEY)) ?? '';
  const body = { certificateSigningRequest: certificates.makeRequestPem(keyPem, thing) };
  const answer = await ask(needs, { ...deed, claim, topic: CERTIFICATE_TOPIC, body });
  if ('is' in answer) return answer;
  return readAnswer(CERTIFICATE_TOPIC, answer.payload, {
    belongs: (pem) => certificates.belongs(pem, keyPem),
    thing,
  });
}

async function register(needs: Needs, deed: Deed): Promise<Outcome> {
  const { folder, serial, thing } = needs;
  const claim = await readClaim(needs);
  if ('is' in claim) return claim;
  if (deed.saved.at !== 'certified') return failure('rejected', 'no token');
  const registration = parseRegistration(await folder.read(REGISTRATION));
  const body = {
    certificateOwnershipToken: deed.saved.token,
    parameters: {
      SerialNumber: serial,
      ...(registration === undefined ? {} : { RegistrationToken: registration }),
    },
  };
  const answer = await ask(needs, { ...deed, claim, topic: THING_TOPIC, body });
  if ('is' in answer) return answer;
  return readAnswer(THING_TOPIC, answer.payload, { belongs: () => true, thing });
}

async function connect(needs: Needs, { saved, route, signal }: Deed): Promise<Outcome> {
  const keyPem = await needs.folder.read(KEY);
  if (keyPem === undefined || !('certificatePem' in saved)) return failure('way', 'no key');
  const credentials = { certificatePem: saved.certificatePem, keyPem };
  return tryCertificate(needs, { credentials, route, signal });
}

/** One question over a connection of its own, with the claim. */
async function ask(
  needs: Needs,
  question: Deed & {
    readonly claim: Credentials;
    readonly topic: string;
    readonly body: Readonly<Record<string, unknown>>;
  },
): Promise<Failure | { readonly payload: Buffer }> {
  const { topic, body, claim, route, signal } = question;
  const payload = Buffer.from(JSON.stringify(body));
  // Of its own: the unit's name is taken by the certificate that it does not have yet.
  const clientId = `${needs.thing}-claim-${Math.floor(needs.random() * 2 ** 32).toString(16)}`;
  return during({ signal, timeoutMs: ASK_MS_MAX }, (settle) => {
    const options = { route, credentials: claim, clientId, keepSession: false };
    const connection = needs.dial(options, (event) => {
      switch (event.on) {
        case 'opened':
          return connection.subscribe(answersOf(topic));
        case 'subscribed':
          if (event.denied.length === 0) return connection.publish('ask', { topic, payload });
          return settle(failure('refused', 'the claim may not subscribe'));
        case 'message':
          event.taken();
          if (event.topic === `${topic}/accepted`) settle({ payload: event.payload });
          if (event.topic === `${topic}/rejected`) {
            const { kind, why } = parseRejection(event.payload);
            settle(failure(kind, why));
          }
          return;
        case 'closed':
          return settle(failure(event.refused ? 'refused' : 'way', event.why));
        case 'acked':
          return;
      }
    });
    return connection;
  });
}

const STEPS: Readonly<Record<Saved['at'], ProvisioningStep>> = {
  new: 'claim',
  keyed: 'certificate',
  certified: 'registration',
  trial: 'connection',
  registered: 'connection',
  confirmed: 'clean-up',
  done: 'done',
};

function viewOf(state: Provisioning, nowMs: number): ProvisioningView {
  const { failures, problem } = state;
  const isKey = state.at === 'acting' && state.action === 'make-key';
  return {
    step: state.at === 'off' ? 'off' : isKey ? 'key' : STEPS[state.saved.at],
    failures,
    refused: problem?.refused ?? false,
    problem: problem === undefined ? undefined : { why: problem.why, msAgo: nowMs - problem.atMs },
  };
}
