// Keeps one named shadow: what the owner reports is reported, what the cloud desires reaches the owner.
// A delta is only a hint: it may come late, twice or never, so the whole document is asked for.
import type { Arrived, Remote } from '../core/remote.ts';
import { codeOf } from '../core/errors.ts';
import { nextDelayMs } from '../core/retry.ts';
import { ANSWER_MS_MAX, BACK_OFF_MS_MAX, LOOK_MS, REPORT_BYTES_MAX } from './limits.ts';
import type { Needs, State } from './ports.ts';
import { difference, parseDocument, parseRejection, parseToken, topicsOf } from './wire.ts';

export interface ShadowRunner {
  readonly remote: Remote;
  /** What is reported may have changed. */
  look(): void;
  /** Takes over what is desired now. Resolves when that is in force or refused. */
  apply(): Promise<void>;
  close(): void;
}

/** A request that cannot be right another time: reported again when it is another one. */
const HOPELESS = new Set([400, 401, 403, 413, 415]);

export function createShadow({ thing, owner, send, random, log }: Needs): ShadowRunner {
  const topics = topicsOf(thing, owner.name);
  const say = (text: string): void => log.warning(`shadow ${owner.name}: ${text}`);
  let isUp = false;
  let asked = 0;
  /** Others ask on these topics too, and an earlier process did: their answers are none to this one. */
  const mine = Math.floor(random() * 2 ** 32).toString(36);
  let failures = 0;
  /** What was asked last and is not answered; the token tells its answer from others'. */
  let open: { readonly token: string; readonly reported?: State } | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** As the cloud has it; undefined: not known yet. */
  let known: State | undefined;
  /** Refused by the cloud as it is. */
  let hopeless: string | undefined;
  /** One document after the other. */
  let taking: Promise<void> = Promise.resolve();
  /** Of the connection: what an earlier one brought counts no more. */
  let life = 0;
  /** A hint came while the document was under way. */
  let isStale = false;
  const applying: (() => void)[] = [];
  /** Of the owner, to take over what is desired: a card that takes nothing, most likely. */
  let refusals = 0;
  let again: NodeJS.Timeout | undefined;

  const after = (delayMs: number, what: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(what, delayMs);
  };
  const fail = (why: string): void => {
    open = undefined;
    failures += 1;
    if (failures === 1) say(why);
    after(nextDelayMs({ failures, random: random(), capMs: BACK_OFF_MS_MAX }), ask);
  };
  const request = (topic: string, body: object, reported?: State): void => {
    asked += 1;
    const token = `${mine}-${asked}`;
    if (!send(topic, { ...body, clientToken: token })) return fail('not connected');
    open = { token, ...(reported !== undefined && { reported }) };
    after(ANSWER_MS_MAX, () => fail('no answer'));
  };
  const ask = (): void => {
    if (!isUp) return;
    isStale = false;
    request(topics.get, {});
  };
  const look = (): void => {
    if (!isUp || open !== undefined || known === undefined || failures > 0) return;
    after(LOOK_MS, look);
    const wanted = owner.report();
    const changes = difference(wanted, known);
    if (changes === undefined) return;
    const text = JSON.stringify(wanted);
    if (text === hopeless) return;
    if (Buffer.byteLength(text) > REPORT_BYTES_MAX) {
      hopeless = text;
      return say('the report is too large');
    }
    request(topics.update, { state: { reported: changes } }, wanted);
  };
  const take = async (of: number, desired: State, reported: State): Promise<void> => {
    if (of !== life) return;
    failures = 0;
    const problem = await owner.desire(desired).then(() => undefined, codeOf);
    if (of !== life) return;
    known = reported;
    open = undefined;
    if (isStale) return ask();
    if (problem === undefined) {
      refusals = 0;
      for (const done of applying.splice(0)) done();
    } else {
      refusals += 1;
      if (refusals === 1) say(`not taken over: ${problem}`);
      clearTimeout(again);
      const delayMs = nextDelayMs({ failures: refusals, random: random(), capMs: BACK_OFF_MS_MAX });
      again = setTimeout(hint, delayMs);
    }
    look();
  };
  const enqueue = (desired: State, reported: State): void => {
    clearTimeout(timer);
    const of = life;
    taking = taking.then(async () => take(of, desired, reported));
  };
  const isOurs = (token: string | undefined): boolean => open !== undefined && token === open.token;

  const accepted = (payload: Buffer): void => {
    const document = parseDocument(payload);
    if (document === undefined) return say('not a document');
    if (isOurs(document.token)) enqueue(document.desired, document.reported);
  };
  const rejected = (payload: Buffer): void => {
    const rejection = parseRejection(payload);
    if (rejection === undefined || !isOurs(rejection.token)) return;
    const { code, message } = rejection;
    const reported = open?.reported;
    if (reported === undefined && code === 404) return enqueue({}, {});
    if (reported === undefined || !HOPELESS.has(code)) return fail(`refused: ${code}`);
    hopeless = JSON.stringify(reported);
    open = undefined;
    say(`refused: ${code} ${message}`);
    after(LOOK_MS, look);
  };
  const updated = (payload: Buffer): void => {
    // Somebody else's: of what he took away from what is desired there is no delta.
    if (!isOurs(parseToken(payload))) return hint();
    known = open?.reported ?? known;
    open = undefined;
    look();
  };

  const hint = (): void => {
    if (open === undefined || open.reported !== undefined) ask();
    else isStale = true;
  };

  const receive = async ({ topic, payload }: Arrived): Promise<void> => {
    switch (topics.answers.get(topic)) {
      case 'get/accepted':
        return accepted(payload);
      case 'update/accepted':
        return updated(payload);
      case 'get/rejected':
      case 'update/rejected':
        return rejected(payload);
      case 'update/delta':
      case 'delete/accepted':
        return hint();
      case undefined:
    }
  };
  return {
    remote: {
      filters: [...topics.answers.keys()],
      owns: (topic) => topics.answers.has(topic),
      receive,
      up: () => {
        isUp = true;
        life += 1;
        known = undefined;
        failures = 0;
        ask();
      },
      down: () => {
        isUp = false;
        open = undefined;
        clearTimeout(timer);
        clearTimeout(again);
      },
    },
    look,
    apply: async () =>
      new Promise((done) => {
        applying.push(done);
        hint();
      }),
    close: () => {
      isUp = false;
      clearTimeout(timer);
      clearTimeout(again);
    },
  };
}
