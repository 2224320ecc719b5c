// The conversations with services' processes: who connects proves by his token which service he is. One process a
// service; the newer one is the right one.
import { timingSafeEqual } from 'node:crypto';
import { parseEvent } from '../core/events/wire.ts';
import { OperatorError } from '../core/errors.ts';
import { GREETINGS_MAX, GREETINGS_MS, HELLO_MS_MAX } from '../core/ipc/limits.ts';
import { createPeer } from '../core/ipc/peer.ts';
import type { Answer, Peer, Pipe } from '../core/ipc/peer.ts';
import {
  parseHello,
  parseRemembered,
  parseReport,
  parseTrace,
  parseTried,
} from '../core/ipc/wire.ts';
import type { Report, TraceEntry, Tried } from '../core/ipc/wire.ts';
import type { HotelEvent, House, Verdict } from '../core/vocabulary.ts';

/** What a process may ask; `service` is who asks. */
export interface Hears {
  /** undefined: no such service is expected. */
  expected(service: string): { readonly token: string; readonly setup: string } | undefined;
  timeZone(): string;
  greeted(service: string): void;
  gone(service: string): void;
  emit(service: string, event: HotelEvent): Promise<Verdict>;
  house(): House;
  recall(service: string, name: string): string | undefined;
  remember(service: string, name: string, value: string | undefined): Promise<void>;
  report(service: string, report: Report): void;
  trace(service: string, entries: readonly TraceEntry[]): void;
  tried(service: string, what: Tried): void;
}

export interface Sessions {
  /** `isKnown`: he has said who he is. */
  greet(pipe: Pipe): { line(line: Buffer): boolean; closed(): void; isKnown(): boolean };
  peer(service: string): Peer | undefined;
}

export function createSessions(hears: Hears): Sessions {
  const open = new Map<string, { readonly peer: Peer; readonly pipe: Pipe }>();
  const greetings = new Map<string, number>();
  const count = (service: string, by: 1 | -1): number => {
    const now = (greetings.get(service) ?? 0) + by;
    if (now === 0) greetings.delete(service);
    else greetings.set(service, now);
    return now;
  };
  const greet: Sessions['greet'] = (pipe) => {
    let who: string | undefined;
    const late = setTimeout(() => pipe.close(), HELLO_MS_MAX);
    const hello: Answer = async (params) => {
      const said = parseHello(params);
      const expected = said && hears.expected(said.service);
      if (said === undefined || expected === undefined || !isSame(said.token, expected.token)) {
        throw new OperatorError('unknown service', 'Somebody is no service of this unit');
      }
      if (said.setup !== expected.setup)
        throw new OperatorError('other settings', 'Other settings');
      if (count(said.service, 1) > GREETINGS_MAX) {
        count(said.service, -1);
        pipe.close();
        throw new OperatorError('too often', 'Greets too often');
      }
      setTimeout(() => count(said.service, -1), GREETINGS_MS).unref();
      clearTimeout(late);
      open.get(said.service)?.pipe.close();
      who = said.service;
      open.set(who, { peer, pipe });
      hears.greeted(who);
      return { timeZone: hears.timeZone() };
    };
    /** Nothing before the hello. */
    const asks =
      (what: (service: string, params: unknown) => Promise<unknown>): Answer =>
      async (params) => {
        if (who === undefined) throw new OperatorError('hello first', 'hello first');
        return what(who, params);
      };
    const tells =
      (what: (service: string, params: unknown) => void) =>
      (params: unknown): void => {
        if (who !== undefined) what(who, params);
      };
    const peer = createPeer(pipe, {
      requests: {
        hello,
        emit: asks(async (service, params) => {
          const event = parseEvent(params);
          if (!event.ok) return { ok: false, why: 'wrong', text: event.text };
          return hears.emit(service, event.value);
        }),
        house: asks(async () => hears.house()),
        recall: asks(async (service, params) => {
          const asked = parseRemembered(params);
          return asked === undefined ? null : (hears.recall(service, asked.name) ?? null);
        }),
        remember: asks(async (service, params) => {
          const asked = parseRemembered(params);
          if (asked === undefined) throw new OperatorError('too-long', 'not to be remembered');
          await hears.remember(service, asked.name, asked.value);
          return true;
        }),
        tried: asks(async (service, params) => {
          const what = parseTried(params);
          if (what === undefined) throw new OperatorError('unreadable', 'not an end of a test');
          hears.tried(service, what);
          return true;
        }),
      },
      notifications: {
        report: tells((service, params) => {
          const report = parseReport(params);
          if (report !== undefined) hears.report(service, report);
        }),
        trace: tells((service, params) => {
          const entries = parseTrace(params);
          if (entries !== undefined) hears.trace(service, entries);
        }),
      },
    });
    return {
      line: (line) => peer.hear(line),
      isKnown: () => who !== undefined,
      closed: () => {
        clearTimeout(late);
        peer.gone();
        if (who === undefined || open.get(who)?.peer !== peer) return;
        open.delete(who);
        hears.gone(who);
      },
    };
  };
  return { greet, peer: (service) => open.get(service)?.peer };
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
