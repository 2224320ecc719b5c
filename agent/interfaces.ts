// The interfaces that ship, by name. Each is loaded when a service of it is: ten services of one interface do
// not keep the other nine in memory.
import type { Interface } from './core/interface.ts';

/** Settings are each interface's own: outside of it nobody looks into them. */
// oxlint-disable-next-line typescript/no-explicit-any
type Load = () => Promise<Interface<any>>;

export const INTERFACES: Readonly<Record<string, Load>> = {
  salto: async () => (await import('./interfaces/salto/run.ts')).salto,
};
