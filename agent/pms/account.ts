// One paired account: finds out who it is (root discovery), keeps that fresh, listens to its channels.
import { setTimeout as sleep } from 'node:timers/promises';
import type { PmsAccountView } from '../core/cloud.ts';
import type { Log } from '../core/log.ts';
import { nextDelayMs } from '../core/retry.ts';
import { createCalls, wordsOf } from './calls.ts';
import type { Calls } from './calls.ts';
import { listen } from './channels.ts';
import type { ChannelNeeds } from './channels.ts';
import { HEALTH_FAILED_MS_MAX, HEALTH_JITTER, HEALTH_MS, HELLO_MS } from './limits.ts';
import type { Account, Consumer, Refusal } from './ports.ts';
import { createUser } from './user.ts';
import type { UserNeeds } from './user.ts';
import { SCHEMAS, parseAs, parseChannel } from './wire.ts';
import type { Channel, Parsed, Root } from './wire.ts';

export type AccountNeeds = UserNeeds &
  Omit<ChannelNeeds, 'account' | 'onLost'> & {
    readonly log: Log;
    readonly consumers: readonly Consumer[];
    readonly onChange: () => void;
    /** The hotel has closed its day: seen at the next look at the account, within HEALTH_MS. */
    readonly onNewDay?: (kind: Account['kind']) => void;
  };

export interface AccountRunner {
  readonly calls: Calls;
  view(): PmsAccountView;
  /** Says the phone system's hello every minute until stopped; Clock shows whether it hears it. */
  keepHello(): () => void;
  /** Asks for the root now: the hotel's date may be another one. Returns at once. */
  lookAgain(): void;
  close(): void;
}

type Problem = { readonly refusal: Refusal; readonly atMs: number };

export function startAccount(account: Account, needs: AccountNeeds): AccountRunner {
  const { clock, log, random, onChange } = needs;
  const { kind, accountId, host } = account;
  const name = `${kind}-${accountId}`;
  const stop = new AbortController();
  const { signal } = stop;
  const user = createUser(account, needs);
  let root: { readonly value: Root; readonly atMs: number } | undefined;
  let problem: Problem | undefined;
  let failures = 0;
  let wakeUp = new AbortController();
  let isListening = false;

  const pause = async (ms: number, early: AbortSignal = signal): Promise<void> => {
    const either = AbortSignal.any([signal, early]);
    await sleep(ms, undefined, { signal: either }).catch(() => {});
  };

  const discover = async (): Promise<Parsed<Root> | Refusal> => {
    const api = kind === 'pms' ? 'pms_api' : 'base_api';
    const reply = await user.call({ api, method: 'GET', priority: 'idle', signal });
    return reply.ok ? parseAs(SCHEMAS.root, reply.value) : reply;
  };

  const channelOf = (event: string): Channel | undefined => {
    const address = root?.value.http_msg_channels.get(event);
    return address === undefined ? undefined : parseChannel(address, host);
  };

  const startListening = (): void => {
    if (isListening) return;
    isListening = true;
    const onLost = (): void => wakeUp.abort();
    for (const consumer of needs.consumers) {
      void listen(consumer, () => channelOf(consumer.event), {
        ...{ ...needs, signal, account: name, onLost },
      });
    }
  };

  /** A ban that another account or a channel met is this one's too. */
  const shown = (): Problem | undefined => {
    const leftMs = needs.ban.leftMs();
    const isBanned = leftMs > 0 && problem?.refusal.why !== 'banned';
    return isBanned
      ? { refusal: { ok: false, why: 'banned', leftMs }, atMs: clock.nowMs() }
      : problem;
  };

  const learn = (found: Parsed<Root> | Refusal): void => {
    const atMs = clock.nowMs();
    const [before, isFirst] = [problem?.refusal, root === undefined];
    if (found.ok) {
      const day = root?.value.revenu_date;
      root = { value: found.value, atMs };
      if (day !== undefined && day !== found.value.revenu_date) needs.onNewDay?.(kind);
      problem = undefined;
      failures = 0;
      const { name: hotel, time_zone: zone } = found.value;
      if (isFirst || before !== undefined) log.info(`pms ${name}: reached: ${hotel}, ${zone}`);
      startListening();
    } else {
      failures += 1;
      const refusal: Refusal =
        'why' in found ? found : { ok: false, why: 'malformed', text: found.text };
      problem = { refusal, atMs };
      if (before?.why !== refusal.why) {
        log.warning(`pms ${name}: ${`${refusal.why} ${wordsOf(refusal)}`.trim()}`);
      }
    }
    if (isFirst !== (root === undefined) || before?.why !== problem?.refusal.why) onChange();
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      learn(await discover());
      const jitter = 1 + HEALTH_JITTER * (2 * random() - 1);
      const failedMs = nextDelayMs({ failures, random: random(), capMs: HEALTH_FAILED_MS_MAX });
      // A ban has its own end; asking sooner would only say so again.
      // Who knocks with a wrong key is banned some day; a new pairing begins anew.
      const isKeyWrong = problem?.refusal.why === 'key' && failures > 1;
      const isCalm = problem === undefined || isKeyWrong;
      const ms = isCalm ? HEALTH_MS * jitter : failedMs + needs.ban.leftMs();
      // A lost channel asks for the root soon, never at once: somebody may answer 404 for ever.
      await pause(failedMs);
      await pause(ms - failedMs, wakeUp.signal);
      if (wakeUp.signal.aborted) wakeUp = new AbortController();
    }
  };
  void run();

  const calls = createCalls(user, signal);
  return {
    calls,
    view: () => viewOf({ kind, accountId, root, problem: shown() }, clock.nowMs()),
    lookAgain: () => wakeUp.abort(),
    keepHello: () => {
      const ended = new AbortController();
      const say = async (): Promise<void> => {
        while (!ended.signal.aborted && !signal.aborted) {
          const reply = await calls.phone.hello();
          if (!reply.ok) log.warning(`pms ${name}: hello: ${reply.why} ${wordsOf(reply)}`);
          await pause(HELLO_MS, ended.signal);
        }
      };
      void say();
      return () => ended.abort();
    },
    close: () => {
      stop.abort();
      user.close();
    },
  };
}

function viewOf(
  now: {
    readonly kind: Account['kind'];
    readonly accountId: number;
    readonly root: { readonly value: Root; readonly atMs: number } | undefined;
    readonly problem: Problem | undefined;
  },
  nowMs: number,
): PmsAccountView {
  const { kind, accountId, root, problem } = now;
  return {
    ...{ kind, accountId },
    reached:
      root === undefined
        ? undefined
        : {
            hotel: root.value.name,
            timeZone: root.value.time_zone,
            businessDate: root.value.revenu_date,
            msAgo: nowMs - root.atMs,
          },
    problem:
      problem === undefined
        ? undefined
        : {
            why: problem.refusal.why,
            text: wordsOf(problem.refusal),
            msAgo: nowMs - problem.atMs,
          },
  };
}
