// The settings of a lock server, as Clock's form "Salto / Onity" has them. Pure.
import * as v from 'valibot';
import { distinct, parseSettings } from '../../core/fields/config.ts';
import type { Parsed } from '../../core/interface.ts';
import { Host, Port } from '../../core/line/config.ts';
import {
  AUTHORISATION_MAX,
  ENCODERS_MAX,
  ENCODER_CHARS_MAX,
  OPERATOR_CHARS_MAX,
  ROOM_CHARS_MAX,
} from './limits.ts';

/** What may stand in a field as it is: no separator, nothing to transliterate. */
const Plain = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^[\u0020-\u007e]+$/, 'letters, digits and signs of ASCII only'),
);
const Identifier = v.pipe(Plain, v.maxLength(ENCODER_CHARS_MAX, 'too long'));

const Encoder = v.strictObject({
  name: v.pipe(v.string(), v.trim(), v.minLength(1, 'empty'), v.maxLength(ENCODER_CHARS_MAX)),
  identifier: Identifier,
});

const CommonDoor = v.strictObject({
  /** The common door code as Clock has it. */
  door: v.pipe(v.string(), v.trim(), v.minLength(1, 'empty'), v.maxLength(ROOM_CHARS_MAX)),
  /** The number of the authorisation in the lock system. */
  authorisation: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(1, 'authorisations are 1 to 62'),
    v.maxValue(AUTHORISATION_MAX, 'authorisations are 1 to 62'),
  ),
});

const Fields = v.strictObject({
  host: Host,
  port: Port,
  version: v.optional(v.picklist(['industry-standard', 'old']), 'industry-standard'),
  encoders: v.pipe(
    v.array(Encoder),
    v.minLength(1, 'name at least one encoder'),
    v.maxLength(ENCODERS_MAX),
    distinct('identifier', 'two encoders have the same identifier'),
  ),
  /** `minutes`: hhmmDDMMYY; `hours`: HHDDMMYY. */
  dates: v.optional(v.picklist(['minutes', 'hours']), 'minutes'),
  /** What a motor encoder does with the card. */
  cardEnd: v.optional(v.picklist(['eject', 'retain', 'leave']), 'retain'),
  /** The identifier under which Clock orders mobile keys; none: there are no mobile keys. */
  mobileKeysEncoder: v.optional(Identifier),
  serialNumber: v.optional(v.picklist(['none', 'last', 'all']), 'none'),
  /** Where the order names nobody. */
  operator: v.optional(v.pipe(Plain, v.maxLength(OPERATOR_CHARS_MAX, 'too long'))),
  commonDoors: v.optional(
    v.pipe(
      v.array(CommonDoor),
      v.maxLength(AUTHORISATION_MAX),
      distinct('door', 'a common door stands there twice'),
    ),
    [],
  ),
  /** How long the server may take: a person must place the card. */
  answerSeconds: v.optional(v.pipe(v.number(), v.minValue(5), v.maxValue(120)), 30),
});

const Settings = v.pipe(
  Fields,
  v.forward(
    v.partialCheck(
      [['version'], ['mobileKeysEncoder']],
      ({ version, mobileKeysEncoder }) => version !== 'old' || mobileKeysEncoder === undefined,
      'mobile keys are not known for the old version',
    ),
    ['mobileKeysEncoder'],
  ),
);
export type Settings = v.InferOutput<typeof Settings>;

/** All problems at once, each with its field. */
export const parse = (settings: unknown): Parsed<Settings> => parseSettings(Settings, settings);
