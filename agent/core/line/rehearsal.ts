// Lines, calls and web requests without sockets, with a simulated third party (an interface's counterpart) at the
// other end: what "test against the bundled simulator" uses, and the tests of interfaces.
import { OperatorError } from '../errors.ts';
import type { Counterpart } from '../interface.ts';
import { CALL_BYTES_MAX } from './limits.ts';
import type {
  Call,
  DialTcp,
  LanHttp,
  LanReply,
  LanRequest,
  Line,
  LineHears,
  ListenHttp,
  OpenLine,
  Serve,
} from './ports.ts';

/** What the peer of a rehearsal is called. */
const PEER = 'simulator';
/** After the simulator has hung up: soon enough for a person who watches. */
const AGAIN_MS = 200;

interface Rehearsal {
  readonly openLine: OpenLine;
  readonly dialTcp: DialTcp;
  readonly http: LanHttp;
  readonly listenHttp: ListenHttp;
  /** Asks what `listenHttp` serves, as the third party would over HTTP; 404 while nothing is served. */
  readonly ask: Serve;
}

/** Everything arrives later, in order, never within the call that sent it; each time as bytes of its own. */
export function rehearse(counterpart: Counterpart): Rehearsal {
  let served: Serve | undefined;
  return {
    openLine: (...[, hears]) => line(counterpart, hears),
    dialTcp: async (...[, signal]) => {
      if (signal.aborted) throw new OperatorError('aborted', 'The call was given up');
      return call(counterpart, signal);
    },
    http: async (request, signal) => http(counterpart, { request, signal }),
    listenHttp: (...[, serve]) => {
      served = serve;
      return {
        close: async () => {
          if (served === serve) served = undefined;
        },
      };
    },
    ask: async (request) => (served === undefined ? { status: 404 } : served(request)),
  };
}

interface Wire {
  send(bytes: Uint8Array): void;
  close(): void;
}

/** One connection to the counterpart; `hears` is told nothing after `ended` or close(). */
function connect(
  counterpart: Counterpart,
  hears: { bytes(chunk: Buffer): void; ended(): void },
): Wire | undefined {
  if (counterpart.connect === undefined) return undefined;
  let isHeard = true;
  let isThere = true;
  const hangUp = (): void => {
    if (!isThere) return;
    isThere = false;
    other.closed();
  };
  const toUs = (step: () => void): void => {
    setImmediate(() => {
      if (isHeard) step();
    });
  };
  const toThem = (step: () => void): void => {
    setImmediate(() => {
      if (isThere) step();
    });
  };
  const other = counterpart.connect(
    (bytes) => {
      const chunk = Buffer.from(bytes);
      toUs(() => hears.bytes(chunk));
    },
    () =>
      toUs(() => {
        isHeard = false;
        hangUp();
        hears.ended();
      }),
  );
  return {
    send: (bytes) => {
      const chunk = Buffer.from(bytes);
      toThem(() => other.bytes(chunk));
    },
    close: () => {
      isHeard = false;
      // What was sent before still arrives.
      toThem(hangUp);
    },
  };
}

function line(counterpart: Counterpart, hears: LineHears): Line {
  let wire: Wire | undefined;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  const open = (): void => {
    wire = connect(counterpart, {
      bytes: (chunk) => hears.bytes(chunk),
      ended: () => down('the other side has closed it'),
    });
    if (wire === undefined) hears.down('this simulator takes no connections', false);
    else hears.up(PEER);
  };
  const down = (why: string): void => {
    wire = undefined;
    timer = setTimeout(open, AGAIN_MS);
    hears.down(why, true);
  };
  setImmediate(() => {
    if (!isClosed) open();
  });
  return {
    write: async (bytes) => {
      if (wire === undefined) throw new OperatorError('down', 'The line is down');
      wire.send(bytes);
    },
    drop: (why) => {
      if (wire === undefined) return;
      wire.close();
      wire = undefined;
      queueMicrotask(() => {
        if (!isClosed) down(why);
      });
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      wire?.close();
      wire = undefined;
    },
  };
}

function call(counterpart: Counterpart, signal: AbortSignal): Call {
  const unread: Buffer[] = [];
  let unreadBytes = 0;
  let isEnded = false;
  let isGone = false;
  let wake = (): void => {};
  const wire = connect(counterpart, {
    bytes: (chunk) => {
      unreadBytes += chunk.length;
      // Over a real connection the other side would wait; no counterpart sends so much.
      if (unreadBytes <= CALL_BYTES_MAX) unread.push(chunk);
      wake();
    },
    ended: () => {
      isEnded = true;
      wake();
    },
  });
  if (wire === undefined) throw new OperatorError('ECONNREFUSED', 'Takes no connections');
  const close = (): void => {
    isGone = true;
    wire.close();
    wake();
  };
  signal.addEventListener('abort', close, { once: true });
  return {
    write: async (bytes) => {
      if (isGone || isEnded) throw new OperatorError('down', 'The connection is gone');
      wire.send(bytes);
    },
    read: async (msMax) => {
      if (unread.length === 0 && !isEnded && !isGone) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = setTimeout(resolve, msMax);
        await promise;
        clearTimeout(timer);
      }
      const chunk = Buffer.concat(unread.splice(0));
      unreadBytes = 0;
      if (chunk.length > 0) return chunk;
      if (isGone) throw new OperatorError('closed', 'The connection is gone');
      if (!isEnded) throw new OperatorError('timeout', 'No answer in time');
      return undefined;
    },
    finish: async () => close(),
    close,
  };
}

async function http(
  { serve }: Counterpart,
  { request, signal }: { readonly request: LanRequest; readonly signal: AbortSignal },
): Promise<LanReply> {
  if (serve === undefined) return { ok: false, code: 'ECONNREFUSED', sent: false };
  if (signal.aborted) return { ok: false, code: 'aborted', sent: false };
  const { promise, resolve } = Promise.withResolvers<LanReply>();
  const fail = (code: string) => (): void => resolve({ ok: false, code, sent: true });
  const tooLate = setTimeout(fail('timeout'), request.msMax);
  const stop = fail('aborted');
  signal.addEventListener('abort', stop, { once: true });
  const { method, headers, body = Buffer.alloc(0) } = request;
  const path = request.url.replace(/^https?:\/\/[^/?#]*/, '') || '/';
  const lowerCase = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  const asked = { method, path, headers: Object.fromEntries(lowerCase), body, peer: PEER };
  serve(asked).then(({ status, body: text = '', type = 'text/plain' }) => {
    const bytes = Buffer.from(text);
    if (bytes.length > request.bytesMax) return fail('too-large')();
    return resolve({ ok: true, status, body: bytes, headers: { 'content-type': type } });
  }, fail('ECONNRESET'));
  const reply = await promise;
  clearTimeout(tooLate);
  signal.removeEventListener('abort', stop);
  return reply;
}
