// The simulated hotel by hand: opens it, boots an image in it if one is given, and does what is typed.
// Usage (as root): node test/bench/hotel/open.ts [IMAGE]. Ctrl-C or Ctrl-D closes it.
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { OperatorError } from '../../../image/core/errors.ts';
import { BOARD_SERIAL, Machine } from '../../../image/emulator/machine.ts';
import { makeUnitCard } from '../unit-card.ts';
import { openHotel } from './hotel.ts';
import type { Hotel } from './hotel.ts';
import { BLOCKABLES } from './places.ts';

const HELP = `block NAME [reject]   close a port, or time and name servers: ${BLOCKABLES.join(', ')}
unblock [NAME]        open it again, or everything
intercept on|off      TLS ends at the router, which shows certificates of its own
portal on|off         port 80 is answered with a redirect to a login page
leases                what the DHCP server gave away
local NAME            ask for NAME.local by multicast DNS
scan ADDRESS          which ports of a device answer (a minute)
console               the last lines of the emulated board
help                  print this
`;

async function obey(
  hotel: Hotel,
  [verb = '', ...words]: string[],
  board?: Machine,
): Promise<string> {
  const [word = ''] = words;
  const what = BLOCKABLES.find((name) => name === word);
  switch (verb) {
    case '':
      return '';
    case 'block':
      if (what === undefined) return HELP;
      await hotel.block(what, words[1] === 'reject' ? 'reject' : 'drop');
      return `${what} is closed\n`;
    case 'unblock':
      await hotel.unblock(what);
      return `${what ?? 'everything'} is open\n`;
    case 'intercept':
      await hotel.interceptTls(word === 'on');
      return `TLS interception is ${word === 'on' ? 'on' : 'off'}\n`;
    case 'portal':
      await hotel.captivePortal(word === 'on');
      return `the login page is ${word === 'on' ? 'on' : 'off'}\n`;
    case 'leases':
      return `${(await hotel.leases()).map(({ address, mac, hostName }) => `${address} ${mac} ${hostName ?? '-'}`).join('\n')}\n`;
    case 'local':
      return `${(await hotel.resolveLocal(`${word}.local`)) ?? 'nobody answers'}\n`;
    case 'scan':
      return `${JSON.stringify(await hotel.scan(word))}\n`;
    case 'console':
      return `${board?.console.slice(-20).join('\n') ?? 'there is no board'}\n`;
    default:
      return HELP;
  }
}

async function main([image]: readonly string[]): Promise<void> {
  await using hotel = await openHotel();
  const say = (text: string): boolean => process.stdout.write(text);
  say(`browser   chromium --proxy-server=${hotel.proxy} --user-data-dir=$(mktemp --directory)\n`);
  say(`shell     ip netns exec ${hotel.plug.netns} bash   (the router)\n`);
  let board: Machine | undefined;
  if (image !== undefined) {
    const card = await makeUnitCard(hotel, image);
    const work = join(hotel.folder, 'board');
    const { plug } = hotel;
    board = await Machine.start({ board: 'virt', card, boardSerial: BOARD_SERIAL, work, plug });
    say(`console   tail --follow ${join(work, 'console.log')}\n`);
    void hotel.leaseOf(/^clockrpi-/, 600_000).then(
      ({ address }) => say(`page      http://${address}/\n`),
      () => say('the unit asked for no address in ten minutes\n'),
    );
  }
  const lines = createInterface({ input: process.stdin });
  say(`${HELP}\n`);
  for await (const line of lines) {
    const answer = await obey(hotel, line.trim().split(/\s+/), board).catch(
      (error: unknown) => `${error instanceof Error ? error.message : String(error)}\n`,
    );
    say(answer);
  }
  await board?.kill();
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    const known = error instanceof OperatorError;
    const stack = error instanceof Error ? error.stack : String(error);
    process.stderr.write(known ? `${error.message}\n  → ${error.hint ?? ''}\n` : `${stack}\n`);
    process.exit(1);
  },
);
