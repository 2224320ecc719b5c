// What `./build.sh recover` says in words: what came out, what a person must look at, what is lost. Pure.
import { oneLine } from '../../core/terminal.ts';
import type { Lane } from '../../../agent/core/messages.ts';
import type { Recovery } from './recover.ts';

/** Whose things wait in a lane, for somebody who has never seen one. */
const LANES: Readonly<Record<Lane, string>> = {
  work: 'results of orders',
  health: 'reports of the unit about itself',
  business: 'events of the hotel (bookings, charges, receipts)',
  records: 'call records and the like',
};
/** A report is read; whoever needs all of them finds them in the file. */
const NAMED_MAX = 20;

const some = (count: number, what: string): string => `${String(count).padStart(6)}  ${what}`;

export function renderRecovery(recovery: Recovery): string {
  const { serial, file, queue, badBlocks, repaired, lost, isDoubted } = recovery;
  const lines = [`unit ${serial}`];
  if (file === undefined) lines.push('Nothing came out of this card.');
  else
    lines.push(
      `Recovered into ${file}`,
      '  for this user alone: it holds the keys of the hotel’s account',
    );
  if (queue !== undefined) {
    lines.push('', 'Not told yet, and now in this file:');
    for (const { lane, count, oldestMs } of queue.waiting) {
      const since =
        oldestMs === undefined ? '' : `, the oldest of ${new Date(oldestMs).toISOString()}`;
      lines.push(some(count, `${LANES[lane]}${since}`));
    }
    lines.push(some(queue.charges.stored, 'charges and calls that are not posted'));
    lines.push(
      some(queue.charges.begun, 'that were begun: the unit looks in Clock before it posts them'),
    );
    lines.push(some(queue.dead, 'messages that the cloud had refused'));
    lines.push(`Pairing: ${oneLine(queue.accounts.join(', ')) || 'none'}`);
    if (queue.open.length > 0) {
      lines.push('', `For a person, as their outcome is not known (${queue.open.length}):`);
      lines.push(
        ...queue.open
          .slice(0, NAMED_MAX)
          .map(({ key, state, text }) => `  ${oneLine(`${key}: ${state}, ${text}`)}`),
      );
      if (queue.open.length > NAMED_MAX) lines.push(`  and ${queue.open.length - NAMED_MAX} more`);
    }
    if (queue.packages.length > 0) {
      const packages = oneLine(queue.packages.join(', '));
      lines.push('', `To be installed again by the cloud: ${packages}`);
    }
  }
  if (recovery.isUntouched === true) {
    lines.push(
      '',
      'The unit has never run from this card: it is what its card before had not told.',
    );
  }
  lines.push('', ...condition(recovery), ...lost.map((text) => `LOST: ${text}.`));
  if (file !== undefined && lost.length === 0 && badBlocks.length === 0)
    lines.push('Nothing is lost.');
  if (isDoubted && queue !== undefined) {
    lines.push(
      'The card was damaged and may show an older state than it once had: charges are looked for in Clock before they',
      'are posted; calls and receipts that waited are left to a person, so that none is posted or printed twice.',
    );
  }
  if (repaired && badBlocks.length === 0)
    lines.push('It was not shut down in order; its journal was replayed.');
  if (file !== undefined) {
    const named = `./build.sh reflash ${serial} DEVICE --from ${file}`;
    lines.push('', `Next: ${named} --claim DIR --identity FILE`);
  }
  return lines.join('\n').replace(/[^\P{C}\n]/gu, '?');
}

function condition({ badBlocks }: Recovery): string[] {
  if (badBlocks.length === 0) return [];
  const named = badBlocks.slice(0, NAMED_MAX).join(', ');
  const more = badBlocks.length > NAMED_MAX ? ', …' : '';
  return [`${badBlocks.length} blocks of 4 KiB of its state cannot be read (${named}${more}).`];
}
