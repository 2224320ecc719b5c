// The double of Clock's API: put together from its parts. What it offers is in api.ts.
import { constants, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { makeAuthority } from '../cloud/certificates/issue.ts';
import { makeServerCertificates } from '../cloud/certificates/servers.ts';
import type { AccountKind, AccountRecord, Pms, PmsOptions } from './api.ts';
import { Channels } from './channels.ts';
import { FaultBook } from './faults.ts';
import { createFront } from './front.ts';
import { createHotel } from './hotel.ts';
import { Journal } from './journal.ts';
import { CLOCK_LIMITS } from './limits.ts';
import { Store } from './tables.ts';
import { Users } from './users.ts';

const ACCOUNTS = [
  { kind: 'pms', subscriptionId: 71, accountId: 7_001, name: 'Hotel Balkan', type: 'Pms::Account' },
  { kind: 'pos', subscriptionId: 71, accountId: 7_002, name: 'Balkan Bar', type: 'Pos::Account' },
] as const;

const EVENTS: Readonly<Record<AccountKind, readonly string[]>> = {
  pms: [
    ...['booking_new', 'booking_update', 'booking_expected', 'booking_checked_in'],
    ...['booking_checked_out', 'booking_canceled', 'booking_no_show', 'booking_guests_update'],
    ...['housekeeping_changed', 'door_key_new', 'door_key_update', 'folio_update', 'folio_close'],
    ...['folio_void', 'folio_fiscalize', 'fiscal_request', 'salto', 'visionline', 'hotek'],
  ],
  pos: ['pos_order_new', 'print_log'],
};

/** How often waiting polls are looked at. */
const TICK_MS = 250;
const DAY_MS = 86_400_000;

/** Opens it on loopback. Throws what listen() throws. */
export async function openPms(options: PmsOptions = {}): Promise<Pms> {
  const limits = { ...CLOCK_LIMITS, ...options.limits };
  const hosts = options.hosts ?? ['localhost'];
  const { timeZone = 'Europe/Sofia' } = options;
  let aheadMs = (options.startMs ?? Date.now()) - Date.now();
  const nowMs = (): number => Date.now() + aheadMs;
  const journal = new Journal(limits.historyMax);
  const faults = new FaultBook();
  const channels = new Channels(limits, options.firstMessage ?? 'oldest');
  const users = new Users(limits);
  const store = new Store(nowMs, limits.rowsMax);
  const certificates = serverCertificates(hosts, Date.now());

  const channelIds = new Map<string, string>();
  for (const { kind, accountId } of ACCOUNTS) {
    for (const event of EVENTS[kind]) {
      const id = `${randomUUID()}-${accountId}-${event}`;
      channelIds.set(`${kind} ${event}`, id);
      channels.open(id);
    }
  }
  const channelOf = (event: string, kind: AccountKind): string => {
    const id = channelIds.get(`${kind} ${event}`);
    if (id === undefined) throw new Error(`There is no channel ${event} in ${kind}`);
    return id;
  };
  const held = new Map<string, string>();
  const fire: Pms['fire'] = (event, payload, kind = 'pms') => {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const id = channelOf(event, kind);
    journal.fired({ atMs: nowMs(), event, account: kind, text });
    const fault = faults.take('fire', { path: event });
    if (fault?.do === 'lose') return;
    if (fault?.do === 'swap') return void held.set(id, text);
    const late = held.get(id);
    held.delete(id);
    for (const one of [
      text,
      ...(fault?.do === 'repeat' ? [text] : []),
      ...(late === undefined ? [] : [late]),
    ]) {
      channels.publish(id, one, nowMs());
    }
    journal.changed();
  };
  const hotel = createHotel({ store, nowMs, timeZone, limits, fire });
  hotel.addRoom({ name: '101', internal_lines: ['101'] });
  hotel.addRoom({ name: '102', internal_lines: ['102'] });

  let port = 0;
  const urlPort = (): string => {
    const { publicPort = port } = options;
    return publicPort === 443 ? '' : `:${publicPort}`;
  };
  const channelHost = hosts.at(-1)!;
  const root = (accountId: number): object => {
    const { kind, name, type, subscriptionId } = ACCOUNTS.find(
      (one) => one.accountId === accountId,
    )!;
    const base = `/${kind}_api/${subscriptionId}/${accountId}`;
    return {
      ...{ id: accountId, name, type, time_zone: timeZone, default_language: 'en' },
      ...{ current_datetime: new Date(nowMs()).toISOString(), revenu_date: hotel.today() },
      api_endpoints: { bookings: `${base}/bookings`, door_keys: `${base}/door_keys` },
      http_msg_channels: Object.fromEntries(
        EVENTS[kind].map((event) => [
          event,
          `//${channelHost}${urlPort()}/sub/${channelOf(event, kind)}`,
        ]),
      ),
    };
  };
  const front = createFront({
    ...{ users, faults, journal, channels, limits, nowMs, root, accounts: ACCOUNTS },
    authority: {
      secret: randomBytes(16).toString('hex'),
      nonceSecondsMax: limits.nonceSecondsMax,
    },
    hasApi: options.addons?.api ?? true,
    hasPhone: options.addons?.phone ?? true,
    world: {
      ...{ store, hotel, nowMs, timeZone, limits, fire },
      phonePricing: options.phonePricing ?? 'price',
    },
  });

  const web = createServer(
    {
      SNICallback: (name, done) => {
        if (!hosts.includes(name)) return done(new Error(`no host ${name}`));
        return done(null, certificates.context(faults.take('handshake', {})?.do ?? 'right'));
      },
      minVersion: 'TLSv1.2',
      // A resumed session would not see a wrong certificate.
      secureOptions: constants.SSL_OP_NO_TICKET,
    },
    (request, response) => {
      options.onLine?.(`${request.method} ${masked(request.url ?? '')}`);
      front(request, response);
    },
  );
  const sockets = new Set<Socket>();
  const server = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // the peer's end; 'close' follows
    const fault = faults.take('accept', {});
    if (fault?.do === 'black-hole') return void socket.pause();
    if (fault?.do === 'drop' || sockets.size > limits.connectionsMax) return void socket.destroy();
    return void web.emit('connection', socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: options.port ?? 0 }, resolve);
  });
  ({ port } = server.address() as AddressInfo);
  const ticking = setInterval(() => channels.tick(nowMs()), TICK_MS).unref();
  const addUser = (kind: AccountKind = 'pms'): AccountRecord => {
    const { subscriptionId, accountId } = ACCOUNTS.find((one) => one.kind === kind)!;
    return users.add({ kind, host: hosts[0]!, port, subscriptionId, accountId });
  };
  addUser('pms');
  addUser('pos');
  const close = async (): Promise<void> => {
    clearInterval(ticking);
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    web.closeAllConnections();
    await closed;
  };
  return {
    ...{ address: '127.0.0.1', host: hosts[0]!, channelHost, port, hotel, addUser, fire, nowMs },
    rootsPem: `${options.rootsPem ?? ''}${certificates.rootsPem}`,
    account: (kind = 'pms') => users.first(kind),
    changeKey: (apiUser) => users.changeKey(apiUser),
    deny: (apiUser, ...rights) => {
      for (const right of rights) users.rights(apiUser).add(right);
    },
    allow: (apiUser, ...rights) => {
      for (const right of rights) users.rights(apiUser).delete(right);
    },
    channelPath: (event, kind = 'pms') => `/sub/${channelOf(event, kind)}`,
    calls: () => journal.calls,
    polls: () => journal.polls,
    written: () => journal.written,
    events: () => journal.events,
    callsPerSecondMax: (apiUser) => journal.callsPerSecondMax(apiUser),
    until: async (holds, { withinMs } = {}) => journal.until(holds, withinMs),
    inject: (fault) => faults.inject(fault),
    ban: (address = '127.0.0.1') => users.ban(address, nowMs()),
    unban: () => users.unban(),
    advance: (ms) => {
      aheadMs += ms;
      channels.tick(nowMs());
      journal.changed();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** By an authority of its own name: a client may trust the cloud's double beside it. */
function serverCertificates(hosts: readonly string[], nowMs: number) {
  const validity = { fromMs: nowMs - DAY_MS, toMs: nowMs + 30 * DAY_MS };
  const roots = makeAuthority('Bench Root CA of the PMS double', validity);
  return makeServerCertificates(hosts, { roots, devices: roots }, nowMs);
}

/** A channel's address is a key to it. */
const masked = (url: string): string =>
  url.split('?')[0]!.replace(/^\/sub\/[0-9a-f-]{36}/, '/sub/…');
