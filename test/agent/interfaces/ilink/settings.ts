// Settings and a call record of iLink for tests.
import assert from 'node:assert/strict';
import type { IlinkSettings } from '../../../../agent/interfaces/ilink/config.ts';
import { ilink } from '../../../../agent/interfaces/ilink/run.ts';

export function parsed(settings: Record<string, unknown>): IlinkSettings {
  const result = ilink.parse({ url: 'http://127.0.0.1:8080', ...settings });
  assert.ok(result.ok, JSON.stringify(result));
  return result.settings;
}

export function problemsOf(settings: unknown): Record<string, string> {
  const result = ilink.parse(settings);
  assert.ok(!result.ok);
  return Object.fromEntries(result.problems.map(({ field, problem }) => [field, problem]));
}

/** Asterisk's fields. */
export const CDR = {
  ...{ ccsrc: '', clid: '821<821>', src: '821', dst: '900', calleenum: '0049891234567' },
  ...{ dcontext: 'rooms', channel: 'SIP/821-0000002', dstchannel: '', lastapp: 'Dial' },
  ...{ lastdata: '', start: '2017-05-17 16:51:42', answer: '2017-05-17 16:51:50' },
  ...{ end: '2017-05-17 16:53:25', duration: '103', billsec: '95', disposition: '8' },
  ...{ amaflags: '3', accountcode: '', calltype: '', uniqueid: '149501102.5' },
};
