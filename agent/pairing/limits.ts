// Limits of pairing, each with its reason.

/** Long enough to walk from the unit to a computer, short enough that a photographed code is worth nothing. */
export const CODE_MS_MAX = 15 * 60_000;
/** Five of 18^8 codes: guessing over the cloud is hopeless, and mistyping is not punished. */
export const GUESSES_MAX = 5;
/** After a code was guessed at so often there is none for a while. */
export const PAUSE_MS = 15 * 60_000;
/** The record of a factory is a few hundred bytes; the API key a few dozen characters. */
export const SECRET_CHARS_MAX = 256;
