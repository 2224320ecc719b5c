// What everything that listens in the hotel's network has: a list of who may come, notes of who may not, and
// patience with a port that is taken.
import { BlockList, isIPv6 } from 'node:net';
import type { Server } from 'node:net';
import { codeOf } from '../core/errors.ts';
import { NOTE_MS_MIN } from '../core/line/limits.ts';
import { pauseMs } from '../core/line/pause.ts';
import { plain } from './line-socket.ts';

/** A port that another program holds is free again when that one has ended. */
const LISTEN_AGAIN = { firstSeconds: 1, maxSeconds: 30 };

/** Whether an address is on a list of addresses and networks; IPv4 in IPv6's clothes counts as IPv4. */
export function listed(from: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const one of from) {
    const [address = '', bits] = one.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => {
    const bare = plain(address).replace(/%.*$/, '');
    return list.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4');
  };
}

/** Who is turned away is noted at once, the many that follow once in a while. */
export function createNotes(note: (text: string) => void): {
  turnedAway(text: string): void;
  close(): void;
} {
  let others = 0;
  let timer: NodeJS.Timeout | undefined;
  const quiet = (): void => {
    timer = undefined;
    if (others === 0) return;
    note(`turned away ${others} more`);
    others = 0;
    timer = setTimeout(quiet, NOTE_MS_MIN);
  };
  return {
    turnedAway: (text) => {
      if (timer !== undefined) return void (others += 1);
      note(`turned away: ${text}`);
      timer = setTimeout(quiet, NOTE_MS_MIN);
    },
    close: () => clearTimeout(timer),
  };
}

/** Listens; when it cannot, or cannot any more, it tries again. */
export function listenAgain(
  port: number,
  on: {
    readonly make: () => Server;
    readonly failed: (why: string) => void;
    readonly random: () => number;
  },
): { close(): Promise<void> } {
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let server: Server;
  const listen = (): void => {
    server = on.make();
    server.once('listening', () => (failures = 0));
    server.once('error', (error) => {
      failures += 1;
      server.close();
      timer = setTimeout(listen, pauseMs({ failures, random: on.random(), ...LISTEN_AGAIN }));
      on.failed(codeOf(error));
    });
    server.listen({ port });
  };
  listen();
  return {
    close: async () => {
      clearTimeout(timer);
      server.removeAllListeners('error').on('error', () => {});
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}
