// The settings of a TigerTMS iLink service: where the exchange's web server is, which extensions a room has, and
// whether call records come back. Pure.
import * as v from 'valibot';
import { parseSettings } from '../../core/fields/config.ts';
import type { Parsed } from '../../core/interface.ts';
import { Port, Sources } from '../../core/line/config.ts';
import { EXTENSIONS_PER_ROOM_MAX, ROOMS_MAX } from './limits.ts';

const isWebAddress = (text: string): boolean => {
  if (!/^https?:\/\/[A-Za-z0-9.[\]:-]{1,255}(\/[\w.~/-]{0,200})?$/.test(text)) return false;
  return URL.canParse(text);
};
const Url = v.pipe(
  v.string(),
  v.trim(),
  v.check(isWebAddress, 'not an address as in http://10.1.2.3:8080'),
);
const Plain = v.pipe(
  v.string(),
  v.minLength(1, 'empty'),
  v.maxLength(200, 'too long'),
  v.regex(/^[\x21-\x7e]+$/, 'not plain characters without blanks'),
);
const Room = v.pipe(v.string(), v.minLength(1, 'empty'), v.maxLength(60, 'too long'));
const Extension = v.pipe(v.string(), v.regex(/^[0-9*#]{1,20}$/, 'not an extension'));
const Level = v.picklist([0, 1, 2, 3]);
const Seconds = v.pipe(v.number(), v.minValue(1), v.maxValue(60));

const Rooms = v.strictObject({
  list: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          room: Room,
          extensions: v.pipe(
            v.array(Extension),
            v.minLength(1, 'name at least one'),
            v.maxLength(EXTENSIONS_PER_ROOM_MAX),
          ),
        }),
      ),
      v.maxLength(ROOMS_MAX),
    ),
    [],
  ),
  /** Of rooms that are not on the list: the room's number behind `prefix`, or none. */
  others: v.optional(v.picklist(['number', 'none']), 'number'),
  prefix: v.optional(v.pipe(v.string(), v.regex(/^\d{0,6}$/, 'not digits')), ''),
});

const Calls = v.strictObject({
  port: v.pipe(Port, v.minValue(1_024, 'below 1024')),
  from: Sources,
  incoming: v.optional(v.boolean(), false),
  internal: v.optional(v.boolean(), false),
  unanswered: v.optional(v.boolean(), false),
  /** A number of so many digits or fewer is a room's; 0: not judged by its length. */
  internalDigitsMax: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10)), 5),
});

const Settings = v.strictObject({
  url: Url,
  siteId: v.optional(Plain),
  user: v.optional(Plain),
  password: v.optional(Plain),
  token: v.optional(Plain),
  trustPem: v.optional(v.pipe(v.string(), v.maxLength(16_384, 'too long'))),
  answerSeconds: v.optional(Seconds, 10),
  rooms: v.optional(Rooms, {}),
  classOfService: v.optional(
    v.strictObject({ checkedIn: v.optional(Level), checkedOut: v.optional(Level) }),
    {},
  ),
  calls: v.optional(Calls),
});
export type IlinkSettings = v.InferOutput<typeof Settings>;
export type CallOptions = v.InferOutput<typeof Calls>;

export const parseIlinkSettings = (settings: unknown): Parsed<IlinkSettings> =>
  parseSettings(
    v.pipe(
      Settings,
      v.forward(
        v.check(
          ({ user, password }) => (user === undefined) === (password === undefined),
          'missing',
        ),
        ['password'],
      ),
      v.forward(
        v.check(
          ({ user, token }) => user === undefined || token === undefined,
          'token or user, not both',
        ),
        ['token'],
      ),
    ),
    settings,
  );
