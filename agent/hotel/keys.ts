// Key requests of Clock: each is written to a card once, or fails in words at the desk that asked. Put down before it
// is begun, so that no power cut makes a second card. One at a time on each encoder.
import { codeOf } from '../core/errors.ts';
import type { StoredRecord } from '../core/records.ts';
import type { ServiceInfo } from '../core/services.ts';
import {
  NO_TIME,
  RESTARTED,
  TOO_OLD,
  failureOf,
  isDone,
  isStale,
  keyOrderOf,
  lockOf,
} from './key-order.ts';
import type { Keeper } from './keeper.ts';
import {
  KEYS_AT_ONCE_MAX,
  KEYS_FIRST_MAX,
  KEYS_KEPT_MAX,
  KEY_AGAIN_MS,
  KEY_CLOCK_MS_MAX,
  KEY_LOOK_MS,
  KEY_ORDER_MS_MAX,
} from './limits.ts';
import type { Needs, Pms, PmsDoorKey, Reply } from './ports.ts';
import { words } from './posting.ts';
import { ordered } from './queues.ts';
import { Later, createRounds, told } from './rounds.ts';
import { idOf, keys as at, parseKey, parseMark, render } from './wire.ts';
import type { KeyRecord } from './wire.ts';

export interface Keys {
  /** There may be key requests. Returns at once. */
  look(): void;
  close(): void;
}

type KeyNeeds = Omit<Needs, 'wait' | 'onChange'> & {
  readonly keeper: Keeper;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<boolean>;
};
type Saved = Omit<KeyRecord, 'v'>;

export function createKeys(needs: KeyNeeds): Keys {
  const { records, services, log, wait } = needs;
  const stop = new AbortController();
  const { signal } = stop;
  /** Under way, or waiting for its encoder. */
  const busy = new Set<number>();
  const encoders = new Map<string, Promise<void>>();

  const find = (id: number): KeyRecord | undefined => parseKey(records.get(at.doorKey(id)));
  const save = async (id: number, record: Saved): Promise<void> =>
    records.change({ put: [{ key: at.doorKey(id), value: render(record) }] });
  const nowMs = (): number => needs.trustedWallMs() ?? 0;

  /** What an earlier process had begun: nobody knows how far it came. */
  const inherit = async (): Promise<void> => {
    const put = records.list(at.doorKeys).flatMap(({ key, value }): StoredRecord[] => {
      const record = parseKey(value);
      if (record?.state !== 'begun') return [];
      return [{ key, value: render({ ...record, state: 'failed', text: RESTARTED }) }];
    });
    if (put.length > 0) await records.change({ put });
  };

  /** New requests are put down, and the mark behind them, in one commit. */
  const collect = async (pms: Pms): Promise<void> => {
    const mark = parseMark(records.get(at.mark))?.after;
    const ids = told(await pms.calls.doorKeys.waiting(mark ?? 0)).toSorted((a, b) => a - b);
    const fresh = ids.slice(mark === undefined ? -KEYS_FIRST_MAX : -KEYS_AT_ONCE_MAX);
    const put: StoredRecord[] = [];
    for (const id of fresh) {
      if (find(id) !== undefined) continue;
      // Of before the unit was here: not for the unit to answer.
      if (mark === undefined && (await isHistory(pms, id))) continue;
      put.push({ key: at.doorKey(id), value: render({ state: 'asked', atMs: nowMs() }) });
    }
    const after = Math.max(mark ?? 0, ids.at(-1) ?? 0);
    if (mark === after && put.length === 0) return;
    await records.change({ put: [...put, { key: at.mark, value: render({ after }) }] });
  };
  const isHistory = async (pms: Pms, id: number): Promise<boolean> => {
    const key = told(await pms.calls.doorKeys.read(id));
    return isDone(key) || isStale(key, needs.trustedWallMs() ?? needs.clock.wallMs());
  };

  /** One after the other on each encoder: a guest stands there with one card. */
  const enqueue = (id: number, encoder: string, work: () => Promise<void>): void => {
    busy.add(id);
    const before = encoders.get(encoder) ?? Promise.resolve();
    const run = async (): Promise<void> => {
      await before;
      try {
        await work();
      } catch (error) {
        if (!signal.aborted) log.warning(`hotel: key ${id}: ${codeOf(error)}`);
        await wait(KEY_AGAIN_MS, signal);
      }
      busy.delete(id);
      if (encoders.get(encoder) === mine) encoders.delete(encoder);
      look();
    };
    const mine: Promise<void> = run();
    encoders.set(encoder, mine);
  };

  const begin = async (pms: Pms): Promise<void> => {
    for (const { key, value } of records.list(at.doorKeys)) {
      const id = idOf(key);
      if (parseKey(value)?.state !== 'asked' || busy.has(id)) continue;
      const request = told(await pms.calls.doorKeys.read(id));
      const encoder = request.encoder_identifier ?? '';
      enqueue(id, encoder, async () => encode(pms, id));
    }
  };

  const fail = async (id: number, text: string, more: Partial<Saved> = {}): Promise<void> => {
    log.warning(`hotel: key ${id}: ${text}`);
    await save(id, { state: 'failed', atMs: nowMs(), text, ...more });
  };

  const encode = async (pms: Pms, id: number): Promise<void> => {
    // Read again: while others were at the encoder it may have been taken back.
    const key = told(await pms.calls.doorKeys.read(id));
    if (isDone(key)) return save(id, { state: 'answered', atMs: nowMs() });
    const wallMs = await trusted();
    if (wallMs === undefined) return fail(id, NO_TIME);
    if (isStale(key, wallMs)) return fail(id, TOO_OLD);
    const encoder = key.encoder_identifier ?? '';
    const lock = lockOf(services.list(), { kind: 'key.encode', encoder });
    if (!lock.ok) return fail(id, lock.text);
    const { service } = lock;
    const { timeZone } = needs.keeper.house();
    const card = await cardOf(pms, key);
    const made = keyOrderOf('key.encode', key, { card, service, timeZone, wallMs });
    if (!made.ok) return fail(id, made.text);
    await save(id, { state: 'begun', atMs: wallMs, service: service.id });
    const outcome = await ordered(services, service.id, {
      ...{ order: made.order, signal, msMax: KEY_ORDER_MS_MAX },
    });
    if (signal.aborted) return;
    if (!outcome.ok) return fail(id, failureOf(outcome), { service: service.id });
    const qrCodeText = outcome.body?.['qrCodeText'];
    log.info(`hotel: key ${id}: ${card} written by ${service.id}`);
    await save(id, {
      ...{ state: 'issued', atMs: needs.trustedWallMs() ?? wallMs, service: service.id },
      ...(typeof qrCodeText === 'string' && { qrCodeText }),
    });
  };
  /** A unit that has just started gets its time within seconds, or not at all. */
  const trusted = async (): Promise<number | undefined> => {
    for (let waitedMs = 0; waitedMs <= KEY_CLOCK_MS_MAX; waitedMs += 1_000) {
      const ms = needs.trustedWallMs();
      if (ms !== undefined) return ms;
      if (!(await wait(1_000, signal))) return undefined;
    }
    return undefined;
  };
  /**
   * A copy names its original. Another key of the same booking and room stands beside those that Clock shows as out:
   * a new original would make them void, while Clock goes on showing them.
   */
  const cardOf = async (pms: Pms, key: PmsDoorKey) => {
    if (key.parent_key_id !== null) return 'copy' as const;
    if (key.booking_id === null) return 'original' as const;
    const out = await pms.calls.doorKeys.out(key.booking_id);
    // It does not filter so: then by the key alone.
    if (!out.ok && out.why === 'rejected') return 'original' as const;
    for (const id of told(out).slice(-KEYS_FIRST_MAX)) {
      const other = id === key.id ? undefined : told(await pms.calls.doorKeys.read(id));
      if (other?.room_id === key.room_id && other.delete_requested_at === null) {
        return 'next' as const;
      }
    }
    return 'original' as const;
  };

  const takeBack = async (pms: Pms): Promise<void> => {
    for (const id of told(await pms.calls.doorKeys.deletesWanted()).slice(-KEYS_AT_ONCE_MAX)) {
      const known = find(id);
      if (busy.has(id) || known?.stays === true || known?.state === 'cancelled') continue;
      // First Clock hears what became of it: else a card that was just written would count as never written.
      if (known?.state === 'issued' || known?.state === 'failed') {
        look();
        continue;
      }
      const key = told(await pms.calls.doorKeys.read(id));
      if (key.deleted_at !== null || key.delete_requested_at === null) continue;
      // Never written: nothing to take back.
      if (key.issued_at === null) await save(id, { state: 'cancelled', atMs: nowMs() });
      else await takeOneBack(key, known?.service);
    }
  };
  const takeOneBack = async (key: PmsDoorKey, by: string | undefined): Promise<void> => {
    const { id } = key;
    const encoder = key.encoder_identifier ?? '';
    const able = services.list().filter(({ takes }) => takes.includes('key.cancel'));
    const known = able.find((one) => one.id === by);
    const lock = known === undefined ? lockOf(able, { kind: 'key.cancel', encoder }) : undefined;
    if (lock?.ok === false) return fail(id, lock.text, { stays: true });
    const service = known ?? (lock as { readonly service: ServiceInfo }).service;
    // When it is there again this is looked at again.
    if (service.talk.at !== 'up') return;
    const { timeZone } = needs.keeper.house();
    const wallMs = needs.trustedWallMs() ?? needs.clock.wallMs();
    const made = keyOrderOf('key.cancel', key, { service, timeZone, wallMs });
    if (!made.ok) return fail(id, made.text, { stays: true });
    enqueue(id, encoder, async () => {
      const outcome = await ordered(services, service.id, {
        ...{ order: made.order, signal, msMax: KEY_ORDER_MS_MAX },
      });
      if (signal.aborted) return;
      if (outcome.ok) {
        return save(id, { state: 'cancelled', atMs: nowMs() || wallMs, service: service.id });
      }
      const isLater = outcome.why === 'offline' || outcome.why === 'busy';
      if (isLater) await wait(KEY_AGAIN_MS, signal);
      else await fail(id, failureOf(outcome), { service: service.id, stays: true });
    });
  };

  /** Tells Clock what became of each. Twice the same does no harm. */
  const answer = async (pms: Pms): Promise<void> => {
    for (const { key, value } of records.list(at.doorKeys)) {
      const record = parseKey(value);
      const id = idOf(key);
      if (record === undefined) continue;
      const reply = await answered(pms, id, record);
      if (reply === undefined) continue;
      // That Clock does not want it changes nothing any more; a person sees it in the log.
      if (!reply.ok && reply.why !== 'rejected') throw new Later(reply);
      if (!reply.ok)
        log.warning(`hotel: key ${id}: Clock does not take the answer: ${words(reply)}`);
      const stays = !reply.ok && record.state === 'cancelled';
      await save(id, { ...record, state: 'answered', ...(stays && { stays }) });
    }
  };
  const answered = async (
    { calls: { doorKeys } }: Pms,
    id: number,
    { state, atMs, service, text, qrCodeText }: KeyRecord,
  ): Promise<Reply<undefined> | undefined> => {
    switch (state) {
      case 'issued': {
        const info = services.list().find((one) => one.id === service);
        const system = info?.interface ?? service ?? 'unit';
        return doorKeys.issued(id, {
          atMs,
          system,
          ...(qrCodeText !== undefined && { qrCodeText }),
        });
      }
      case 'failed':
        return doorKeys.failed(id, text ?? 'It did not work');
      case 'cancelled':
        return doorKeys.deleted(id, atMs || needs.clock.wallMs());
      case 'asked':
      case 'begun':
      case 'answered':
        return undefined;
    }
  };

  const prune = async (): Promise<void> => {
    const done = records.list(at.doorKeys).filter(({ value }) => {
      return parseKey(value)?.state === 'answered';
    });
    const remove = done.slice(0, -KEYS_KEPT_MAX).map(({ key }) => key);
    if (remove.length > 0) await records.change({ remove });
  };

  let isInherited = false;
  const pass = async (pms: Pms): Promise<boolean> => {
    if (!isInherited) await inherit();
    isInherited = true;
    await collect(pms);
    await begin(pms);
    await takeBack(pms);
    await answer(pms);
    await prune();
    return true;
  };
  const look = createRounds(needs, { name: 'keys', round: pass, signal });

  const unhear = services.onChange(look);
  const timer = setInterval(look, KEY_LOOK_MS);
  timer.unref();
  return {
    look,
    close: () => {
      clearInterval(timer);
      unhear();
      stop.abort();
    },
  };
}
