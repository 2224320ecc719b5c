// An exchange with iLink's web interface: a table of extensions that requests change, and call records that it
// posts as its documents say: three times, then never again. Pure but for its timers.
import type { Counterpart } from '../../core/interface.ts';
import type { Serve } from '../../core/line/ports.ts';
import type { IlinkSettings } from './config.ts';
import { CDR_AGAIN_MS, CDR_KEPT_MAX, CDR_TRIES_MAX } from './limits.ts';

interface Extension {
  status: 'occupied' | 'vacant';
  name: string;
  language: string;
  vip: boolean;
  cos: string;
  lamp: boolean;
  dnd: boolean;
  readonly wakeups: Set<string>;
}

export interface Exchange extends Counterpart {
  /** As they stand; made when first asked for, where the settings know them. */
  extension(extn: string): Readonly<Extension> | undefined;
  /** Every answer fails, for the next so many requests: 'failed' in words, 500, or 401. */
  fail(how: 'failed' | 500 | 401, times: number): void;
}

const ROOTS: Readonly<Record<string, string>> = {
  ...{ setguest: 'setguest', setcos: 'classofservice', setmw: 'messagewaiting', setdnd: 'dnd' },
  setwakeup: 'wakeup',
};
type Fields = Readonly<Record<string, string>>;

const result = (status: number, is: 'success' | 'failed', information = '') => ({
  ...{ status, type: 'text/json' },
  body: JSON.stringify({ result: is, information }),
});

export function createExchange(settings: IlinkSettings): Exchange {
  const { rooms, siteId, user, password, token } = settings;
  const table = new Map<string, Extension>();
  const listed = new Set(rooms.list.flatMap(({ extensions }) => extensions));
  let failing: { readonly how: 'failed' | 500 | 401; times: number } | undefined;

  const find = (extn: string): Extension | undefined => {
    const isKnown = listed.has(extn) || (rooms.others === 'number' && /^\d{1,16}$/.test(extn));
    if (!isKnown) return undefined;
    let one = table.get(extn);
    if (one === undefined) {
      one = {
        ...{ status: 'vacant', name: '', language: '', vip: false, cos: '3' },
        ...{ lamp: false, dnd: false, wakeups: new Set<string>() },
      };
      table.set(extn, one);
    }
    return one;
  };
  const isLetIn = (authorization: string | undefined): boolean => {
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const wanted = user === undefined ? token && `Bearer ${token}` : basic;
    return wanted === undefined || authorization === wanted;
  };

  const serve: Serve = async ({ method, path, headers, body }) => {
    if (!isLetIn(headers['authorization'])) return { status: 401 };
    const name = /\/API\/(\w*)$/.exec(path)?.[1] ?? '';
    const root = ROOTS[name];
    if (root === undefined) return { status: 404 };
    if (method !== 'POST') return { status: 405 };
    if (failing !== undefined && failing.times > 0) {
      failing.times -= 1;
      if (failing.how !== 'failed') return { status: failing.how };
      return result(200, 'failed', 'system is busy');
    }
    if (siteId !== undefined && headers['siteid'] !== siteId) {
      return result(200, 'failed', 'unknown siteid');
    }
    if (!/^text\/json\b/.test(headers['content-type'] ?? '')) {
      return result(200, 'failed', 'content type');
    }
    const fields = fieldsOf(body, root);
    const extension = find(fields?.['extn'] ?? '');
    if (fields === undefined) return result(200, 'failed', `no ${root}`);
    if (extension === undefined) return result(200, 'failed', 'unknown extension');
    const problem = change(extension, name, fields);
    return problem === undefined ? result(200, 'success') : result(200, 'failed', problem);
  };
  return {
    serve,
    extension: find,
    fail: (how, times) => (failing = { how, times }),
    close: () => {},
  };
}

function fieldsOf(body: Buffer, root: string): Fields | undefined {
  try {
    const parsed = JSON.parse(body.toString()) as Record<string, Fields | undefined>;
    const fields = parsed[root];
    const isText = Object.values(fields ?? {}).every((value) => typeof value === 'string');
    return isText && Object.keys(parsed).length === 1 ? fields : undefined;
  } catch {
    return undefined;
  }
}

/** What is wrong with the fields, or undefined. */
function change(extension: Extension, name: string, fields: Fields): string | undefined {
  const { status, cos = '', mw = '', dnd = '', action, wakeuptime = '' } = fields;
  const isSwitch = (value: string): boolean => value === 'on' || value === 'off';
  switch (name) {
    case 'setguest': {
      if (status !== 'occupied' && status !== 'vacant') return 'status';
      const guest = `${fields['firstname']} ${fields['lastname']}`.trim();
      const isVacant = status === 'vacant';
      Object.assign(extension, {
        ...{ status, name: isVacant ? '' : guest, vip: fields['vip'] === '1' },
        language: fields['language'] ?? '',
        ...(isVacant ? { lamp: false, dnd: false } : {}),
      });
      return undefined;
    }
    case 'setcos':
      if (!/^[0-3]$/.test(cos)) return 'cos';
      extension.cos = cos;
      return undefined;
    case 'setmw':
      if (!isSwitch(mw)) return 'mw';
      extension.lamp = mw === 'on';
      return undefined;
    case 'setdnd':
      if (!isSwitch(dnd)) return 'dnd';
      extension.dnd = dnd === 'on';
      return undefined;
    default: {
      const isTime = /^\d\d-\d\d-\d{4} \d\d:\d\d:\d\d$/.test(wakeuptime);
      if (action === 'clearall' && wakeuptime === '') extension.wakeups.clear();
      else if (action === 'set' && isTime) extension.wakeups.add(wakeuptime);
      else if (action === 'clear' && isTime) extension.wakeups.delete(wakeuptime);
      else return 'action or wakeuptime';
      return undefined;
    }
  }
}

/** Posts one record; undefined: the network failed. */
export type Post = (body: string) => Promise<{ status: number; body: string } | undefined>;

export interface CdrSender {
  send(message: Readonly<Record<string, string>>): void;
  readonly waiting: number;
  /** Given up after three tries. */
  readonly dropped: number;
  close(): void;
}

export function createCdrSender(post: Post, againMs = CDR_AGAIN_MS): CdrSender {
  const kept: string[] = [];
  let dropped = 0;
  let isGoing = false;
  const stop = new AbortController();
  const isReceived = async (body: string): Promise<boolean> => {
    const answer = await post(body).catch(() => undefined);
    return answer?.status === 200 && answer.body === '{"response":"RECEIVEDOK"}';
  };
  const go = async (): Promise<void> => {
    for (let body = kept[0]; body !== undefined && !stop.signal.aborted; body = kept[0]) {
      let isThere = false;
      for (let tries = 0; tries < CDR_TRIES_MAX && !isThere && !stop.signal.aborted; tries += 1) {
        if (tries > 0) await new Promise((done) => setTimeout(done, againMs));
        isThere = await isReceived(body);
      }
      if (!isThere) dropped += 1;
      kept.shift();
    }
    isGoing = false;
  };
  return {
    send: (message) => {
      if (kept.length >= CDR_KEPT_MAX) dropped += 1;
      else kept.push(JSON.stringify({ message }));
      if (isGoing) return;
      isGoing = true;
      void go();
    },
    get waiting() {
      return kept.length;
    },
    get dropped() {
      return dropped;
    },
    close: () => stop.abort(),
  };
}
