// Questions that a device in the hotel can ask (inside/probe.ts asks them). Types, and the common ones.
import { HOSTS, SERVICES } from './places.ts';
import type { ServiceName } from './places.ts';

export type Probe =
  | { readonly ask: 'dns'; readonly host: string; readonly server: string }
  | { readonly ask: 'ntp'; readonly address: string }
  | { readonly ask: 'tcp'; readonly address: string; readonly port: number }
  | { readonly ask: 'http'; readonly address: string; readonly host: string }
  | {
      readonly ask: 'tls';
      readonly address: string;
      readonly port: number;
      readonly host: string;
      readonly alpn?: string | undefined;
    };

/** What came back as a short text, or the system's code why nothing did. */
export type Answer = { readonly probe: Probe } & (
  | { readonly answer: string }
  | { readonly refused: string }
);

/** The question that suits a service: TLS where it speaks TLS, a redirect from HTTP, else TCP. */
export function probeOf(name: ServiceName): Probe {
  const service = SERVICES[name];
  const { port } = service;
  const { address, name: host } = HOSTS[service.host];
  switch (service.speaks) {
    case 'tls': {
      const alpn = 'alpn' in service ? service.alpn[0] : undefined;
      return { ask: 'tls', address, port, host, alpn };
    }
    case 'http':
      return { ask: 'http', address, host };
    case 'ssh':
    case 'silence':
      return { ask: 'tcp', address, port };
  }
}
