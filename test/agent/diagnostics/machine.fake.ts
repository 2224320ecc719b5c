// A machine written by hand. Passes the contract of the real adapter (test/agent/io/machine.test.ts).
import type { EthernetPort, Lease, Machine } from '../../../agent/diagnostics/ports.ts';

export interface Board {
  readonly ports: readonly EthernetPort[];
  readonly leases: readonly Lease[] | undefined;
  readonly gateway: string | undefined;
  readonly neighbours: readonly string[] | undefined;
  readonly timeSynchronised: boolean | undefined;
  readonly freeBytes: number;
  readonly write: { readonly ms: number } | { readonly why: string };
  readonly availableBytes: number;
  readonly memoryController: boolean | undefined;
  readonly celsius: number | undefined;
  readonly underVoltage: boolean | undefined;
}

export function fakeMachine(board: Board): Machine {
  return {
    ethernetPorts: async () => board.ports,
    leases: async () => board.leases,
    gateway: async () => board.gateway,
    isNeighbour: async (address) => board.neighbours?.includes(address),
    timeSynchronised: async () => board.timeSynchronised,
    storage: async () => ({ freeBytes: board.freeBytes, totalBytes: 8e9 }),
    probeWrite: async () => board.write,
    memory: async () => ({ availableBytes: board.availableBytes, totalBytes: 1e9 }),
    memoryController: async () => board.memoryController,
    temperatureCelsius: async () => board.celsius,
    underVoltage: async () => board.underVoltage,
  };
}
