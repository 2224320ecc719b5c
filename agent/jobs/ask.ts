// Questions to the jobs of AWS IoT, one at a time: asked again until there is an answer, whatever the
// connection does meanwhile.
import { nextDelayMs } from '../core/retry.ts';
import { ANSWER_MS_MAX, BACK_OFF_MS_MAX } from './limits.ts';
import type { Needs } from './ports.ts';
import { parseAnswer } from './wire.ts';
import type { Answer } from './wire.ts';

/** Answers that mean: not now. */
const AGAIN = new Set(['InternalError', 'RequestThrottled']);

export interface Questions {
  /** Rejects only when it is closed. */
  ask(topic: string, body: object): Promise<Answer>;
  /** `kind` is `accepted` or `rejected`. */
  hear(topic: string, payload: Buffer): void;
  up(): void;
  down(): void;
  close(): void;
}

interface Open {
  readonly topic: string;
  readonly token: string;
  readonly settle: (answer: Answer | undefined) => void;
}

export function createQuestions({ send, random, log }: Needs): Questions {
  const now = { isUp: false, isClosed: false };
  let asked = 0;
  /** An answer to an earlier process is none to this one. */
  const life = Math.floor(random() * 2 ** 32).toString(36);
  let open: Open[] = [];
  let waiting: (() => void)[] = [];

  const wake = (): void => {
    const all = waiting;
    waiting = [];
    for (const one of all) one();
  };
  const connected = async (): Promise<void> => {
    while (!now.isUp && !now.isClosed) await new Promise<void>((done) => waiting.push(done));
    if (now.isClosed) throw Object.assign(new Error('closed'), { code: 'CLOSED' });
  };
  const pause = async (failures: number): Promise<void> => {
    const delayMs = nextDelayMs({ failures, random: random(), capMs: BACK_OFF_MS_MAX });
    await new Promise<void>((done) => {
      const timer = setTimeout(done, delayMs);
      // Closed meanwhile, nobody waits for it.
      timer.unref();
    });
  };
  /** undefined: no answer. */
  const once = async (topic: string, body: object): Promise<Answer | undefined> => {
    asked += 1;
    const token = `${life}-${asked}`;
    if (!send(topic, { ...body, clientToken: token }) || now.isClosed) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Answer | undefined>((settle) => {
      open.push({ topic, token, settle });
      timer = setTimeout(() => settle(undefined), ANSWER_MS_MAX);
    });
    clearTimeout(timer);
    open = open.filter((one) => one.token !== token);
    return answer;
  };
  return {
    ask: async (topic, body) => {
      for (let failures = 1; ; failures += 1) {
        await connected();
        const answer = await once(topic, body);
        if (answer !== undefined && !AGAIN.has(answer.code ?? '')) return answer;
        if (failures === 1) log.warning(`jobs: ${answer?.code ?? 'no answer'}, asked again`);
        await pause(failures);
      }
    },
    hear: (topic, payload) => {
      const answer = parseAnswer(payload);
      if (answer === undefined) return;
      const own = open.find(({ token }) => token === answer.clientToken);
      const isOwn = [`${own?.topic}/accepted`, `${own?.topic}/rejected`].includes(topic);
      if (isOwn) own?.settle(answer);
    },
    up: () => {
      now.isUp = true;
      wake();
    },
    down: () => {
      now.isUp = false;
      for (const { settle } of open) settle(undefined);
    },
    close: () => {
      now.isClosed = true;
      for (const { settle } of open) settle(undefined);
      wake();
    },
  };
}
