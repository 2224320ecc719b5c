// Scripted trouble: what can go wrong, at which calls, how often. Knows nothing of sockets: listener.ts,
// front.ts and channels.ts ask the book what to do.
import { Book } from '../fault-book.ts';
export type { Injected } from '../fault-book.ts';

/** Whom and how often. Everything absent means every call, always. */
interface Scope {
  readonly apiUser?: string;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Part of the path (without query), or a pattern for it. For channels: of the event's name. */
  readonly path?: string | RegExp;
  /** How often it happens before it is over. */
  readonly times?: number;
  /** How many occasions pass unharmed first. */
  readonly after?: number;
}

/** TCP is accepted, then closed or left without an answer. */
interface AtAccept {
  readonly at: 'accept';
  readonly do: 'drop' | 'black-hole';
}

/** The server shows another certificate. */
interface AtHandshake {
  readonly at: 'handshake';
  readonly do: 'wrong-authority' | 'wrong-name' | 'expired';
}

/** Before anything is judged or done. `waf` with `ban` shuts the address out for two hours. */
type AtCall = { readonly at: 'call' } & (
  | { readonly do: 'drop' | 'black-hole' | 'throttle' | 'expire-nonce' }
  | { readonly do: 'waf'; readonly ban?: boolean }
  | { readonly do: 'delay'; readonly ms: number }
);

/** In the place of the work: it is not carried out. 500 with a text is Clock's own way to say no. */
interface AtWork {
  readonly at: 'work';
  readonly do: 'refuse';
  readonly status: number;
  /** Default `{"error": text}`; `body` is sent as it is instead. */
  readonly text?: string;
  readonly body?: string;
  readonly contentType?: string;
}

/**
 * After the work was carried out: its answer is lost (`drop`), never comes (`black-hole`), is late, is
 * no JSON, is padded to `bytes`, is cut after half, comes a byte every `ms`, or is another status.
 */
type AtAnswer = { readonly at: 'answer' } & (
  | { readonly do: 'drop' | 'black-hole' | 'malformed' | 'truncate' }
  | { readonly do: 'delay'; readonly ms: number }
  | { readonly do: 'huge'; readonly bytes: number }
  | { readonly do: 'slow'; readonly ms: number }
  | { readonly do: 'replace'; readonly status: number; readonly text: string }
);

/**
 * A message on its way into a channel: lost, put in twice, or held until the next one is in. `swap` and
 * `repeat` make two messages with their own places: the cursor does not tell.
 */
interface AtFire {
  readonly at: 'fire';
  readonly do: 'lose' | 'repeat' | 'swap';
}

/** A poll: refused, dropped at once, dropped while waiting, or answered as if there was nothing. */
type AtPoll = { readonly at: 'poll' } & (
  | { readonly do: 'drop' | 'black-hole' | 'empty' | 'malformed' }
  | { readonly do: 'refuse'; readonly status: number }
  | { readonly do: 'drop-after'; readonly ms: number }
);

export type Fault = Scope & (AtAccept | AtHandshake | AtCall | AtWork | AtAnswer | AtFire | AtPoll);

type At = Fault['at'];
export type FaultAt<A extends At> = Extract<Fault, { readonly at: A }>;

/** Where something is about to happen. */
export interface Occasion {
  readonly apiUser?: string | undefined;
  readonly method?: string | undefined;
  readonly path?: string | undefined;
}

export class FaultBook extends Book<Fault, Occasion> {
  constructor() {
    super(concerns);
  }
}

function concerns(fault: Fault, { apiUser, method, path = '' }: Occasion): boolean {
  if (fault.apiUser !== undefined && fault.apiUser !== apiUser) return false;
  if (fault.method !== undefined && fault.method !== method) return false;
  if (fault.path === undefined) return true;
  return typeof fault.path === 'string' ? path.includes(fault.path) : fault.path.test(path);
}
