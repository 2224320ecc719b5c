// An exchange that plays calls: it keeps what nobody was there to take, asks for user and password where the
// settings have them, and sends HX records again until they are answered. Pure but for its timers.
import { FIAS_LRC, stxEtxFrame } from '../../core/frames/stx-etx.ts';
import type { Counterpart } from '../../core/interface.ts';
import type { CallSettings } from './config.ts';
import { PLAY_MS, RESEND_MS } from './limits.ts';
import { localTime } from './time.ts';
import { writeRecord } from './wire.ts';
import type { CallRecord } from './wire.ts';

interface Needs {
  readonly clock: { wallMs(): number };
  readonly random: () => number;
}

interface Options {
  /** Between calls; undefined: it makes none by itself. */
  readonly everyMs?: number | undefined;
  readonly resendMs?: number;
}

export interface Pbx extends Counterpart {
  /** A call has ended: its record is sent, or kept until somebody is there. */
  play(call: CallRecord): void;
  /** As text, exactly as the layout has it. */
  playText(text: string): void;
  readonly calls: readonly CallRecord[];
  /** Records that nobody has taken. */
  readonly waiting: number;
}

const ACK = 0x06;
const NUMBERS = ['0049891234567', '00442071234567', '0888123456', '029876543', '101'];

/** A call that fits into the layout; the same chance makes the same one. */
export function someCall(
  { clock, random }: Needs,
  { extensions, layout }: CallSettings,
): CallRecord {
  const below = (limit: number): number => Math.floor(random() * limit);
  const { list, strip } = extensions;
  const extension = list[below(list.length)]?.extension ?? `${strip}${101 + below(20)}`;
  const kinds = ['outgoing', 'outgoing', 'outgoing', 'incoming', 'internal'] as const;
  const hasDirection = layout.kind === 'columns' && layout.fields.direction !== undefined;
  return {
    at: localTime(clock.wallMs() - below(600) * 1_000),
    extension,
    seconds: below(900),
    dialled: NUMBERS[below(NUMBERS.length)]!,
    line: String(1 + below(30)),
    price: `${below(20)}.${String(below(100)).padStart(2, '0')}`,
    impulses: below(100),
    direction: hasDirection ? kinds[below(kinds.length)]! : 'outgoing',
  };
}

export function playPbx(
  settings: CallSettings,
  needs: Needs,
  { everyMs, resendMs = RESEND_MS }: Options = { everyMs: PLAY_MS },
): Pbx {
  const { layout, login } = settings;
  const isHx = layout.kind === 'hobic' && layout.framing === 'hx';
  const isAnswered = isHx && layout.answer;
  const calls: CallRecord[] = [];
  const kept: string[] = [];
  let sequence = 0;
  let peer: { readonly send: (bytes: Uint8Array) => void } | undefined;
  let isSent = false;
  let again: NodeJS.Timeout | undefined;

  const bytesOf = (text: string): Buffer => {
    const body = Buffer.from(text, 'latin1');
    if (isHx) return stxEtxFrame(body, { check: FIAS_LRC });
    if (layout.kind === 'hobic')
      return Buffer.concat([Buffer.of(0x0a), body, Buffer.of(0x0d, 0x0a)]);
    const end = { any: '\r\n', cr: '\r', lf: '\n' }[layout.lineEnd];
    return Buffer.concat([body, Buffer.from(end)]);
  };
  const send = (): void => {
    if (peer === undefined || (isAnswered && isSent)) return;
    if (!isAnswered) {
      for (const text of kept.splice(0)) peer.send(bytesOf(text));
      return;
    }
    const [text] = kept;
    if (text === undefined) return;
    peer.send(bytesOf(text));
    isSent = true;
    again = setTimeout(resend, resendMs);
  };
  const resend = (): void => {
    clearTimeout(again);
    isSent = false;
    send();
  };
  const answered = (byte: number): void => {
    if (!isAnswered || !isSent) return;
    if (byte === ACK) kept.shift();
    resend();
  };
  const playText = (text: string): void => {
    kept.push(text);
    send();
  };
  const play = (call: CallRecord): void => {
    sequence += 1;
    calls.push(call);
    playText(writeRecord(layout, { call, sequence }));
  };
  const timer =
    everyMs === undefined ? undefined : setInterval(() => play(someCall(needs, settings)), everyMs);

  const enter = (there: { readonly send: (bytes: Uint8Array) => void }): void => {
    peer = there;
    clearTimeout(again);
    isSent = false;
    const header = layout.kind === 'columns' ? layout.headerLines : 0;
    for (let line = 1; line <= header; line += 1) there.send(bytesOf(`* HEADER ${line} *`));
    send();
  };
  return {
    calls,
    play,
    playText,
    get waiting() {
      return kept.length;
    },
    connect: (say, end) => {
      const there = { send: say };
      const door = login === undefined ? undefined : createDoor(login, { say, end });
      if (door === undefined) enter(there);
      return {
        bytes: (chunk) => {
          if (peer === there) for (const byte of chunk) answered(byte);
          else if (door?.(chunk.toString('latin1')) === true) enter(there);
        },
        closed: () => {
          if (peer !== there) return;
          peer = undefined;
          clearTimeout(again);
        },
      };
    },
    close: () => {
      clearInterval(timer);
      clearTimeout(again);
    },
  };
}

/** Gives true when user and password were right; asks three times, then hangs up. */
function createDoor(
  login: NonNullable<CallSettings['login']>,
  { say, end }: { readonly say: (bytes: Uint8Array) => void; readonly end: () => void },
): (text: string) => boolean {
  const ask = (text: string): void => say(Buffer.from(text));
  const isNamed = login.user !== undefined;
  let user: string | undefined;
  let heard = '';
  let tries = 0;
  const restart = (): void => {
    user = isNamed ? undefined : '';
    ask(isNamed ? login.userPrompt : login.passwordPrompt);
  };
  restart();
  const answer = (line: string): boolean => {
    if (user === undefined) {
      user = line;
      ask(login.passwordPrompt);
      return false;
    }
    if (user === (login.user ?? '') && line === login.password) return true;
    tries += 1;
    ask('\r\nLogin incorrect\r\n');
    if (tries >= 3) end();
    else restart();
    return false;
  };
  return (text) => {
    // Nobody types so much.
    heard = (heard + text).slice(-200);
    for (let at = heard.search(/[\r\n]/); at >= 0; at = heard.search(/[\r\n]/)) {
      const line = heard.slice(0, at);
      heard = heard.slice(at + 1);
      if (line !== '' && answer(line)) return true;
    }
    return false;
  };
}
