// Limits of the lock server's protocol, each with its reason.

/** A server on the same network answers at once or not at all; a dropped packet is sent again after 1, 3 and 7 s. */
export const DIAL_MS_MAX = 10_000;
/** To ENQ the server answers without doing anything: it only says whether it is free. */
export const READY_MS_MAX = 5_000;
/** "Not now" to ENQ: asked again after so long, and so often (what the known clients do). */
export const AGAIN_MS = 200;
export const ENQS_MAX = 3;
/** A frame that the server did not take (NAK) is sent again, so often in all. */
export const SENDS_MAX = 3;
/** Connections tried before a request counts as not delivered, and how long the last one may begin. */
export const DIALS_MAX = 3;
export const DIALS_MS_MAX = 12_000;
/** Lets the server see that we are done before the connection is gone. */
export const FINISH_MS_MAX = 1_000;
/** Orders that wait while another one is at its encoder: more desks than that has no hotel. */
export const QUEUE_MAX = 16;
/** The longest frame, a mobile key with everything, has some 700 bytes. */
export const BODY_BYTES_MAX = 2_048;
/** A server nobody needs is asked so often whether it is there, so that the page knows before the guest does. */
export const LOOK_MS = 60_000;

/** Of the protocol: fields and their lengths. */
export const ROOMS_MAX = 4;
export const ROOM_CHARS_MAX = 24;
export const OPERATOR_CHARS_MAX = 24;
export const AUTHORISATION_MAX = 62;
/** As long as a name in Clock's forms. */
export const ENCODER_CHARS_MAX = 64;
/** Encoders of one lock server: desks of the largest hotels and some more. */
export const ENCODERS_MAX = 64;
