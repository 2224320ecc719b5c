// One job on one printer: asks how it is, sends, asks again, ends so that the tail is not lost. Knows for every way it
// can end whether something may be on paper.
import { codeOf } from '../../core/errors.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { Call } from '../../core/line/ports.ts';
import type { Printer } from './config.ts';
import { dial } from './dial.ts';
import {
  BUSY_AGAIN_MS,
  BUSY_MS_MAX,
  FINISH_MS,
  HEARD_BYTES_MAX,
  LOOK_BUSY_MS_MAX,
  PRINT_BYTES_PER_MS,
  PRINT_MS_MIN,
  STATUS_MS_MAX,
} from './limits.ts';
import { askProof, askStatus, isStatus, problemsOf, proofOf, STATUS_KINDS, stops } from './wire.ts';
import type { Problem, StatusKind } from './wire.ts';

export type Look =
  | { readonly is: 'there'; readonly problems: readonly Problem[] }
  /** It can be reached, and is not asked. */
  | { readonly is: 'unasked' }
  /** Connected, and it says nothing: another one is connected, or it never says anything. */
  | { readonly is: 'silent' }
  | { readonly is: 'away'; readonly code: string };

export type Printed =
  /** `proof`: it said that all is on paper; `status`: it is well after the last byte; `none`: all was sent. */
  | { readonly is: 'printed'; readonly by: 'proof' | 'status' | 'none' }
  /** Nothing was sent. */
  | { readonly is: 'not-begun'; readonly look: Exclude<Look, { is: 'unasked' }> }
  /** Something may be on paper. */
  | { readonly is: 'unknown'; readonly why: string };

interface Needs {
  readonly host: ServiceHost;
  readonly signal: AbortSignal;
  /** What was seen of the printer, each time. */
  readonly looked: (look: Look) => void;
}

/** Waits while another client has the printer; `signal` ends only that. */
async function reach(
  printer: Printer,
  { host, signal }: Needs,
  busyMsMax: number,
): Promise<Call | string> {
  const fromMs = host.clock.nowMs();
  for (;;) {
    // Of its own: once the job has begun nobody cuts the connection.
    const dialling = new AbortController();
    const stop = (): void => dialling.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) return 'aborted';
      return await dial(printer, host, dialling.signal);
    } catch (error) {
      const code = codeOf(error);
      // Printers that have one connection only refuse the second.
      const mayPass = code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EBUSY';
      if (dialling.signal.aborted) return 'aborted';
      if (!mayPass || host.clock.nowMs() - fromMs >= busyMsMax) return code;
    } finally {
      signal.removeEventListener('abort', stop);
    }
    await new Promise((done) => setTimeout(done, BUSY_AGAIN_MS));
  }
}

/** Undefined: it does not answer. Rejects when the connection is gone. */
async function ask(
  call: Call,
  host: ServiceHost,
  firstMsMax = STATUS_MS_MAX,
): Promise<readonly Problem[] | undefined> {
  const status = { 1: 0, 2: 0, 3: 0, 4: 0 };
  for (const kind of STATUS_KINDS) {
    await call.write(askStatus(kind));
    const byte = await answer(call, host, kind === 1 ? firstMsMax : STATUS_MS_MAX);
    // Some know only the first.
    if (byte === undefined && kind === 1) return undefined;
    status[kind] = byte ?? 0;
    if (byte === undefined) break;
  }
  return problemsOf(status satisfies Record<StatusKind, number>);
}

async function answer(call: Call, host: ServiceHost, msMax: number): Promise<number | undefined> {
  const untilMs = host.clock.nowMs() + msMax;
  for (let leftMs = msMax; leftMs > 0; leftMs = untilMs - host.clock.nowMs()) {
    const chunk = await call.read(leftMs).catch((error: unknown) => {
      if (codeOf(error) === 'timeout') return 'late' as const;
      throw error;
    });
    if (chunk === 'late') return undefined;
    if (chunk === undefined) throw new Error('the printer has ended the connection');
    const byte = chunk.findLast(isStatus);
    if (byte !== undefined) return byte;
  }
  return undefined;
}

export async function lookAt(printer: Printer, needs: Needs): Promise<Look> {
  const call = await reach(printer, needs, LOOK_BUSY_MS_MAX);
  if (typeof call === 'string') return { is: 'away', code: call };
  const look = await lookOn(call, printer, needs.host);
  await call.finish(FINISH_MS);
  return look;
}

async function lookOn(call: Call, printer: Printer, host: ServiceHost): Promise<Look> {
  if (!printer.status) return { is: 'unasked' };
  try {
    const problems = await ask(call, host);
    return problems === undefined ? { is: 'silent' } : { is: 'there', problems };
  } catch (error) {
    return { is: 'away', code: codeOf(error) };
  }
}

export async function print(
  bytes: Buffer,
  printer: Printer,
  needs: Needs & {
    /** Called before the first byte of it; rejects: nothing is sent. */
    readonly begin: () => Promise<void>;
  },
): Promise<Printed> {
  const call = await reach(printer, needs, BUSY_MS_MAX);
  if (typeof call === 'string') {
    const look = { is: 'away', code: call } as const;
    needs.looked(look);
    return { is: 'not-begun', look };
  }
  const look = await lookOn(call, printer, needs.host);
  needs.looked(look);
  const isWell = look.is === 'unasked' || (look.is === 'there' && !look.problems.some(stops));
  if (!isWell || needs.signal.aborted) {
    await call.finish(FINISH_MS);
    const aborted = { is: 'away', code: 'aborted' } as const;
    return { is: 'not-begun', look: look.is === 'unasked' || isWell ? aborted : look };
  }
  try {
    await needs.begin();
  } catch (error) {
    await call.finish(FINISH_MS);
    throw error;
  }
  // From here on nobody can call it back.
  let printed: Printed;
  try {
    await call.write(bytes);
    printed = await judge(call, { bytes, printer, needs });
  } catch (error) {
    printed = { is: 'unknown', why: `the connection was lost: ${codeOf(error)}` };
  }
  // Where nothing was asked, the tail may still wait.
  const isAsked = printer.status || printer.proof;
  await call.finish(FINISH_MS + (isAsked ? 0 : bytes.length / PRINT_BYTES_PER_MS)).catch(codeOf);
  return printed;
}

interface Sent {
  readonly bytes: Buffer;
  readonly printer: Printer;
  readonly needs: Needs;
}

/** All was given to the kernel: is it on paper? */
async function judge(call: Call, { bytes, printer, needs }: Sent): Promise<Printed> {
  const msMax = PRINT_MS_MIN + bytes.length / PRINT_BYTES_PER_MS;
  if (printer.proof) {
    if (await prove(call, needs.host, msMax)) return { is: 'printed', by: 'proof' };
  }
  if (!printer.status) {
    return printer.proof ? unproved : { is: 'printed', by: 'none' };
  }
  const problems = await ask(call, needs.host, msMax);
  const after: Look = problems === undefined ? { is: 'silent' } : { is: 'there', problems };
  needs.looked(after);
  const stopped = problems?.find(stops);
  if (stopped !== undefined) return { is: 'unknown', why: stopped };
  if (problems === undefined) return { is: 'unknown', why: 'it says nothing any more' };
  return printer.proof ? unproved : { is: 'printed', by: 'status' };
}
const unproved: Printed = { is: 'unknown', why: 'it does not say that all is printed' };

async function prove(call: Call, host: ServiceHost, msMax: number): Promise<boolean> {
  const mark = String(Math.floor(host.random() * 10_000)).padStart(4, '0');
  const wanted = proofOf(mark);
  await call.write(askProof(mark));
  const untilMs = host.clock.nowMs() + msMax;
  let heard = Buffer.alloc(0);
  for (let leftMs = msMax; leftMs > 0; leftMs = untilMs - host.clock.nowMs()) {
    const chunk = await call.read(leftMs).catch((error: unknown) => {
      if (codeOf(error) === 'timeout') return 'late' as const;
      throw error;
    });
    if (chunk === 'late') return false;
    if (chunk === undefined) throw new Error('the printer has ended the connection');
    heard = Buffer.concat([heard, chunk]).subarray(-HEARD_BYTES_MAX);
    if (heard.includes(wanted)) return true;
  }
  return false;
}
