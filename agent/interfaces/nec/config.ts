// The settings of a NEC NEAX. Pure.
import * as v from 'valibot';
import { extensionsThat } from '../../core/extensions/config.ts';
import { parseSettings } from '../../core/fields/config.ts';
import type { Parsed } from '../../core/interface.ts';
import { Serial, TcpClient } from '../../core/line/config.ts';
import { isExtension } from './wire.ts';

const Settings = v.strictObject({
  /** Over the network the exchange listens. */
  line: v.variant('kind', [TcpClient, Serial]),
  extensions: v.optional(
    extensionsThat(isExtension, 'an extension has up to six characters here'),
    [],
  ),
  /** Over the network only: `none` sends messages without start sequence, ACK and EOT. */
  handshake: v.optional(v.picklist(['full', 'none']), 'full'),
  /** 16-1, 16-A or 16-B. */
  checkIn: v.optional(v.picklist(['plain', 'language', 'name']), 'plain'),
  /** 61-3, which Model 90 knows. */
  roomStatus: v.optional(v.boolean(), false),
  /** 61-3 "vacant, ready to sell" after each check-out: where nobody tells the exchange what is clean. */
  vacantAtCheckOut: v.optional(v.boolean(), false),
  /** What "cleaning ended" at a telephone means: `clean` where nobody inspects. */
  cleaned: v.optional(v.picklist(['inspect', 'clean']), 'inspect'),
});
export type Settings = v.InferOutput<typeof Settings>;

export const parse = (settings: unknown): Parsed<Settings> => parseSettings(Settings, settings);
