// Runs in the LAN's namespace: which ports of one address answer? Prints JSON { tcp, udp }.
// Usage: node scan.ts ADDRESS. Refuses addresses outside the simulated hotel.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { queryOf } from '../dns.ts';
import { isOnLan } from '../places.ts';

/** One repetition after 1 s; an emulated board behind it answers in a tenth of that. */
const TCP_MS_MAX = 1_800;
/** As many as answer nothing may wait at the same time: all 65,535 ports then take under a minute. */
const TCP_AT_ONCE = 2_500;
const TCP_PORT_LAST = 65_535;
const UDP_MS_MAX = 2_500;
/** Name, address, file, time, RPC, NetBIOS, SNMP, IKE, log, routing, SSDP, mDNS, LLMNR, CoAP, VPN. */
const UDP_PORTS = [
  7, 19, 53, 67, 68, 69, 111, 123, 137, 138, 161, 177, 427, 500, 514, 520, 546, 547, 623, 1194,
  1434, 1701, 1900, 2049, 3478, 3702, 4500, 5060, 5353, 5355, 5683, 10001, 11211, 33434, 51820,
];

const [address = ''] = process.argv.slice(2);
if (!isOnLan(address))
  throw new Error(`${address} is not in the hotel: nothing else is ever scanned`);

/** Open or closed are both answers; a firewall that drops gives none. */
async function tcp(port: number): Promise<'open' | 'closed' | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    const end = (found: 'open' | 'closed' | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    // On a busy machine timers come late, and with them answers that have long arrived: those first.
    const timer = setTimeout(() => setImmediate(() => end(undefined)), TCP_MS_MAX);
    socket.once('connect', () => end('open'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      end(error.code === 'ECONNREFUSED' ? 'closed' : undefined);
    });
  });
}

async function udp(port: number): Promise<'open' | 'closed' | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const end = (found: 'open' | 'closed' | undefined): void => {
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      resolve(found);
    };
    const timer = setTimeout(() => end(undefined), UDP_MS_MAX);
    socket.once('message', () => end('open'));
    socket.once('error', () => end('closed'));
    socket.connect(port, address, () => {
      // What a name server, a time server and anything that echoes would answer.
      socket.send(queryOf('localhost'), () => {});
      socket.send(Buffer.alloc(48, 0x23).fill(0, 1), () => {});
    });
  });
}

const found: { tcp: number[]; udp: number[]; refused: number } = { tcp: [], udp: [], refused: 0 };
let next = 1;
await Promise.all(
  Array.from({ length: TCP_AT_ONCE }, async () => {
    while (next <= TCP_PORT_LAST) {
      const port = next++;
      const state = await tcp(port);
      if (state === 'open') found.tcp.push(port);
      if (state === 'closed') found.refused += 1;
    }
  }),
);
await Promise.all(
  UDP_PORTS.map(async (port) => {
    if ((await udp(port)) !== undefined) found.udp.push(port);
  }),
);
found.tcp.sort((a, b) => a - b);
found.udp.sort((a, b) => a - b);
process.stdout.write(JSON.stringify(found), () => process.exit(0));
