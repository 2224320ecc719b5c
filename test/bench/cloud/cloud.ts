// Opens the double of AWS IoT Core: builds its parts and connects them. What a test gets: api.ts.
// A double for tests and people without an account; the production cloud is AWS IoT Core.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Cloud, CloudOptions, Credentials, JobsHandle, ShadowHandle } from './api.ts';
import { makeKeyPair, nameOf } from './certificates/issue.ts';
import { Registry } from './certificates/registry.ts';
import { authorities, makeServerCertificates, savedOf } from './certificates/servers.ts';
import type { SavedAuthorities } from './certificates/servers.ts';
import { FaultBook } from './faults.ts';
import { answerHttps } from './https.ts';
import { Inbox } from './inbox.ts';
import { KEEPS_NOTHING, Keep } from './keep.ts';
import type { Kept } from './keep.ts';
import { Jobs } from './jobs/run.ts';
import { AWS_LIMITS } from './limits.ts';
import type { Limits } from './limits.ts';
import { openListener } from './listener.ts';
import { Broker } from './mqtt/broker.ts';
import { claimPolicy, unitPolicy } from './policies.ts';
import { Provisioning } from './provisioning/run.ts';
import type { Publication } from './services.ts';
import { Shadows } from './shadow/run.ts';
import { shadowPrefix } from './shadow/wire.ts';
import { viewOf } from './view.ts';

/** The endpoint that units have built in. */
const ENDPOINTS = new URL(
  '../../../stage-clock/01-agent/files/usr/share/clock/endpoints.json',
  import.meta.url,
);
/** How often the cloud looks what is due: far finer than any of AWS's times. */
const TICK_MS = 50;

/** Opens the cloud on loopback. Ended by `close()` or at the end of `await using`. */
export async function openCloud(options: CloudOptions = {}): Promise<Cloud> {
  const hosts = options.hosts ?? [await builtInHost()];
  const limits: Limits = { ...AWS_LIMITS, ...options.limits };
  const time = new CloudTime();
  const say = options.onLine ?? ((): void => {});
  const keep = options.keep === undefined ? undefined : new Keep(options.keep);
  const kept: Kept = keep ?? KEEPS_NOTHING;
  const certificates = makeServerCertificates(hosts, authoritiesIn(keep), Date.now());
  const registry = new Registry(certificates.devices, limits);
  const faults = new FaultBook();
  const template = options.template ?? 'clock-unit';
  const policies = {
    unit: unitPolicy(template),
    claim: claimPolicy(template),
    ...options.policies,
  };
  const shadows = new Shadows(limits);
  const jobs = new Jobs(limits);
  const provisioning = new Provisioning({
    registry,
    limits,
    template,
    policy: policies.unit,
    policyLagMs: options.policyLagMs ?? 0,
    hook: options.hook ?? ((): boolean => true),
    deviceConfiguration: options.deviceConfiguration ?? {},
    makeToken: () => randomBytes(96).toString('base64url'),
  });
  const broker = new Broker({
    limits,
    faults,
    services: [provisioning, shadows, jobs],
    kept,
    unauthorisedSubscribe: options.unauthorisedSubscribe ?? 'close',
    subscriptionLagMs: options.subscriptionLagMs ?? 0,
    nowMs: time.nowMs,
    later: time.later,
    say,
  });
  if (keep !== undefined) remember(keep, { time, registry, provisioning, shadows, jobs, broker });
  const inbox = new Inbox(broker.messages);
  broker.onChange = () => inbox.changed();
  broker.onArrival = (certificate) => {
    registry.retireOlder(certificate);
    kept.commit();
  };
  const https = answerHttps({ broker, limits, say });
  const listener = await openListener({
    ...{ hosts, certificates, registry, broker, faults, limits, https, say },
    ports: options.ports ?? {},
  });
  const tick = (): void => {
    const nowMs = time.nowMs();
    registry.tick(nowMs);
    provisioning.tick(nowMs);
    broker.tellSubscribers(jobs.tick(nowMs));
    broker.tick(nowMs);
    kept.commit();
  };
  time.every(TICK_MS, tick);
  const close = async (): Promise<void> => {
    time.stop();
    await listener.close();
    keep?.close();
  };

  return {
    address: '127.0.0.1',
    hosts,
    ports: listener.ports,
    rootsPem: certificates.rootsPem,
    template,
    ...credentialCalls({ registry, broker, policies, time, kept }),
    announce: (all) => {
      provisioning.announce(all);
      kept.commit();
    },
    publish: (topic, payload, { qos = 1, retain = false } = {}) => {
      broker.route({
        topic,
        payload: bytesOf(payload),
        qos,
        retain,
        from: 'cloud',
        atMs: time.nowMs(),
      });
    },
    messages: (filter, { after = 0 } = {}) => inbox.all(filter).slice(after),
    waitingFor: (clientId) => broker.sessions.get(clientId)?.held ?? [],
    nextMessage: async (filter, { withinMs } = {}) => inbox.next(filter, withinMs),
    shadow: (thing, name) => shadowHandle({ shadows, broker, time, kept }, { thing, name }),
    jobs: (thing) => jobsHandle({ jobs, broker, time, kept }, thing),
    inject: (fault) => faults.inject(fault),
    disconnect: (clientId) => {
      broker.connectionOf(clientId)?.close('SERVER_INITIATED_DISCONNECT', 'asked for');
    },
    connected: async (clientId, { is = true, withinMs } = {}) =>
      inbox.until(() => (broker.connectionOf(clientId) !== undefined) === is, {
        ...(withinMs !== undefined && { withinMs }),
        what: `${clientId} ${is ? 'connected' : 'gone'}`,
      }),
    advance: (ms) => {
      time.advance(ms);
      tick();
    },
    view: () => viewOf({ broker, registry, shadows, jobs, faults, nowMs: time.nowMs() }),
    events: (clientId) =>
      broker.events.filter((event) => clientId === undefined || event.clientId === clientId),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The cloud's clock, which a test may move, and its timers, which end with it. */
class CloudTime {
  #skewMs = 0;
  readonly #timers = new Set<NodeJS.Timeout>();

  readonly nowMs = (): number =>
    Math.floor(performance.timeOrigin + performance.now() + this.#skewMs);

  readonly later = (ms: number, task: () => void): void => {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      task();
    }, ms);
    this.#timers.add(timer);
  };

  every(ms: number, task: () => void): void {
    this.#timers.add(setInterval(task, ms));
  }

  advance(ms: number): void {
    this.#skewMs += ms;
  }

  save(): number {
    return this.#skewMs;
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** Those of an earlier life; else new ones, kept from now on. */
function authoritiesIn(keep: Keep | undefined): ReturnType<typeof authorities> {
  let saved: SavedAuthorities | undefined;
  keep?.add({
    name: 'authorities',
    save: () => saved,
    load: (value) => {
      saved = value as SavedAuthorities;
    },
  });
  const made = authorities(Date.now(), saved);
  saved = savedOf(made);
  return made;
}

/** Everything that is kept, in an order in which nothing is named before it is there. */
function remember(
  keep: Keep,
  parts: Pick<Parts, 'time' | 'registry' | 'broker'> & {
    readonly provisioning: Provisioning;
    readonly shadows: Shadows;
    readonly jobs: Jobs;
  },
): void {
  const { time, registry, provisioning, shadows, jobs, broker } = parts;
  const add = <T>(name: string, save: () => T, load: (saved: T) => void): void =>
    keep.add({ name, save, load: (saved) => load(saved as T) });
  add(
    'time',
    () => time.save(),
    (skewMs) => time.advance(skewMs),
  );
  add(
    'registry',
    () => registry.save(),
    (saved) => registry.load(saved),
  );
  add(
    'provisioning',
    () => provisioning.save(),
    (saved) => provisioning.load(saved),
  );
  add(
    'shadows',
    () => shadows.save(),
    (saved) => shadows.load(saved),
  );
  add(
    'jobs',
    () => jobs.save(),
    (saved) => jobs.load(saved),
  );
  const shelved = (clientId: string): ReturnType<Keep['shelved']> => keep.shelved(clientId);
  add(
    'sessions',
    () => broker.save(),
    (saved) => broker.load(saved, shelved),
  );
  broker.messages.push(...keep.messages());
  keep.commit();
}

interface Parts {
  readonly registry: Registry;
  readonly broker: Broker;
  readonly policies: Required<NonNullable<CloudOptions['policies']>>;
  readonly time: CloudTime;
  readonly kept: Kept;
}

function credentialCalls({
  registry,
  broker,
  policies,
  time,
  kept,
}: Parts): Pick<
  Cloud,
  'makeClaim' | 'addThing' | 'setCertificate' | 'setLifetime' | 'deleteThing'
> {
  const make = (name: string, isClaim: boolean): Credentials => {
    const { keyPem, spki } = makeKeyPair();
    const nowMs = time.nowMs();
    const certificate = registry.issue({ subject: nameOf(name), spki }, { nowMs, isClaim });
    if (isClaim) {
      certificate.status = 'ACTIVE';
      certificate.policy = policies.claim;
    } else {
      const policy = policies.unit;
      registry.register(certificate, {
        thing: name,
        parameters: {},
        policy,
        nowMs,
        policyLagMs: 0,
      });
    }
    kept.commit();
    return { certificateId: certificate.id, certPem: certificate.pem, keyPem };
  };
  return {
    makeClaim: () => make('Clock fleet claim', true),
    addThing: (name) => make(name, false),
    setCertificate: (certificateId, status) => {
      const certificate = registry.certificates.get(certificateId);
      if (certificate === undefined) throw new Error(`There is no certificate ${certificateId}`);
      certificate.status = status;
      kept.commit();
      if (status === 'ACTIVE') return;
      for (const connection of broker.connections) {
        if (connection.certificate !== certificate) continue;
        connection.close('SERVER_INITIATED_DISCONNECT', `its certificate is ${status}`);
      }
    },
    setLifetime: (ms) => {
      registry.lifetimeMs = ms;
    },
    deleteThing: (name) => {
      registry.deleteThing(name);
      kept.commit();
    },
  };
}

function shadowHandle(
  { shadows, broker, time, kept }: Pick<Parts, 'broker' | 'time' | 'kept'> & { shadows: Shadows },
  { thing, name }: { readonly thing: string; readonly name: string },
): ShadowHandle {
  const ask = (verb: string, body: object): object => {
    const topic = `${shadowPrefix(thing, name)}/${verb}`;
    const published = shadows.request({ topic, body, nowMs: time.nowMs() });
    kept.commit();
    broker.tellSubscribers(published);
    const rejected = published.find(({ topic }) => topic.endsWith('/rejected'));
    if (rejected !== undefined) throw new Error(JSON.stringify(rejected.body));
    return published.find(({ topic }) => topic.endsWith('/accepted'))!.body;
  };
  return {
    get: () => shadows.document(thing, name),
    desire: (state) =>
      (ask('update', { state: { desired: state } }) as { readonly version: number }).version,
    delete: () => void ask('delete', {}),
  };
}

function jobsHandle(
  { jobs, broker, time, kept }: Pick<Parts, 'broker' | 'time' | 'kept'> & { jobs: Jobs },
  thing: string,
): JobsHandle {
  const tell = (publications: readonly Publication[]): void => {
    kept.commit();
    broker.tellSubscribers(publications);
  };
  return {
    create: (job) => {
      tell(jobs.create(thing, job, time.nowMs()));
      return jobs.list(thing).find(({ jobId }) => jobId === job.jobId)!;
    },
    cancel: (jobId) => tell(jobs.cancel(thing, jobId, time.nowMs())),
    delete: (jobId) => tell(jobs.delete(thing, jobId, time.nowMs())),
    list: () => jobs.list(thing),
  };
}

function bytesOf(payload: string | Uint8Array | object): Buffer {
  if (typeof payload === 'string' || payload instanceof Uint8Array) return Buffer.from(payload);
  return Buffer.from(JSON.stringify(payload));
}

async function builtInHost(): Promise<string> {
  const endpoints = JSON.parse(await readFile(ENDPOINTS, 'utf8')) as {
    readonly aws: { readonly host: string };
  };
  return endpoints.aws.host;
}
