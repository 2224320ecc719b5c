// What a request for sandboxes may hold, each number with its reason. The request comes from the agent, which
// talks with the world: here it is a stranger's.

/** As many as the agent has (services/limits.ts), and the one that rehearses. */
export const SERVICES_MAX = 21;
/** A kitchen with a printer at every station. */
export const NEEDS_MAX = 24;
/** What a name may stand for: a server with two cards in two families. */
export const ADDRESSES_MAX = 8;
/** As in a line's settings (core/line/config.ts). */
export const SOURCES_MAX = 16;
/** Below it Node does not start; above it one service would take a small board's memory from the others. */
export const MEMORY_MB_MIN = 64;
export const MEMORY_MB_MAX = 256;
/** Privileged ports are the unit's own. */
export const LISTEN_PORT_MIN = 1_024;
/** Multicast DNS, and LLMNR should it ever be on (systemd-resolved). */
export const LISTEN_PORTS_OWN: readonly number[] = [5_353, 5_355];
/** Twenty services with all their needs are 100 KiB. */
export const REQUEST_BYTES_MAX = 512 * 1_024;
export const SETTINGS_BYTES_MAX = 256 * 1_024;
/** A signed manifest. */
export const JWS_BYTES_MAX = 16 * 1_024;
export const TOKEN_BYTES_MAX = 1_024;
/** A request is answered, and what came meanwhile as well; an agent that asks without end is not. */
export const ROUNDS_MAX = 10;
/** As in update/limits.ts. */
export const BUNDLE_BYTES_MAX = 8 * 1_024 * 1_024;
