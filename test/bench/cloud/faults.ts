// Scripted trouble: what can go wrong, where, and whose turn it is. Knows nothing of sockets: each
// place in the cloud asks the book what to do.
import { Book } from '../fault-book.ts';
export type { Injected } from '../fault-book.ts';
import type { Ports } from './api.ts';
import { matches } from './mqtt/topics.ts';
import type { PacketName } from './mqtt/wire.ts';

/** Whom and how often. Everything absent means everyone, always. */
interface Scope {
  readonly clientId?: string;
  readonly port?: keyof Ports;
  /** How often it happens before it is over. */
  readonly times?: number;
  /** How many occasions pass unharmed first: "disconnect after n messages". */
  readonly after?: number;
}

interface OfPacket {
  readonly packet: PacketName;
  /** For PUBLISH: only on topics that match this filter. */
  readonly topic?: string;
}

/** How the services say no: jobs-mqtt-api, device-shadow-mqtt and fleet-provision-api. */
export type ServiceError = Readonly<Record<string, string | number>>;

/** TCP is accepted, then closed or left without an answer. */
interface AtAccept {
  readonly at: 'accept';
  readonly do: 'drop' | 'black-hole';
}

/** The server shows another certificate. `large` is a valid one, 20 % larger. */
interface AtHandshake {
  readonly at: 'handshake';
  readonly do: 'wrong-authority' | 'wrong-name' | 'expired' | 'large';
}

/** CONNACK with a code; 3 is "server unavailable", 7 is AWS's "not authorised". */
interface AtConnect {
  readonly at: 'connect';
  readonly do: 'refuse';
  readonly code: number;
}

/** Something the cloud sends: not sent, sent later, or the connection is closed instead. */
type AtSend = OfPacket & { readonly at: 'send' } & (
    | { readonly do: 'swallow' | 'drop' }
    | { readonly do: 'delay'; readonly ms: number }
  );

/** Something the cloud receives: ignored, or the connection is closed (as lost, or as throttled). */
interface AtReceive extends OfPacket {
  readonly at: 'receive';
  readonly do: 'swallow' | 'drop' | 'throttle';
}

/** A message to a client: twice (QoS 1 under another packet id), or `count` of them backwards. */
type AtDeliver = { readonly at: 'deliver'; readonly topic: string } & (
  | { readonly do: 'repeat' }
  | { readonly do: 'reorder'; readonly count: number }
);

/** A request to provisioning, shadows or jobs, by its topic. `lose-answer`: it is carried out. */
type AtRequest = { readonly at: 'request'; readonly topic: string } & (
  | { readonly do: 'lose-answer' }
  | { readonly do: 'delay-answer'; readonly ms: number }
  | { readonly do: 'reject'; readonly error: ServiceError }
);

/** The line is dead, both ends believe it is up: nothing passes, nothing is closed. */
interface AtLink {
  readonly at: 'link';
  readonly do: 'half-open';
}

export type Fault = Scope &
  (AtAccept | AtHandshake | AtConnect | AtSend | AtReceive | AtDeliver | AtRequest | AtLink);

/** Where in the cloud something is about to happen. */
export interface Occasion {
  readonly clientId?: string | undefined;
  readonly port?: keyof Ports | undefined;
  readonly packet?: PacketName | undefined;
  readonly topic?: string | undefined;
}

export class FaultBook extends Book<Fault, Occasion> {
  constructor() {
    super(concerns);
  }
}

function concerns(fault: Fault, { clientId, port, packet, topic }: Occasion): boolean {
  if (fault.clientId !== undefined && fault.clientId !== clientId) return false;
  if (fault.port !== undefined && fault.port !== port) return false;
  if ('packet' in fault && fault.packet !== packet) return false;
  return !('topic' in fault) || fault.topic === undefined || matches(fault.topic, topic ?? '');
}
