// Runs in the LAN's namespace: who has this name, by multicast DNS (RFC 6762)? Prints the address.
// Usage: node mdns.ts NAME ADDRESS_OF_THE_LAN. Prints nothing when nobody answers.
import { createSocket } from 'node:dgram';
import { addressesIn, queryOf } from '../dns.ts';

const GROUP = '224.0.0.251';
const PORT = 5353;
/** Asked again each second: a unit's responder keeps silent for a while after its start. */
const ASK_MS_EVERY = 1_000;
const ASK_MS_MAX = 15_000;

const [name, own] = process.argv.slice(2);
if (name === undefined || own === undefined) throw new Error('usage: node mdns.ts NAME ADDRESS');
const socket = createSocket({ type: 'udp4', reuseAddr: true });
socket.on('message', (packet) => {
  const [address] = addressesIn(packet, name);
  if (address !== undefined) process.stdout.write(address, () => process.exit(0));
});
socket.bind(PORT, () => {
  socket.addMembership(GROUP, own);
  socket.setMulticastInterface(own);
  const ask = (): void => socket.send(queryOf(name), PORT, GROUP);
  ask();
  setInterval(ask, ASK_MS_EVERY);
});
setTimeout(() => process.exit(0), ASK_MS_MAX);
