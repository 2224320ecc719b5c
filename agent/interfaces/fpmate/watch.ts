// Whether the printer answers and how it is: asked before a report and now and then, told when it changes.
import { pause } from '../../core/fiscal/turns.ts';
import type { Turns } from '../../core/fiscal/turns.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { Settings } from './config.ts';
import type { Posting } from './post.ts';
import type { Posted } from './receipts.ts';
import { conditionOf, statusDocument } from './wire.ts';

/** Shorter in tests. */
export interface Times {
  readonly slackMs: number;
  readonly statusMs: number;
  readonly watchMs: number;
  readonly watchDownMs: number;
  readonly lookAgainMs: number;
  readonly closeMs: number;
}

interface Needs {
  readonly settings: Settings;
  readonly host: ServiceHost;
  readonly times: Times;
  readonly send: (posting: Posting) => Promise<Posted>;
  readonly stopped: AbortSignal;
}

interface Watch {
  readonly ask: () => Promise<Posted>;
  /** Looks at two paces until the service stops; whenever it answers, `settle` may see to what is open. */
  readonly look: (turns: Turns, settle: () => Promise<unknown>) => Promise<void>;
}

export function createWatch({ settings, host, times, send, stopped }: Needs): Watch {
  const { host: name } = new URL(settings.url);
  let isUp = false;
  let problems = '';
  let nap = new AbortController();
  const tellProblems = (words: readonly string[]): void => {
    if (words.join('\n') === problems) return;
    problems = words.join('\n');
    // Where it cannot be told now, the next change tells it.
    host
      .emit({ kind: 'device.status', device: host.service, problems: words })
      .catch(() => undefined);
  };
  const ask = async (): Promise<Posted> => {
    const timeoutMs = settings.timeoutSeconds * 1_000;
    const posted = await send({
      ...{ document: statusDocument(settings), timeoutMs, msMax: times.statusMs, what: 'status' },
    });
    if (stopped.aborted) return posted;
    if (posted.ok !== isUp)
      host.talk(posted.ok ? { at: 'up', with: name } : { at: 'down', why: 'no answer' });
    if (posted.ok) tellProblems(conditionOf(posted.answer.status).words);
    // The watch goes on at the pace of a printer that is gone.
    if (isUp && !posted.ok) nap.abort();
    isUp = posted.ok;
    return posted;
  };
  const look: Watch['look'] = async (turns, settle) => {
    host.talk({ at: 'joining', with: name });
    while (!stopped.aborted) {
      await turns.inTurn(async () => {
        if (stopped.aborted) return;
        const posted = await ask();
        if (posted.ok) await settle();
        else if (!isUp && !stopped.aborted) host.talk({ at: 'down', why: 'no answer' });
      });
      nap = new AbortController();
      const ended = AbortSignal.any([stopped, nap.signal]);
      await pause(isUp ? times.watchMs : times.watchDownMs, ended);
    }
  };
  return { ask, look };
}
