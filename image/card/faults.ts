// Why a card is bad: what the system said of it, in words that an operator can act upon.
import { OperatorError } from '../core/errors.ts';

const THROW_AWAY = 'Mark the card and throw it away; write another one for this unit';
const RETRY = 'Put it back and write it again; if it stays so, use another reader or card';

/** What a system's error code means when a card gives it. */
const MEANINGS: Readonly<Record<string, readonly [code: string, text: string, hint: string]>> = {
  ENXIO: ['card-pulled', 'The card was taken out', RETRY],
  ENODEV: ['card-pulled', 'The card was taken out', RETRY],
  ENOMEDIUM: ['card-pulled', 'The card was taken out', RETRY],
  ENOENT: ['card-pulled', 'The card was taken out', RETRY],
  EIO: ['card-failing', 'The card fails', THROW_AWAY],
  ETIMEDOUT: ['card-failing', 'The card does not answer', THROW_AWAY],
  EREMOTEIO: ['card-failing', 'The card fails', THROW_AWAY],
  EILSEQ: ['card-failing', 'The card answers with errors', THROW_AWAY],
  ENOSPC: ['card-lies', 'The card is smaller than it says', THROW_AWAY],
  EROFS: [
    'card-locked',
    'The card is write-protected',
    'Move the slider at its side away from LOCK',
  ],
  EACCES: [
    'card-refused',
    'This user may not write the card',
    'Run it as root: sudo ./build.sh flash …',
  ],
  EPERM: [
    'card-locked',
    'The card is write-protected',
    'Move the slider at its side away from LOCK',
  ],
  EBUSY: ['card-busy', 'Something uses the card', 'Unmount it: "lsblk" shows where it is mounted'],
};

/** The error for a card's ledger row and its operator; what is no card's fault passes unchanged. */
export function faultOf(error: unknown, doing: string): unknown {
  if (error instanceof OperatorError || !(error instanceof Error)) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const meaning = MEANINGS[code];
  if (meaning === undefined) return error;
  const [name, text, hint] = meaning;
  return new OperatorError(name, `${text} (while ${doing}: ${message})`, { hint, cause: error });
}

export const another = (path: string): OperatorError =>
  new OperatorError('card-pulled', `Another card is in ${path} than a moment ago`, {
    hint: 'Leave the card in until it is finished',
  });

export const stopped = (): OperatorError =>
  new OperatorError(
    'stopped',
    'It was stopped before it was finished: the card starts from no board',
    {
      hint: 'Write it again from the beginning',
    },
  );

export const changed = (path: string): OperatorError =>
  new OperatorError('card-changed', `Something else lies on the card in ${path} than was shown`, {
    hint: 'Look at it again, and write it then',
  });

export const stalled = (doing: string, ms: number): OperatorError =>
  new OperatorError(
    'card-stalled',
    `The card answers nothing for ${ms / 1000} s (while ${doing})`,
    {
      hint: THROW_AWAY,
    },
  );

export const differs = (at: number): OperatorError =>
  new OperatorError(
    'card-differs',
    `The card returns other bytes than were written, at byte ${at}`,
    {
      hint: THROW_AWAY,
    },
  );

export const lies = (bytes: number, at: number): OperatorError => {
  const size = (bytes / 1e9).toFixed(1);
  const text = `The card says that it has ${size} GB and does not keep what is written at ${(at / 1e9).toFixed(1)} GB`;
  return new OperatorError('card-lies', `${text}: it is counterfeit or worn out`, {
    hint: THROW_AWAY,
  });
};
