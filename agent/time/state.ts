// May the unit go by its clock? A Pi has no clock chip: at power-on its clock stands where systemd could
// raise it to, which may be weeks in the past. Certificates are judged by their dates all the same. Pure.

/** After a start a time server answers within seconds; one that is blocked never does. */
const SET_MS_MAX = 20_000;

export type Verdict =
  | 'go'
  /** Not set yet, and it is worth to wait for it. */
  | 'wait'
  /** Earlier than it can be: any certificate would be judged wrongly. */
  | 'below-floor';

export function judge(now: {
  readonly wallMs: number;
  /** The time cannot be before this. */
  readonly floorMs: number;
  /** By a time server; undefined: nobody tells, as on a workstation. */
  readonly isSet: boolean | undefined;
  readonly waitedMs: number;
}): Verdict {
  const { wallMs, floorMs, isSet, waitedMs } = now;
  // A time server's word is the best there is, whatever a build or a certificate was dated.
  if (isSet === true) return 'go';
  if (wallMs < floorMs) return 'below-floor';
  return isSet === false && waitedMs < SET_MS_MAX ? 'wait' : 'go';
}
