// Call records: read from a line as they come, told to the agent one after the other, given up only when the agent
// has them on its card.
import { delimited, CR, LF } from '../../core/frames/delimited.ts';
import type { Framer, Piece } from '../../core/frames/ports.ts';
import { FIAS_LRC, stxEtx } from '../../core/frames/stx-etx.ts';
import type { Interface, RunningInterface, ServiceHost } from '../../core/interface.ts';
import { needsOfLine } from '../../core/line/needs.ts';
import { parseCallSettings } from './config.ts';
import type { CallSettings, Layout } from './config.ts';
import { playPbx } from './counterpart.ts';
import { LOGIN_MS_MAX, RECORD_BYTES_MAX } from './limits.ts';
import { begin, next } from './state.ts';
import type { Entry } from './state.ts';
import { createStore } from './store.ts';
import { texts } from './texts.ts';
import { test } from './trial.ts';

const ACK = 0x06;
const NAK = 0x15;
/** Any byte is right: the check is there, and its rule is not known. */
const ANY_BYTE = Array.from({ length: 256 }, (...[, byte]) => byte);

function framerOf(layout: Layout): Framer {
  if (layout.kind === 'hobic' && layout.framing === 'hx') {
    const check = layout.check ? FIAS_LRC : { ...FIAS_LRC, waivers: ANY_BYTE };
    return stxEtx({ check, bodyBytesMax: RECORD_BYTES_MAX });
  }
  const { lineEnd } = layout.kind === 'columns' ? layout : { lineEnd: 'any' };
  const delimiters = { any: [CR, LF, 0x0c, 0x00], cr: [CR], lf: [LF] }[lineEnd as 'any'];
  return delimited({ delimiters, lineBytesMax: RECORD_BYTES_MAX });
}

interface Connection {
  readonly number: number;
  readonly peer: string;
  readonly framer: Framer;
  entry: Entry;
  headerLines: number;
  /** No line has been taken from it. */
  readonly patience: NodeJS.Timeout | undefined;
}

export function start(settings: CallSettings, host: ServiceHost): RunningInterface {
  const { layout, login } = settings;
  const isAnswered = layout.kind === 'hobic' && layout.framing === 'hx' && layout.answer;
  let numbers = 0;
  let here: Connection | undefined;

  const answer = (byte: number, connection: number): void => {
    if (!isAnswered || here?.number !== connection) return;
    line.write(Buffer.of(byte)).catch(() => {});
  };
  const store = createStore(settings, host, {
    stored: (connection) => answer(ACK, connection),
    emptied: () => {
      if (here?.entry.at === 'in') host.talk({ at: 'up', with: here.peer });
    },
  });

  const take = (piece: Piece, connection: Connection): void => {
    if (piece.is === 'frame') {
      const text = piece.body.toString('latin1');
      if (connection.headerLines > 0) {
        connection.headerLines -= 1;
        return host.trace('in', 'a header line');
      }
      if (store.add(text, connection.number)) return;
      // Whoever has a memory shall keep what we cannot; what it has sent already is lost.
      if (!isAnswered) host.count('lost');
      return line.drop('too many records wait');
    }
    host.count('damaged');
    const what = piece.is === 'bad' ? `${piece.body.length} bytes (${piece.why})` : 'noise';
    host.trace('in', `not a record: ${what}`);
    if (piece.is === 'bad' && piece.why === 'check') answer(NAK, connection.number);
  };

  const perform = (text: string, connection: Connection): void => {
    const { state, effects } = next(connection.entry, text, login);
    const wasIn = connection.entry.at === 'in' || connection.entry.at === 'answered';
    connection.entry = state;
    for (const effect of effects) {
      switch (effect.do) {
        case 'send':
          host.trace('out', state.at === 'answered' ? 'the password' : 'the user');
          line.write(Buffer.from(effect.text, 'latin1')).catch(() => {});
          break;
        case 'read':
          for (const piece of connection.framer.push(Buffer.from(effect.text, 'latin1'))) {
            take(piece, connection);
          }
          break;
        case 'refuse':
          host.talk({ at: 'down', why: effect.why });
          line.drop(effect.why);
          break;
      }
    }
    if (!wasIn && state.at === 'answered') {
      clearTimeout(connection.patience);
      host.talk({ at: 'up', with: connection.peer });
    }
  };

  const up = (peer: string): void => {
    numbers += 1;
    const patience = setTimeout(() => line.drop('it asks for no user'), LOGIN_MS_MAX);
    if (login === undefined) clearTimeout(patience);
    here = {
      ...{ number: numbers, peer, framer: framerOf(layout), entry: begin(login), patience },
      headerLines: layout.kind === 'columns' ? layout.headerLines : 0,
    };
    host.trace('note', `connected with ${peer}`);
    if (store.isTooFull()) return line.drop('too many records wait');
    host.talk({ at: login === undefined ? 'up' : 'joining', with: peer });
  };
  const down = (why: string): void => {
    clearTimeout(here?.patience);
    // Half a record: its end will not come on another connection.
    if ((here?.framer.held() ?? 0) > 0) {
      host.count('damaged');
      host.trace('in', 'half a record, cut off with the connection');
    }
    here = undefined;
    host.talk({ at: 'down', why });
  };

  const line = host.openLine(settings.line, {
    up,
    down,
    bytes: (chunk) => {
      if (here !== undefined) perform(chunk.toString('latin1'), here);
    },
    note: (text) => host.trace('note', text),
  });
  return {
    handle: async () => ({ ok: false, why: 'unsupported', text: 'call records only come in' }),
    close: async () => {
      clearTimeout(here?.patience);
      await line.close();
      here = undefined;
      await store.close();
    },
  };
}

export const calls: Interface<CallSettings> = {
  name: 'calls',
  title: texts.title.en,
  texts,
  takes: [],
  emits: ['call.recorded'],
  parse: parseCallSettings,
  needs: ({ line }) => needsOfLine(line),
  start,
  test: async (settings, host, signal) => test(settings, host, { signal, start }),
  counterpart: (settings, needs) => playPbx(settings, needs),
};
