// The limits of every fiscal printer's service, each with its reason.

/** Orders that wait for the one before: a printer takes seconds for each, more is a fault elsewhere. */
export const WAITING_MAX = 16;

/** Of receipts that are printed or unknown; with the job under way they fit into what the agent remembers. */
export const PAST_MAX = 80;
