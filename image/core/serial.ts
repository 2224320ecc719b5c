// A unit's serial as the ledger gives it: what names it everywhere, also in files and addresses.

/** 32 hex digits in small letters. */
export const SERIAL = /^[0-9a-f]{32}$/;
