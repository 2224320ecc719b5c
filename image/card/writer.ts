// Writes each card in a process of its own: encryption uses every core, a card that hangs in the kernel
// holds up nothing else, and what a card has cost is known. This file is both ends of the pipe.
// Not core/run.ts: that waits for a program's output, this one converses.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { openContent } from '../unit/content.ts';
import type { CardOrder } from '../unit/content.ts';
import { alignedBuffers, openCard } from './device.ts';
import { another, faultOf } from './faults.ts';
import type { CardDevice, WriteCard, WriteHooks, Written } from './ports.ts';
import { writeCard } from './write.ts';

const ME = fileURLToPath(import.meta.url);
/** A process that was told to stop finishes one write; one that hangs in the kernel cannot. */
const STOP_MS = 5_000;

interface Job {
  readonly path: string;
  /** Which device or file that was when it was looked at. */
  readonly node: string | undefined;
  readonly order: CardOrder & { readonly cardBytes: number };
}

/** What the writing process says, and what it is answered. */
type Said =
  | { readonly say: 'progress'; readonly of: Parameters<WriteHooks['progress']> }
  | { readonly say: 'verified' }
  | { readonly say: 'written'; readonly result: Written }
  | { readonly say: 'done'; readonly cpuMs: number }
  | {
      readonly say: 'failed';
      readonly code: string;
      readonly text: string;
      readonly hint?: string;
    };
type Answer =
  | { readonly answer: 'job'; readonly job: Job }
  | { readonly answer: 'go' }
  | { readonly answer: 'refused' }
  | { readonly answer: 'stop' };

export interface Cost {
  readonly cpuMs: number;
}

/** Rejects when the card is bad. `cost` is told what its process used. */
export function writeInProcess(cost: (of: Cost) => void = () => {}): WriteCard {
  return async (card, order, hooks) => {
    // In a group of its own: Ctrl-C is for its parent, which tells it to stop where that does no harm.
    const child = fork(ME, ['card'], {
      ...{ serialization: 'advanced', stdio: 'ignore', detached: true },
    });
    const stop = (): void => send(child, { answer: 'stop' });
    hooks.signal?.addEventListener('abort', stop, { once: true });
    try {
      const job = { path: card.device, node: card.node, order };
      cost(await conversation(child, job, hooks));
    } finally {
      hooks.signal?.removeEventListener('abort', stop);
      await ended(child);
    }
  };
}

function send(child: ChildProcess, answer: Answer): void {
  if (child.connected) child.send(answer, () => {}); // It has ended: its exit tells the rest.
}

async function conversation(child: ChildProcess, job: Job, hooks: WriteHooks): Promise<Cost> {
  let refused: unknown;
  const ask = async (hook: () => Promise<void>): Promise<void> => {
    try {
      await hook();
      send(child, { answer: 'go' });
    } catch (error) {
      refused = error;
      send(child, { answer: 'refused' });
    }
  };
  const cost = await new Promise<Cost>((resolve, reject) => {
    child.on('message', (said: Said) => {
      switch (said.say) {
        case 'progress':
          hooks.progress(...said.of);
          break;
        case 'verified':
          void ask(hooks.verified);
          break;
        case 'written':
          void ask(() => hooks.written(said.result));
          break;
        case 'done':
          resolve(said);
          break;
        case 'failed':
          reject(new OperatorError(said.code, said.text, said));
          break;
      }
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      const how = signal === null ? `ended with ${code}` : `was ended by ${signal}`;
      reject(
        new OperatorError('writer-ended', `The process that wrote the card ${how}`, {
          hint: 'Write it again; did this machine run out of memory? "dmesg | tail" tells',
        }),
      );
    });
    send(child, { answer: 'job', job });
  }).catch((error: unknown) => {
    throw refused ?? error;
  });
  log(`# ${job.path}: written with ${(cost.cpuMs / 1000).toFixed(2)} s of processor time`);
  return cost;
}

/** Waits a little; what hangs in the kernel is left to it. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.connected) child.disconnect();
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  const never = new Promise<void>((resolve) => setTimeout(resolve, 2 * STOP_MS).unref());
  await Promise.race([gone, never]);
  clearTimeout(late);
  child.unref();
}

/** The other end: one card, then nothing. Without its parent it stops where it is. */
async function writer(): Promise<void> {
  const abort = new AbortController();
  let answered: ((isGo: boolean) => void) | undefined;
  const job = await new Promise<Job>((resolve) => {
    process.on('message', (answer: Answer) => {
      if (answer.answer === 'job') resolve(answer.job);
      if (answer.answer === 'stop') abort.abort();
      if (answer.answer === 'go' || answer.answer === 'refused') answered?.(answer.answer === 'go');
    });
    process.once('disconnect', () => process.exit(1));
  });
  const say = (said: Said): Promise<void> =>
    new Promise((resolve) => process.send!(said, undefined, {}, () => resolve()));
  const ask = async (said: Said): Promise<void> => {
    const isGo = new Promise<boolean>((resolve) => void (answered = resolve));
    await say(said);
    if (!(await isGo)) throw new OperatorError('refused', 'The ledger did not take it');
  };
  try {
    await writeJob(job, {
      progress: (...of) => void say({ say: 'progress', of }),
      verified: () => ask({ say: 'verified' }),
      written: (result) => ask({ say: 'written', result }),
      signal: abort.signal,
    });
    const { user, system } = process.cpuUsage();
    await say({ say: 'done', cpuMs: (user + system) / 1000 });
  } catch (error) {
    const { code, message, hint } = error instanceof OperatorError ? error : defect(error);
    await say({ say: 'failed', code, text: message, ...(hint === undefined ? {} : { hint }) });
  }
  process.disconnect();
}

const defect = (error: unknown): OperatorError =>
  new OperatorError('defect', `A defect of the flasher: ${String(error)}`, {
    hint: 'Write it again; report it with its log if it stays so',
    cause: error,
  });

/** Opens, writes, closes. Throws OperatorError. `open` is for tests. */
export async function writeJob(
  { path, node, order }: Job,
  hooks: WriteHooks & { readonly stallMs?: number },
  open = openCard,
): Promise<void> {
  const device = await open(path, node).catch((error: unknown) => {
    throw faultOf(error, 'opening it');
  });
  let isStalled = false;
  try {
    await writeOpened(device, order, hooks);
  } catch (error) {
    isStalled = error instanceof OperatorError && error.code === 'card-stalled';
    throw error;
  } finally {
    const closed = device.close();
    // That waits for what is under way, which the kernel of a card that stalls may never end.
    if (isStalled) closed.catch(() => {});
    else await closed;
  }
}

/** In this process; also for tests, with a device of their own. */
export async function writeOpened(
  device: CardDevice,
  order: Job['order'],
  hooks: WriteHooks & { readonly stallMs?: number },
): Promise<void> {
  if (device.bytes !== order.cardBytes) {
    throw another('the reader');
  }
  const content = await openContent(order);
  try {
    await writeCard(device, content, {
      ...hooks,
      nonce: randomBytes(16),
      buffers: alignedBuffers,
    });
  } finally {
    await content.close();
  }
}

if (argv[1] === ME && argv[2] === 'card') await writer();
