// `./build.sh inspect` as it is called: reads the key files, looks, and renders.
import { readFile, stat } from 'node:fs/promises';
import { OperatorError } from '../../core/errors.ts';
import type { Progress } from '../../core/progress.ts';
import { escrowedKeys } from '../../ledger/escrow.ts';
import { readIdentities } from '../../ledger/seal.ts';
import { developmentKeyFile } from '../../release/sign.ts';
import { inspect } from './inspect.ts';
import { signersOf } from './release.ts';
import { renderReport } from './report.ts';
import type { Report } from './report.ts';
import { recoveryPassphrase } from '../recovery-key.ts';

/** cryptsetup reads no more of a key file either. */
const KEY_FILE_BYTES_MAX = 8 * 1024 * 1024;

export interface InspectRequest {
  readonly file: string;
  /** A file with the key of the system partition. */
  readonly key?: string | undefined;
  /** Support's identity file: opens the recovery keys in `ledger`. */
  readonly identity?: string | undefined;
  readonly ledger?: string | undefined;
  /** A PEM file with the only key that may have signed. */
  readonly signer?: string | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Throws OperatorError when a file cannot be read; what is wrong with the image is in the report. */
export async function inspectFile(
  request: InspectRequest,
): Promise<{ readonly report: Report; readonly text: string }> {
  const { file, identity, ledger, progress, signal } = request;
  const signing = process.env['CLOCK_SIGNING_KEY'];
  const own = [...(signing === undefined ? [] : [signing]), developmentKeyFile()];
  const report = await inspect({
    file,
    key: request.key === undefined ? undefined : await keyOf(request.key),
    recoveryKeys:
      identity === undefined || ledger === undefined
        ? undefined
        : async (serial) => escrowedKeys(ledger, serial, await readIdentities(identity)),
    signers: await signersOf(request.signer, own),
    strict: request.signer !== undefined,
    progress,
    signal,
  });
  return { report, text: renderReport(report) };
}

async function keyOf(file: string): Promise<Buffer> {
  const { size } = await stat(file);
  if (size > 0 && size <= KEY_FILE_BYTES_MAX) {
    const content = await readFile(file);
    return recoveryPassphrase(content) ?? content;
  }
  throw new OperatorError('no-key', `${file} has ${size} bytes: that is no key`, {
    hint: 'Give the file whose content opens the partition',
  });
}
