// The interfaces that ship, by name. Each is loaded when a service of it is: ten services of one interface do
// not keep the other nine in memory.
import type { AnyInterface } from './core/interface.ts';

type Load = () => Promise<AnyInterface>;

export const INTERFACES: Readonly<Record<string, Load>> = {
  bytes: async () => (await import('./interfaces/bytes/run.ts')).bytes,
  calls: async () => (await import('./interfaces/calls/run.ts')).calls,
  datecs: async () => (await import('./interfaces/datecs/run.ts')).datecs,
  fias: async () => (await import('./interfaces/fias/run.ts')).fias,
  escpos: async () => (await import('./interfaces/escpos/run.ts')).escpos,
  ilink: async () => (await import('./interfaces/ilink/run.ts')).ilink,
  mitel: async () => (await import('./interfaces/mitel/run.ts')).mitel,
  fpmate: async () => (await import('./interfaces/fpmate/run.ts')).fpmate,
  nec: async () => (await import('./interfaces/nec/run.ts')).nec,
  salto: async () => (await import('./interfaces/salto/run.ts')).salto,
};
