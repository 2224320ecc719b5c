// The ways out through a real HTTP proxy (Tinyproxy): MQTT on both ports, publishing over HTTPS, Clock's
// API; and a proxy that refuses, wants a login, or is not there.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { httpsFetch } from '../../../agent/io/download.ts';
import { createHttps } from '../../../agent/io/https.ts';
import { dialMqtt } from '../../../agent/io/mqtt.ts';
import { dialHttps } from '../../../agent/io/publish.ts';
import { realNetwork } from '../../../agent/io/network.ts';
import type { Proxy } from '../../../agent/io/proxy.ts';
import type { Cloud } from '../../bench/cloud/api.ts';
import { issueForServer, makeAuthority } from '../../bench/cloud/certificates/issue.ts';
import { openCloud } from '../../bench/cloud/cloud.ts';
import { freePort } from '../../bench/ways/free-port.ts';
import { openTinyproxy } from '../../bench/ways/tinyproxy.ts';
import { Unit } from '../unit.ts';
import { openRig } from './rig.ts';
import type { Rig } from './rig.ts';

const LOGIN = { user: 'unit', password: 'tell-nobody' };
let cloud: Cloud;
const units: Rig[] = [];
const home = await mkdtemp(join(tmpdir(), 'link-'));
before(async () => {
  cloud = await openCloud({ hosts: ['localhost'] });
});
after(async () => {
  for (const unit of units) unit.close();
  await cloud.close();
  await rm(home, { recursive: true, force: true });
});

function rig(thing: string, proxy: Proxy): Rig {
  const place = { host: 'localhost', ports: cloud.ports, roots: [cloud.rootsPem], proxy };
  const unit = openRig(thing, {
    ...{ place, home, credentials: cloud.addThing(thing), random: () => 0.05 },
    dial: (how, hear) => (how.route === 'https-8443' ? dialHttps : dialMqtt)(place, how, hear),
  });
  units.push(unit);
  return unit;
}
const arrived = (thing: string): number => cloud.messages(`clock/v1/${thing}/event/+`).length;

describe('through a proxy', { concurrency: true }, () => {
  test('the unit speaks MQTT on 8883, both ways', async () => {
    await using proxy = await openTinyproxy({ ports: [cloud.ports.mqtt] });
    const unit = rig('open', proxy);
    await unit.add('a');
    await unit.until(() => arrived('open') === 1 && unit.outbox.view().waiting === 0);
    await unit.until(() => unit.heard.includes('up'));
    cloud.publish('clock/v1/open/command/s', { v: 1 });
    await unit.until(() => unit.received.length === 1);
    assert.equal(unit.link.view().route, 'mqtt-8883');
    assert.equal(proxy.asked(cloud.ports.mqtt), 1);
  });

  test('that allows 443 alone, as most do, the unit finds that way', async () => {
    await using proxy = await openTinyproxy({ ports: [cloud.ports.alpn] });
    const unit = rig('usual', proxy);
    await unit.until(() => unit.link.view().at === 'up');
    assert.equal(unit.link.view().route, 'mqtt-443');
    assert.ok(unit.lines.some((line) => line.includes(`port ${cloud.ports.mqtt}: PROXY_403`)));
  });

  test('that allows HTTPS alone the unit publishes', async () => {
    await using proxy = await openTinyproxy({ ports: [cloud.ports.https] });
    const unit = rig('narrow', proxy);
    await unit.add('a');
    await unit.until(() => arrived('narrow') === 1 && unit.outbox.view().waiting === 0);
    assert.equal(unit.link.view().route, 'https-8443');
    assert.ok(proxy.asked(cloud.ports.https) >= 1);
  });

  test('that wants a login, the unit gives it, and without one says what is wrong', async () => {
    const ports = Object.values(cloud.ports);
    await using proxy = await openTinyproxy({ ports, login: LOGIN });
    const { host, port } = proxy;
    const nobody = rig('nobody', { host, port });
    const wrong = rig('wrong', { host, port, user: 'unit', password: 'guessed' });
    const unit = rig('known', { host, port, ...LOGIN });
    await unit.until(() => unit.link.view().at === 'up');
    await nobody.until(() => nobody.link.view().failures >= 3);
    // Tinyproxy's own word for a wrong password is 401.
    await wrong.until(() => wrong.link.view().failures >= 3);
    assert.equal(nobody.link.view().problem?.why, 'PROXY_407');
    assert.match(wrong.link.view().problem?.why ?? '', /^PROXY_40[17]$/);
    assert.equal(nobody.link.view().refused, false, 'it is not the cloud who refuses');
    for (const one of [nobody, wrong, unit]) {
      assert.ok(!one.lines.join('\n').includes('tell-nobody'), 'no secret in the log');
    }
  });

  test('that is not there, the unit says so, and connects when it comes', async () => {
    const port = await freePort();
    const unit = rig('lonely', { host: '127.0.0.1', port });
    await unit.until(() => unit.link.view().problem !== undefined);
    assert.equal(unit.link.view().problem?.why, 'PROXY_ECONNREFUSED');
    await using _ = await openTinyproxy({ at: port, ports: Object.values(cloud.ports) });
    await unit.until(() => unit.link.view().at === 'up', 40_000);
  });

  test('the unit asks Clock’s API and fetches bundles', async () => {
    const validity = { fromMs: Date.now() - 1_000, toMs: Date.now() + 3_600_000 };
    const authority = makeAuthority('Bench', validity);
    const { certPem, keyPem } = issueForServer(authority, { hosts: ['localhost'], validity });
    const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
      response.end(`${request.method} ${request.url}`);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    await using proxy = await openTinyproxy({ ports: [port] });
    await using closed = await openTinyproxy({ ports: [1] });
    const asked = { host: 'localhost', port, target: '/x', headers: {}, bytesMax: 100 };
    const rest = { msMax: 10_000 };
    const through = createHttps([authority.certPem], proxy);
    for (const method of ['GET', 'GET', 'POST'] as const) {
      const reply = await through.http({ ...asked, ...rest, method });
      assert.ok(reply.ok, JSON.stringify(reply));
      assert.equal(reply.body.toString(), `${method} /x`);
    }
    assert.equal(proxy.asked(port), 2, 'the reads share a tunnel');
    through.close();
    const file = join(home, 'bundle');
    const bounds = { roots: [authority.certPem], deadlineMs: 10_000, idleMs: 5_000, proxy };
    const { signal } = new AbortController();
    const url = `https://localhost:${port}/file`;
    const fetched = await httpsFetch(bounds)({ url, file, size: 'GET /file'.length, signal });
    assert.deepEqual(fetched, { ok: true });
    assert.equal(await readFile(file, 'utf8'), 'GET /file');
    assert.equal(proxy.asked(port), 3);
    const refused = createHttps([authority.certPem], closed);
    const reply = await refused.http({ ...asked, ...rest, method: 'GET' });
    assert.deepEqual(reply, { ok: false, code: 'PROXY_403', sent: false });
    refused.close();
    server.closeAllConnections();
    server.close();
  });

  test('the checks of the ports go, too, and name what it refuses', async () => {
    await using proxy = await openTinyproxy({ ports: [cloud.ports.mqtt] });
    const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };
    const network = realNetwork(clock, proxy);
    const shake = async (port: number) =>
      network.handshake(
        { address: 'localhost', port },
        { serverName: 'localhost', roots: [cloud.rootsPem] },
      );
    const seen = await shake(cloud.ports.mqtt);
    assert.equal(seen.speaks === 'tls' && seen.untrusted, undefined);
    await assert.rejects(shake(cloud.ports.https), { code: 'PROXY_403' });
  });

  test('a whole unit goes, from its claim on, and tells nobody the password', async () => {
    const ports = Object.values(cloud.ports);
    await using proxy = await openTinyproxy({ ports, login: LOGIN });
    const { host, port } = proxy;
    const unit = await Unit.prepare(cloud, { proxy: { host, port, ...LOGIN } });
    try {
      await unit.start();
      await unit.untilUp(60_000);
      assert.ok(
        proxy.asked(cloud.ports.mqtt) >= 2,
        'with the claim, then with its own certificate',
      );
      const { url, lines } = unit.running;
      const texts = [...lines];
      for (const path of ['', 'api/status', 'report.txt']) {
        const response = await fetch(`${url}${path}`);
        assert.equal(response.status, 200, path);
        texts.push(await response.text());
      }
      assert.ok(!texts.join('\n').includes(LOGIN.password));
    } finally {
      await unit.remove();
    }
  });
});
