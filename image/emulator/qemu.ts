// Owns one QEMU process: starts it, hears why it ends, stops it. Leaves none behind, however the
// parent ends. Knows nothing of boards; machine.ts does.
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { OperatorError } from '../core/errors.ts';
import { toolEnvironment } from '../core/run.ts';
import { CONTROL_FD } from './boards.ts';

/** Why a QEMU ended. */
type Ending =
  /** The guest asked for a restart (or its kernel panicked and did). */
  | { readonly why: 'guest-reset' }
  /** The guest switched itself off. */
  | { readonly why: 'guest-off' }
  /** stop() or cut() was called. */
  | { readonly why: 'stopped' }
  /** Anything else is a fault of QEMU or of its command line. */
  | { readonly why: 'failed'; readonly text: string };

export interface Qemu {
  readonly pid: number;
  readonly ended: Promise<Ending>;
  /** The plug is pulled: SIGKILL. */
  cut(): Promise<void>;
  /** QEMU ends in order (its files are closed); the guest notices nothing either. */
  stop(): Promise<void>;
}

/** QEMU greets on its control connection as soon as its machine stands. */
const START_MS_MAX = 30_000;
/** After SIGTERM QEMU closes its files; more than this means that it hangs. */
const STOP_MS_MAX = 5_000;
/** flock's exit code. QEMU locks disks, but not SD cards: two boards would write the same file. */
const IN_USE = 75;
const STDERR_CHARS_MAX = 8_192;

/**
 * Starts QEMU and resolves when its guest runs; throws OperatorError `emulator-start`.
 * `onConsole` gets what its stdio serial port prints; `card` is locked while it runs.
 */
export async function startQemu(
  argv: readonly string[],
  { card, onConsole }: { readonly card: string; readonly onConsole: (chunk: Buffer) => void },
): Promise<Qemu> {
  const lock = ['flock', '--nonblock', '--no-fork', '--conflict-exit-code', String(IN_USE), card];
  // setpriv: the kernel kills QEMU when this process is gone, also after a crash or SIGKILL.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...lock, ...argv], {
    env: toolEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let said = '';
  let stopping = false;
  child.stdout!.on('data', onConsole);
  child.stderr!.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-STDERR_CHARS_MAX);
  });
  const control = listenToControl(child.stdio[CONTROL_FD] as Duplex);
  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error) => resolve({ why: 'failed', text: error.message }));
    child.once('close', (code, signal) => {
      const reason = control.shutdownReason();
      if (stopping) resolve({ why: 'stopped' });
      else if (reason === 'guest-reset' || reason === 'guest-panic') {
        resolve({ why: 'guest-reset' });
      } else if (reason === 'guest-shutdown') resolve({ why: 'guest-off' });
      else if (code === IN_USE) resolve({ why: 'failed', text: `${card} is in use by another` });
      else resolve({ why: 'failed', text: said.trim() || `QEMU ended with ${signal ?? code}` });
    });
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    stopping = true;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await ended;
    clearTimeout(timer);
  };
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  const outcome = await Promise.race([control.greeted, ended]);
  clearTimeout(timer);
  if (outcome !== 'greeted') {
    const text = outcome.why === 'failed' ? outcome.text : outcome.why;
    throw new OperatorError('emulator-start', `The emulated board does not start: ${text}`, {
      hint: 'Is its card in use by another emulator? Does its port belong to another program?',
    });
  }
  return { pid: child.pid!, ended, cut: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

interface Control {
  /** Never settles when QEMU ends before it stands. */
  readonly greeted: Promise<'greeted'>;
  readonly shutdownReason: () => string | undefined;
}

/** QEMU's control protocol (QMP): one JSON object a line. We only listen for how it ends. */
function listenToControl(socket: Duplex): Control {
  let reason: string | undefined;
  let rest = '';
  socket.on('error', () => {}); // a reset at the end of QEMU; its exit tells the story
  const greeted = new Promise<'greeted'>((resolve) => {
    socket.once('data', () => {
      // Only now may the guest run: a reset before we listen would be taken for a crash.
      socket.write('{"execute":"qmp_capabilities"}\n{"execute":"cont"}\n');
      resolve('greeted');
    });
  });
  socket.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const message = JSON.parse(line) as { event?: string; data?: { reason?: string } };
      if (message.event === 'SHUTDOWN') reason = message.data?.reason;
    }
  });
  return { greeted, shutdownReason: () => reason };
}
