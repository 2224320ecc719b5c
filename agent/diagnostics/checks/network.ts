// The checks of the hotel's network: cable, lease, gateway, names, time servers, captive portal.
import { codeOf } from '../../core/errors.ts';
import { isDockerRange, judgeHttp } from '../wire.ts';
import { knocking, needs as needing, notChecked, note, passed } from './facts.ts';
import type { Check, Facts, Needs } from './facts.ts';
import type { Note } from '../results.ts';

/** The kernel asks for a neighbour once a second; the second answer may come, and all else waits. */
const GATEWAY_MS_MAX = 2_500;
/** timesyncd steps or slews long before; beyond this TLS and log times suffer. */
const OFFSET_SECONDS_MAX = 30;
/** Of each source: a run must end though all are silent. */
const TIME_SERVERS_MAX = 3;

const link: Check = async ({ machine }, facts) => {
  facts.ports = await machine.ethernetPorts();
  if (facts.ports.length === 0) return notChecked(note('no-port'));
  const notes = facts.ports.map(({ name: port, up, mbit }) => {
    if (!up) return note('port-down', { port });
    return mbit === undefined ? note('port-up', { port }) : note('port-up-speed', { port, mbit });
  });
  if (facts.ports.some(({ up }) => up)) return passed(...notes);
  return { state: 'failed', notes, remedy: 'cable' };
};

const dhcp: Check = async ({ machine, network }, facts) => {
  facts.leases = await machine.leases();
  const own = network.interfaces().filter(({ family }) => family === 'IPv4');
  const addresses = own.map(({ name, address }) => note('own-address', { port: name, address }));
  if (facts.leases === undefined) return notChecked(note('no-networkd'), ...addresses);
  // A lease counts once its address is in use: networkd keeps the file while it renews.
  const held = facts.leases.filter(({ address }) => own.some((one) => one.address === address));
  if (held.length === 0) return { state: 'failed', notes: [note('no-lease')], remedy: 'dhcp' };
  return passed(
    ...held.map(({ port, address, server }) =>
      server === undefined
        ? note('lease', { port, address })
        : note('lease-from', { port, address, server }),
    ),
  );
};

const gateway: Check = async ({ machine, network }, facts) => {
  const address = (await machine.gateway()) ?? facts.leases?.[0]?.routers[0];
  if (address === undefined) {
    return facts.leases === undefined
      ? notChecked(note('not-visible'))
      : { state: 'failed', notes: [note('no-gateway')], remedy: 'gateway' };
  }
  // Any answer will do, a refusal as well: the question only makes the kernel look for the gateway.
  const why = await network.connect({ address, port: 80 }, { timeoutMs: GATEWAY_MS_MAX }).then(
    () => 'open',
    (error: unknown) => codeOf(error),
  );
  const answers = why === 'open' || why === 'ECONNREFUSED' || (await machine.isNeighbour(address));
  if (answers === undefined) return notChecked(note('not-visible'));
  if (answers) return passed(note('gateway-answers', { address }));
  return { state: 'failed', notes: [note('gateway-silent', { address })], remedy: 'gateway' };
};

const subnet: Check = async ({ network }) => {
  const clash = network.interfaces().find(({ address }) => isDockerRange(address));
  if (clash === undefined) return passed(note('subnet-free'));
  return passed(note('subnet-clash', { address: clash.address }));
};

const dns: Check = async (needs, facts) => {
  const { endpoints } = needs.settings;
  if (endpoints === undefined) return needing('settings');
  const required = [endpoints.clock.host, endpoints.aws.host];
  const hosts = [...new Set([...required, endpoints.gems.host])];
  const found = await Promise.all(hosts.map(async (host) => lookUp(needs, facts, host)));
  const notes = found.filter((_, i) => required.includes(hosts[i]!));
  // A proxy is given names, and finds the addresses itself.
  const isNeeded = endpoints.proxy === undefined;
  const missing = isNeeded && required.some((host) => !facts.addresses.has(host));
  facts.dnsFailed = missing;
  const servers = serversOf(facts);
  if (servers.length > 0) notes.push(note('name-servers', { servers: servers.join(', ') }));
  return missing ? { state: 'failed', notes, remedy: 'dns' } : passed(...notes);
};

const serversOf = (facts: Facts): string[] =>
  (facts.leases ?? []).flatMap(({ nameServers }) => nameServers).slice(0, 3);

async function lookUp({ network, clock }: Needs, facts: Facts, host: string): Promise<Note> {
  const startMs = clock.nowMs();
  try {
    const addresses = await network.resolve(host, serversOf(facts));
    const [address] = addresses;
    if (address === undefined) return note('name-missing', { host, why: 'ENOTFOUND' });
    facts.addresses.set(host, addresses);
    const ms = Math.round(clock.nowMs() - startMs);
    return note('name-found', { host, address, ms });
  } catch (error) {
    return note('name-missing', { host, why: codeOf(error) });
  }
}

/** Servers that DHCP offers first, as systemd-timesyncd does. */
const ntp: Check = async (needs, facts) => {
  const { network, machine, settings } = needs;
  const offered = (facts.leases ?? []).flatMap(({ timeServers }) => timeServers);
  const named = settings.endpoints?.ntp ?? [];
  const notes: Note[] = [];
  let asked = 0;
  for (const host of [...offered.slice(0, TIME_SERVERS_MAX), ...named.slice(0, TIME_SERVERS_MAX)]) {
    try {
      if (!facts.addresses.has(host) && !(facts.dnsFailed && named.includes(host))) {
        facts.addresses.set(host, await network.resolve(host, serversOf(facts)));
      }
      const address = facts.addresses.get(host)?.[0];
      if (address === undefined) continue;
      asked += 1;
      const { offsetSeconds } = await network.ntp({ address, port: 123 });
      const found = note('ntp-offset', { host, seconds: offsetSeconds.toFixed(3) });
      const isFar = Math.abs(offsetSeconds) > OFFSET_SECONDS_MAX;
      // Before the first synchronisation a wrong clock is expected, and the time check's business.
      if (isFar && (await machine.timeSynchronised()) === true) {
        return { state: 'warning', notes: [found], remedy: 'ntp-offset' };
      }
      return passed(found);
    } catch (error) {
      notes.push(note('host-silent', { host, why: codeOf(error) }));
    }
  }
  if (asked === 0 && facts.dnsFailed) return needing('dns');
  return { state: 'failed', notes, remedy: 'ntp' };
};

const portal: Check = async ({ network, settings }, facts) => {
  const host = settings.endpoints?.clock.host;
  if (host === undefined) return needing('settings');
  const address = facts.addresses.get(host)?.[0];
  if (address === undefined) return needing(facts.dnsFailed ? 'dns' : 'clock-80');
  if (!facts.httpOpen) return needing('clock-80');
  try {
    const answer = await network.http({ address, port: 80 }, host);
    const seen = judgeHttp(host, answer);
    if (!seen.portal) return passed(note('http-fine', { host, status: answer.status }));
    const found =
      seen.to === undefined
        ? note('http-login', { host, status: answer.status })
        : note('http-redirect', { host, to: seen.to });
    return { state: 'failed', notes: [found], remedy: 'portal' };
  } catch (error) {
    // Port 80 opens and then says nothing: no login page, and nothing the unit needs.
    return needing('clock-80', note('host-silent', { host, why: codeOf(error) }));
  }
};

export const networkChecks = { link, dhcp, gateway, dns, ntp, subnet, portal: knocking(portal) };
