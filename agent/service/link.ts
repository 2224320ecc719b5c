// A service's way to the agent: connects, says who it is, and does so again whenever the agent was away. The line
// to the third party knows nothing of that.
import type { Clock } from '../core/clock.ts';
import { OperatorError, codeOf } from '../core/errors.ts';
import { AGAIN_MS, HELLO_MS_MAX } from '../core/ipc/limits.ts';
import { createPeer } from '../core/ipc/peer.ts';
import type { Methods, Peer, Pipe } from '../core/ipc/peer.ts';
import { parseWelcome } from '../core/ipc/wire.ts';

export type DialAgent = (hears: { line(line: Buffer): boolean; closed(): void }) => Promise<Pipe>;

export interface AgentLink {
  /**
   * Asks the agent, and again after it was away: for what may be asked twice. Rejects with code `agent-away`
   * after `msMax`, or with what the agent refuses.
   */
  ask(method: string, params: unknown, msMax: number): Promise<unknown>;
  /** False: the agent is away, and it is lost. */
  tell(method: string, params: unknown): boolean;
  close(): void;
}

interface Needs {
  readonly dial: DialAgent;
  readonly hello: object;
  readonly methods: Methods;
  readonly clock: Clock;
  readonly log: { warning(text: string): void };
  /** The agent is there (again): what it must know is told anew. */
  readonly onUp: (welcome: { readonly timeZone: string }) => void;
  /** The agent does not want this process: its token or its settings are of another time. */
  readonly onUnwanted: (why: string) => void;
}

export function createAgentLink(needs: Needs): AgentLink {
  let peer: Peer | undefined;
  let pipe: Pipe | undefined;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let wake = Promise.withResolvers<void>();

  const lost = (): void => {
    peer?.gone();
    peer = undefined;
    if (!isClosed) timer = setTimeout(() => void open(), AGAIN_MS);
  };
  const open = async (): Promise<void> => {
    let mine: Peer | undefined;
    try {
      pipe = await needs.dial({
        line: (line) => mine?.hear(line) ?? false,
        closed: () => {
          mine?.gone();
          if (peer === mine || peer === undefined) lost();
        },
      });
    } catch {
      // The agent starts again, most likely; it says so itself.
      return lost();
    }
    mine = createPeer(pipe, needs.methods);
    try {
      const welcome = parseWelcome(await mine.ask('hello', needs.hello, { msMax: HELLO_MS_MAX }));
      if (welcome === undefined) throw new OperatorError('refused', 'not a welcome');
      peer = mine;
      needs.onUp(welcome);
      wake.resolve();
      wake = Promise.withResolvers<void>();
    } catch (error) {
      if (codeOf(error) === 'refused') return needs.onUnwanted((error as Error).message);
      pipe.close();
    }
  };
  const untilUp = async (msMax: number): Promise<void> => {
    if (peer !== undefined) return;
    let giveUp: NodeJS.Timeout | undefined;
    await Promise.race([
      wake.promise,
      new Promise<void>((done) => (giveUp = setTimeout(done, msMax))),
    ]);
    clearTimeout(giveUp);
  };
  void open();
  return {
    ask: async (method, params, msMax) => {
      const untilMs = needs.clock.nowMs() + msMax;
      for (;;) {
        const leftMs = untilMs - needs.clock.nowMs();
        if (leftMs <= 0) throw new OperatorError('agent-away', `The agent does not answer`);
        await untilUp(leftMs);
        if (peer === undefined) continue;
        try {
          return await peer.ask(method, params, { msMax: Math.max(1, leftMs) });
        } catch (error) {
          if (codeOf(error) !== 'gone') throw error;
        }
      }
    },
    tell: (method, params) => {
      peer?.tell(method, params);
      return peer !== undefined;
    },
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      pipe?.close();
    },
  };
}
