// Opens and closes a simulated hotel: two network namespaces (the hotel's LAN with its router, and an
// internet of three servers), real dnsmasq and chronyd, a firewall, a plug for an emulated unit.
// Nothing connects the namespaces with this machine's network: no traffic can leave them.
import { rmSync } from 'node:fs';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '../../../image/core/errors.ts';
import { signalGroup } from '../../../image/core/guard.ts';
import { run, toolEnvironment } from '../../../image/core/run.ts';
import type { RunOptions, RunResult } from '../../../image/core/run.ts';
import { makeAuthority } from './authority.ts';
import { startDaemon } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import { plugDevice } from './device.ts';
import type { Device } from './device.ts';
import { OPEN, ruleset } from './firewall.ts';
import type { Firewall, How } from './firewall.ts';
import { parseLeases } from './leases.ts';
import type { HotelLease } from './leases.ts';
import {
  addNamespace,
  folderOf,
  inside,
  nextId,
  removeLeftovers,
  removeNamespace,
  removeNamespaceNow,
} from './namespaces.ts';
import {
  BRIDGE,
  HOSTS,
  INTERNET,
  LAN,
  SERVER_ADDRESSES,
  TAP,
  WAN,
  endpointsWith,
} from './places.ts';
import type { Blockable } from './places.ts';
import { openRelay } from './relay.ts';
import type { Doubles } from './relay.ts';
import { chronyConfig, dnsmasqConfig } from './servers.ts';
import { openWayIn } from './way-in.ts';
import type { WayIn } from './way-in.ts';

const INSIDE = join(dirname(fileURLToPath(import.meta.url)), 'inside');
const PROGRAMS = {
  ip: 'iproute2',
  nft: 'nftables',
  dnsmasq: 'dnsmasq-base',
  chronyd: 'chrony',
} as const;
const LEASE_MS_EVERY = 200;
/** 50 s when no port answers; three times that on a busy machine. */
const SCAN_MS_MAX = 150_000;

/** Doubles on this machine's loopback take the place of the hosts "aws" and "clock", and are systems of the house. */
export interface HotelOptions extends Doubles {
  /** Closes the hotel. */
  readonly signal?: AbortSignal | undefined;
}

/** What `scan` found: ports that answered in any way; `refused` counts closed TCP ports that said so. */
export interface ScanResult {
  readonly tcp: readonly number[];
  readonly udp: readonly number[];
  readonly refused: number;
}

/** The hotel of the system tests; README.md of test/bench has the map. */
export class Hotel implements AsyncDisposable {
  readonly id: string;
  readonly folder: string;
  /** For Machine.start(): the emulated unit's Ethernet cable ends here. */
  readonly plug: { readonly netns: string; readonly tap: string };
  readonly internet: string;
  #firewall: Firewall = OPEN;
  #devices = 0;
  #caPem = '';
  #wayIn: WayIn | undefined;
  /** In the order in which they were opened; closed in reverse. */
  readonly #opened: { readonly name: string; readonly close: () => Promise<void> }[] = [];
  readonly #daemons: Daemon[] = [];
  readonly #namespaces: string[] = [];
  #closing: Promise<void> | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #doubles: Doubles;
  readonly #onAbort = (): void => void this.close().catch(() => {});
  readonly #onExit = (): void => this.#closeNow();
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    void this.close().finally(() => process.kill(process.pid, signal));
  };

  private constructor({ signal, ...doubles }: HotelOptions) {
    this.id = nextId();
    this.folder = folderOf(this.id);
    this.plug = { netns: `${this.id}-lan`, tap: TAP };
    this.internet = `${this.id}-net`;
    this.#signal = signal;
    this.#doubles = doubles;
  }

  static async open(options: HotelOptions): Promise<Hotel> {
    const hotel = new Hotel(options);
    process.on('exit', hotel.#onExit);
    for (const name of ENDINGS) process.once(name, hotel.#onSignal);
    try {
      await hotel.#open();
    } catch (error) {
      await hotel.close();
      throw error;
    }
    options.signal?.addEventListener('abort', hotel.#onAbort, { once: true });
    return hotel;
  }

  /** The CA of the servers in the internet. */
  get caPem(): string {
    return this.#caPem;
  }

  /** `endpoints.json` for a unit's record: the product's names, and the bench's CA as `rootsPem`. */
  endpointsOverride(): string {
    const { cloud, pms } = this.#doubles;
    return endpointsWith(this.#caPem + (cloud?.rootsPem ?? '') + (pms?.rootsPem ?? ''));
  }

  /** A SOCKS 5 proxy on loopback that leads into the LAN: `--proxy-server=` for a browser. */
  get proxy(): string {
    return this.#way.proxy;
  }

  /** Fetches from the LAN, as a guest's notebook would: the unit's page, by its real address. */
  async fetch(...args: Parameters<WayIn['fetch']>): Promise<Response> {
    return this.#way.fetch(...args);
  }

  /** Sends raw bytes to a port in the LAN; resolves with the first line of what came back. */
  async raw(...args: Parameters<WayIn['raw']>): Promise<string> {
    return this.#way.raw(...args);
  }

  /** Closes ports, name servers or time servers; `drop` keeps silent, `reject` says so. */
  async block(what: Blockable, how: How = 'drop'): Promise<void> {
    const { blocked } = this.#firewall;
    await this.#load({ ...this.#firewall, blocked: new Map([...blocked, [what, how]]) });
  }

  /** Opens what was blocked: this, or everything. */
  async unblock(what?: Blockable): Promise<void> {
    const left = [...this.#firewall.blocked].filter(
      ([name]) => what !== undefined && name !== what,
    );
    await this.#load({ ...this.#firewall, blocked: new Map(left) });
  }

  /** The router answers every TLS connection with certificates of its own CA. */
  async interceptTls(isOn: boolean): Promise<void> {
    await this.#load({ ...this.#firewall, interceptsTls: isOn });
  }

  /** The router answers every request on port 80 with a redirect to a foreign login page. */
  async captivePortal(isOn: boolean): Promise<void> {
    await this.#load({ ...this.#firewall, hasPortal: isOn });
  }

  /** What the DHCP server gave away. */
  async leases(): Promise<HotelLease[]> {
    return parseLeases(await readFile(join(this.folder, 'leases'), 'utf8').catch(() => ''));
  }

  /** The lease of a device whose host name matches; rejects when there is none in time. */
  async leaseOf(hostName: RegExp, timeoutMs: number): Promise<HotelLease> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const leases = await this.leases();
      const found = leases.find((lease) => hostName.test(lease.hostName ?? ''));
      if (found !== undefined) return found;
      if (performance.now() > until) {
        throw new Error(`no lease for ${hostName} in ${timeoutMs} ms: ${JSON.stringify(leases)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LEASE_MS_EVERY));
    }
  }

  /** A device of its own namespace on the LAN, with an address by DHCP; for tests without QEMU. */
  async plugDevice(hostName: string): Promise<Device> {
    this.#devices += 1;
    const number = this.#devices;
    const namespace = `${this.id}-dev${number}`;
    this.#adopt(namespace);
    return plugDevice({ hotel: this, namespace, number, hostName, inside: INSIDE });
  }

  /** Runs a program in the LAN's namespace: it is the router. */
  async exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(inside(this.plug.netns, argv), { signal: this.#signal, ...options });
  }

  /** Which ports of a device answer? All TCP ports and the common UDP ports, within a minute. */
  async scan(address: string): Promise<ScanResult> {
    const signal = AbortSignal.timeout(SCAN_MS_MAX);
    const argv = [process.execPath, join(INSIDE, 'scan.ts'), address];
    const { stdout } = await this.exec(argv, { signal });
    return JSON.parse(stdout) as ScanResult;
  }

  /** The address of a `.local` name by multicast DNS, or undefined when nobody answers. */
  async resolveLocal(name: string): Promise<string | undefined> {
    const argv = [process.execPath, join(INSIDE, 'mdns.ts'), name, LAN.router];
    const { stdout } = await this.exec(argv);
    return stdout === '' ? undefined : stdout;
  }

  /** Ends all of it, in reverse order. To close twice is no error. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #way(): WayIn {
    if (this.#wayIn === undefined) throw new Error('the hotel is not open');
    return this.#wayIn;
  }

  async #open(): Promise<void> {
    await requireMachine();
    await removeLeftovers();
    await mkdir(this.folder, { mode: 0o700 });
    this.#opened.push({
      name: 'folder',
      close: async () => rm(this.folder, { recursive: true, force: true }),
    });
    await this.#connect();
    const hosts = Object.values(HOSTS).map(({ name }) => name);
    const [real, foreign] = [join(this.folder, 'real'), join(this.folder, 'foreign')];
    const signal = this.#signal;
    const [{ pem }] = await Promise.all([
      makeAuthority({ folder: real, organisation: 'Clock Test Bench', hosts, signal }),
      makeAuthority({ folder: foreign, organisation: 'Hotel Firewall', hosts, signal }),
      this.#load(OPEN),
    ]);
    this.#caPem = pem;
    const socket = join(this.folder, 'way-in');
    const relay = await openRelay(this.folder, this.#doubles);
    this.#opened.push({ name: 'relay to the doubles', close: async () => relay.close() });
    const systems = JSON.stringify(this.#doubles.systems ?? []);
    // All or none: when one fails, the others must have been noted before they are closed.
    const started = await Promise.allSettled([
      this.#node('internet', this.internet, ['internet.ts', real, this.folder]),
      this.#node('router', this.plug.netns, ['router.ts', foreign, socket, this.folder, systems]),
      this.#time('time of the hotel', this.plug.netns),
      this.#time('time of the internet', this.internet),
      this.#names(),
    ]);
    for (const one of started) if (one.status === 'rejected') throw one.reason;
    const wayIn = await openWayIn(socket);
    this.#wayIn = wayIn;
    this.#opened.push({ name: 'way in', close: async () => wayIn.close() });
  }

  /** The bridge with the plug, and the cable to the internet. */
  async #connect(): Promise<void> {
    const [lan, net] = [this.plug.netns, this.internet];
    for (const namespace of [lan, net]) {
      this.#adopt(namespace);
      await addNamespace(namespace);
    }
    await batch(lan, [
      `link add ${BRIDGE} type bridge forward_delay 0`,
      `address add ${LAN.router}/${LAN.prefix} dev ${BRIDGE}`,
      `tuntap add mode tap name ${TAP}`,
      `link set ${TAP} master ${BRIDGE} up`,
      `link set ${BRIDGE} up`,
      ...(this.#doubles.systems ?? []).map(
        ({ address }) => `address add ${address}/${LAN.prefix} dev ${BRIDGE}`,
      ),
      `link add ${WAN} type veth peer name hotel netns ${net}`,
      `address add ${INTERNET.router}/${INTERNET.prefix} dev ${WAN}`,
      `link set ${WAN} up`,
    ]);
    await batch(net, [
      ...SERVER_ADDRESSES.map((address) => `address add ${address}/${INTERNET.prefix} dev hotel`),
      'link set hotel up',
    ]);
    await this.exec(['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
  }

  #adopt(namespace: string): void {
    this.#namespaces.push(namespace);
    this.#opened.push({ name: namespace, close: async () => removeNamespace(namespace) });
  }

  async #names(): Promise<void> {
    const file = join(this.folder, 'dnsmasq.conf');
    await writeFile(file, dnsmasqConfig(this.folder));
    await this.#start('dnsmasq', this.plug.netns, {
      argv: ['dnsmasq', `--conf-file=${file}`],
      ready: /started, version/,
    });
  }

  /** -x: never touches the clock, -d: stays in the foreground, -u root: see dnsmasqConfig. */
  async #time(name: string, namespace: string): Promise<void> {
    const file = join(this.folder, `${namespace}.chrony`);
    await writeFile(file, chronyConfig(this.folder, namespace));
    await this.#start(name, namespace, {
      argv: ['chronyd', '-x', '-d', '-u', 'root', '-f', file],
      ready: /starting/,
    });
  }

  async #node(name: string, namespace: string, [script, ...args]: string[]): Promise<void> {
    const argv = [process.execPath, join(INSIDE, script!), ...args];
    await this.#start(name, namespace, { argv, ready: /^ready$/ });
  }

  async #start(
    name: string,
    namespace: string,
    { argv, ready }: { argv: readonly string[]; ready: RegExp },
  ): Promise<void> {
    const daemon = await startDaemon(inside(namespace, argv), {
      name,
      ready,
      signal: this.#signal,
    });
    this.#daemons.push(daemon);
    this.#opened.push({ name, close: async () => daemon.stop() });
  }

  async #load(firewall: Firewall): Promise<void> {
    await this.exec(['nft', '--file', '-'], { stdin: ruleset(firewall) });
    this.#firewall = firewall;
  }

  async #close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    const problems: unknown[] = [];
    for (const { close } of this.#opened.toReversed()) {
      await close().catch((error: unknown) => problems.push(error));
    }
    process.off('exit', this.#onExit);
    for (const name of ENDINGS) process.off(name, this.#onSignal);
    if (problems.length > 0) throw new AggregateError(problems, `${this.id} was not closed whole`);
  }

  /** The process ends without having closed: an uncaught error, process.exit(). */
  #closeNow(): void {
    for (const { group } of this.#daemons) signalGroup(group, 'SIGKILL');
    for (const namespace of this.#namespaces.toReversed()) removeNamespaceNow(namespace);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * Opens a hotel; `await using` closes it, and so do `signal`, Ctrl-C and the end of the process.
 * Throws OperatorError `not-root`, `program-missing`, `server-start`.
 */
export async function openHotel(options: HotelOptions = {}): Promise<Hotel> {
  return Hotel.open(options);
}

const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function requireMachine(): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new OperatorError(
      'not-root',
      'The simulated hotel makes network namespaces: that needs root',
      {
        hint: 'Run the tests as root, or in a container that is (CAP_NET_ADMIN and CAP_SYS_ADMIN)',
      },
    );
  }
  const folders = toolEnvironment()['PATH']!.split(delimiter);
  for (const [program, debian] of Object.entries(PROGRAMS)) {
    const found = await Promise.any(folders.map((folder) => access(join(folder, program)))).then(
      () => true,
      () => false,
    );
    if (!found) {
      throw new OperatorError('program-missing', `The simulated hotel needs ${program}`, {
        hint: `apt-get install --no-install-recommends ${debian}`,
      });
    }
  }
}

/** Several `ip` commands in one namespace. */
async function batch(namespace: string, commands: readonly string[]): Promise<void> {
  await run(['ip', '-n', namespace, '-batch', '-'], { stdin: `${commands.join('\n')}\n` });
}
