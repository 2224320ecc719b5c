// Limits of the conversation between the agent and its services, each with its reason.

/** The house of 2,000 rooms with all its guests has some 700 KB. */
export const LINE_BYTES_MAX = 4 * 1024 * 1024;
/** Of what comes from a service, which is not to be trusted with the agent's memory: an event with 64 KB of data fits. */
export const SERVICE_LINE_BYTES_MAX = 256 * 1024;
/** Asked and not answered, each way. */
export const CALLS_MAX = 256;
/** Of text in a log line or a trace entry. */
export const TEXT_CHARS_MAX = 400;
/** For who has connected to say who he is. */
export const HELLO_MS_MAX = 5_000;
/** A commit on a worn card takes seconds. */
export const EMIT_MS_MAX = 30_000;
/** A card's encoding waits for a person 30 s; then some. */
export const ORDER_MS_MAX = 120_000;
/** Between tries to reach the agent: it restarts within seconds. */
export const AGAIN_MS = 500;
/** Trace entries that a service keeps while the agent is away; the agent keeps as many of each service. */
export const TRACE_MAX = 500;
/** Counters and traffic are told so often. */
export const REPORT_MS = 1_000;
/** Names of counters of one service. */
export const COUNTERS_MAX = 40;
/**
 * What one conversation costs the agent: each line, and as much again for every so many bytes of it, either way. A
 * service that takes more is read from later. A house of 2,000 rooms is 90, an event 2; an exchange that gives its
 * buffer away sends some tens of calls a second.
 */
export const COST_BYTES = 8 * 1024;
export const COST_PER_SECOND = 200;
export const COST_MAX = 2_000;
/** Lines at once, before anybody else has his turn: as many houses are some 50 ms. */
export const LINES_AT_ONCE = 16;
/** Greetings of one service within this time: its process may start again, but does not so without end. */
export const GREETINGS_MAX = 5;
export const GREETINGS_MS = 5_000;
