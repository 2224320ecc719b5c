// The settings of a Mitel SX-200. Pure.
import * as v from 'valibot';
import { extensionsThat } from '../../core/extensions/config.ts';
import { distinct, parseSettings } from '../../core/fields/config.ts';
import type { Parsed } from '../../core/interface.ts';
import { Serial, TcpClient, TcpServer } from '../../core/line/config.ts';
import { HOUSEKEEPING } from '../../core/vocabulary.ts';
import { isExtension } from './wire.ts';

const RoomCode = v.strictObject({
  digit: v.pipe(v.string(), v.regex(/^\d$/, 'one digit')),
  housekeeping: v.picklist(HOUSEKEEPING),
});

const Settings = v.strictObject({
  line: v.variant('kind', [TcpClient, TcpServer, Serial]),
  extensions: v.optional(
    extensionsThat(isExtension, 'an extension has up to five letters and digits here'),
    [],
  ),
  /** ENQ before each frame; without, the frame alone. */
  enquiry: v.optional(v.boolean(), true),
  /** What the digits of RM mean, which depends on the exchange; the first of a housekeeping state is sent. */
  roomCodes: v.optional(
    v.pipe(v.array(RoomCode), v.maxLength(10), distinct('digit', 'a digit stands there twice')),
    [],
  ),
  /** NAM and the record behind it, whose layout is not confirmed. */
  names: v.optional(v.boolean(), false),
});
export type Settings = v.InferOutput<typeof Settings>;

export const parse = (settings: unknown): Parsed<Settings> => parseSettings(Settings, settings);
