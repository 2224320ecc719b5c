// Who the unit is: strict formats, the override with its bounds, problems as values.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readIdentity } from '../../../agent/identity/run.ts';
import {
  parseBootReport,
  parseEndpoints,
  parseSerial,
  splitPem,
} from '../../../agent/identity/wire.ts';
import { issue } from '../io/certificates.ts';
import { LOOPBACK, SERIAL } from '../running.ts';

/** Files written by hand: what is not there is ENOENT, as on the unit. */
const files = (contents: Readonly<Record<string, string>>) => ({
  read: async (path: string) => {
    const text = contents[path];
    if (text === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
    return text;
  },
});
const WHOLE = {
  'var/lib/clock/serial': SERIAL,
  'usr/share/clock/release.json': '{"version":"1","builtAt":"2026-01-01"}',
  'usr/share/clock/endpoints.json': JSON.stringify(LOOPBACK),
  'run/clock/boot.env': 'SEAL=otp\nSLOT=b\n',
};
const OVERRIDE = 'var/lib/clock/endpoints.json';
const root = issue({ name: 'Bench Root' });
const leaf = issue({ name: 'leaf', by: root, hosts: ['a.test'] });

const withProxy = (proxy: object): string => JSON.stringify({ ...LOOPBACK, proxy });
const withPorts = (ports: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ ...LOOPBACK, aws: { host: 'a.test', ports } });

test('a whole card has no problems', async () => {
  const identity = await readIdentity(files(WHOLE));
  assert.equal(identity.serial, SERIAL);
  assert.equal(identity.endpointsFrom, 'built-in');
  assert.equal(identity.boot['SEAL'], 'otp');
  const { serialProblem, releaseProblem, endpointsProblem } = identity;
  assert.deepEqual([serialProblem, releaseProblem, endpointsProblem], Array(3).fill(undefined));
});

test('what is missing or damaged is a problem that names the file, and no exception', async () => {
  const identity = await readIdentity(files({ 'var/lib/clock/serial': 'no' }));
  assert.match(identity.serialProblem ?? '', /^\/var\/lib\/clock\/serial: .*32 hex digits/);
  assert.match(identity.releaseProblem ?? '', /release\.json: ENOENT/);
  assert.match(identity.endpointsProblem ?? '', /usr\/share\/clock\/endpoints\.json: ENOENT/);
  assert.equal(identity.endpoints, undefined);
});

test('an override replaces the built-in endpoints, with its roots', async () => {
  const override = { ...LOOPBACK, region: 'bench-1', rootsPem: root.certPem };
  const identity = await readIdentity(files({ ...WHOLE, [OVERRIDE]: JSON.stringify(override) }));
  assert.equal(identity.endpointsFrom, 'override');
  assert.equal(identity.endpoints?.region, 'bench-1');
  assert.equal(splitPem(identity.endpoints?.rootsPem ?? '').length, 1);
});

test('an override may name a proxy', async () => {
  const proxy = { host: 'proxy.test', port: 3128, user: 'unit', password: 'p:ß' };
  const identity = await readIdentity(files({ ...WHOLE, [OVERRIDE]: withProxy(proxy) }));
  assert.deepEqual(identity.endpoints?.proxy, proxy);
});

test('an invalid override is a problem, and the built-in endpoints stay', async () => {
  for (const [text, why] of [
    ['{', /JSON/],
    [JSON.stringify({ ...LOOPBACK, extra: 1 }), /extra/],
    [JSON.stringify({ ...LOOPBACK, region: 'x'.repeat(33) }), /region: not a region/],
    [JSON.stringify({ ...LOOPBACK, clock: { host: 'a b' } }), /clock\.host/],
    [JSON.stringify({ ...LOOPBACK, clock: { host: 'http://a.test' } }), /clock\.host/],
    [JSON.stringify({ ...LOOPBACK, aws: { host: '-a.test' } }), /aws\.host/],
    [JSON.stringify({ ...LOOPBACK, aws: { host: 'a.test', port: 1 } }), /port/],
    [JSON.stringify({ ...LOOPBACK, aws: { host: 'a.test', ports: { mqtt: 1 } } }), /alpn/],
    [withPorts({ mqtt: 0, alpn: 1, https: 1 }), /mqtt/],
    [withPorts({ mqtt: 1, alpn: 65_536, https: 1 }), /alpn/],
    [withPorts({ mqtt: 1, alpn: 1, https: '1' }), /https/],
    [withPorts({ mqtt: 1, alpn: 1, https: 1, more: 1 }), /more/],
    [withProxy({ host: 'p.test' }), /port/],
    [withProxy({ host: 'http://p.test', port: 1 }), /proxy\.host/],
    [withProxy({ host: 'p.test', port: 1, user: 'a:b' }), /proxy\.user/],
    [withProxy({ host: 'p.test', port: 1, user: 'a', password: 'b\r\nc' }), /proxy\.password/],
    [JSON.stringify({ ...LOOPBACK, ntp: [] }), /ntp/],
    [JSON.stringify({ ...LOOPBACK, ntp: Array(9).fill('a.test') }), /ntp/],
    [JSON.stringify({ ...LOOPBACK, rootsPem: 'nothing' }), /rootsPem/],
    [JSON.stringify({ ...LOOPBACK, rootsPem: `${root.certPem}and more` }), /something else/],
    [JSON.stringify({ ...LOOPBACK, rootsPem: leaf.certPem }), /no CA certificate/],
    [JSON.stringify({ ...LOOPBACK, rootsPem: root.certPem.repeat(9) }), /1 to 8/],
    [JSON.stringify({ ...LOOPBACK, rootsPem: root.keyPem }), /rootsPem/],
    ['null', /./],
  ] as const) {
    const identity = await readIdentity(files({ ...WHOLE, [OVERRIDE]: text }));
    assert.match(identity.endpointsProblem ?? 'accepted', why, text.slice(0, 80));
    assert.equal(identity.endpointsFrom, 'built-in');
    assert.equal(identity.endpoints?.region, LOOPBACK.region);
  }
});

test('parseSerial() takes 32 hex digits in lower case and nothing else', () => {
  assert.equal(parseSerial(`${SERIAL}\n`), SERIAL);
  for (const wrong of ['', SERIAL.slice(1), SERIAL.toUpperCase(), `${SERIAL}0`]) {
    assert.throws(() => parseSerial(wrong), /32 hex digits/, wrong);
  }
});

test('the endpoints that the image ships are valid', async () => {
  const { readFile } = await import('node:fs/promises');
  const file = new URL(
    '../../../stage-clock/01-agent/files/usr/share/clock/endpoints.json',
    import.meta.url,
  );
  const endpoints = parseEndpoints(await readFile(file, 'utf8'));
  assert.match(endpoints.clock.host, /\.clock-software\.com$/);
  assert.match(endpoints.aws.host, new RegExp(`\\.${endpoints.region}\\.amazonaws\\.com$`));
  assert.equal(endpoints.rootsPem, undefined);
});

test('parseBootReport() takes KEY=value lines, values with = included', () => {
  assert.deepEqual(parseBootReport('A=1\nBOARD=Pi = 4\nodd\n=x\n'), { A: '1', BOARD: 'Pi = 4' });
});
