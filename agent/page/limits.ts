// Limits of the page's server, each with its reason.

/** Browsers open six each; a small office full of them fits, a flood does not. */
export const CONNECTIONS_MAX = 96;
/** One client cannot take the page from the others. */
export const CONNECTIONS_PER_CLIENT_MAX = 32;
/** A header is one packet; who needs longer is slow on purpose. */
export const HEADERS_MS_MAX = 5_000;
export const REQUEST_MS_MAX = 10_000;
/** Neither side has sent anything: the client is gone, or reads nothing. */
export const IDLE_MS_MAX = 15_000;
/** A browser's headers with long language lists take about 1 KiB. */
export const HEADER_BYTES_MAX = 8 * 1024;
export const HEADERS_MAX = 64;
export const REQUESTS_PER_SOCKET_MAX = 200;
/** How often the server looks for who is over time. */
export const SWEEP_MS = 1_000;
