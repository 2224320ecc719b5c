// The Device Shadow service: documents with versions, answers, deltas. No I/O.
// Pages device-shadow-mqtt, device-shadow-document, device-shadow-data-flow, device-shadow-error-messages.
import type { ServiceError } from '../faults.ts';
import type { Limits } from '../limits.ts';
import { PerSecond } from '../mqtt/rules.ts';
import { readObject, secondsOf, tokenOf } from '../services.ts';
import type { Publication, Request, Service } from '../services.ts';
import { depthOf, difference, isObject, merged, metadataFor, stamped } from './document.ts';
import { readShadowTopic, shadowPrefix } from './wire.ts';
import type { JsonObject, MetadataObject, ShadowDocument, ShadowTopic } from './wire.ts';

interface Shadow {
  readonly state: { readonly desired?: JsonObject; readonly reported?: JsonObject };
  readonly metadata: { readonly desired?: MetadataObject; readonly reported?: MetadataObject };
  readonly version: number;
  readonly timestamp: number;
}

interface Gone {
  readonly version: number;
  readonly atMs: number;
}

interface Saved {
  readonly shadows: readonly (readonly [string, Shadow])[];
  readonly deleted: readonly (readonly [string, Gone])[];
}

type Asking = Pick<Request, 'topic' | 'payload' | 'nowMs'>;

interface Failure {
  readonly code: number;
  readonly message: string;
}

const SECTIONS = ['desired', 'reported'] as const;
/** Page device-shadow-document: clientToken of 64 bytes. */
const CLIENT_TOKEN_BYTES_MAX = 64;

export class Shadows implements Service {
  readonly #limits: Limits;
  readonly #shadows = new Map<string, Shadow>();
  readonly #deleted = new Map<string, Gone>();
  readonly #rates = new Map<string, PerSecond>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  serves(topic: string): boolean {
    return readShadowTopic(topic) !== undefined;
  }

  save(): Saved {
    return { shadows: [...this.#shadows], deleted: [...this.#deleted] };
  }

  load({ shadows, deleted }: Saved): void {
    for (const [key, shadow] of shadows) this.#shadows.set(key, shadow);
    for (const [key, gone] of deleted) this.#deleted.set(key, gone);
  }

  handle(request: Request): readonly Publication[] {
    const { topic, payload, nowMs, waiting } = request;
    const asked = readShadowTopic(topic)!;
    const { thing, name } = asked;
    if (Buffer.byteLength(name) > this.#limits.shadowNameBytesMax) {
      return this.#no(request, { code: 400, message: 'Invalid shadow name' });
    }
    if (waiting >= this.#limits.shadowInFlightMax || !this.#isWithinRate(thing, nowMs)) {
      return this.#no(request, { code: 429, message: 'Too many requests' });
    }
    // Quotas: 8 KB of state; a request can hold little more than that and be of use.
    if (payload.length > this.#limits.shadowBytesMax * 2) {
      return this.#no(request, {
        code: 413,
        message: 'The payload exceeds the maximum size allowed',
      });
    }
    return this.#carryOut(request, asked);
  }

  #carryOut(request: Asking, asked: ShadowTopic): readonly Publication[] {
    const body = readObject(request.payload);
    if (body === undefined) return this.#no(request, { code: 400, message: 'Invalid JSON' });
    const token = body['clientToken'];
    const isToken = typeof token === 'string' && Buffer.byteLength(token) <= CLIENT_TOKEN_BYTES_MAX;
    if (token !== undefined && !isToken) {
      return this.#no(request, { code: 400, message: 'Invalid clientToken' });
    }
    switch (asked.verb) {
      case 'get':
        return this.#get(request, asked);
      case 'update':
        return this.#update(request, asked, body);
      case 'delete':
        return this.#delete(request, asked);
    }
  }

  reject(request: Request, error: ServiceError): readonly Publication[] {
    return this.#no(request, error);
  }

  /** From the cloud's own side: no rate, and always carried out at once. */
  request(asked: {
    readonly topic: string;
    readonly body: object;
    readonly nowMs: number;
  }): readonly Publication[] {
    const { topic, body, nowMs } = asked;
    const request = { topic, payload: Buffer.from(JSON.stringify(body)), nowMs };
    return this.#carryOut(request, readShadowTopic(topic)!);
  }

  document(thing: string, name: string): ShadowDocument | undefined {
    const shadow = this.#shadows.get(keyOf({ thing, name }));
    return shadow && shown(shadow);
  }

  namesOf(thing: string): readonly string[] {
    const prefix = keyOf({ thing, name: '' });
    return [...this.#shadows.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length));
  }

  #get(request: Asking, asked: ShadowTopic): readonly Publication[] {
    const shadow = this.#shadows.get(keyOf(asked));
    if (shadow === undefined) return this.#no(request, missing(asked));
    const timestamp = secondsOf(request.nowMs);
    return [accepted(request, { ...shown(shadow), timestamp })];
  }

  #delete(request: Asking, asked: ShadowTopic): readonly Publication[] {
    const key = keyOf(asked);
    const shadow = this.#shadows.get(key);
    if (shadow === undefined) return this.#no(request, missing(asked));
    this.#shadows.delete(key);
    this.#deleted.set(key, { version: shadow.version, atMs: request.nowMs });
    const { version } = shadow;
    return [accepted(request, { version, timestamp: secondsOf(request.nowMs) })];
  }

  #update(
    request: Asking,
    asked: ShadowTopic,
    body: Readonly<Record<string, unknown>>,
  ): readonly Publication[] {
    const key = keyOf(asked);
    const before = this.#shadows.get(key) ?? this.#fresh(key, request.nowMs);
    const failure = this.#whyNot(body, before);
    if (failure !== undefined) return this.#no(request, failure);
    const change = body['state'] as JsonObject;
    const timestamp = secondsOf(request.nowMs);
    const after = applied(before, change, timestamp);
    const bytes = Buffer.byteLength(JSON.stringify(after.state));
    if (bytes > this.#limits.shadowBytesMax) {
      return this.#no(request, {
        code: 413,
        message: 'The payload exceeds the maximum size allowed',
      });
    }
    this.#shadows.set(key, after);
    this.#deleted.delete(key);
    return this.#told(request, asked, { before, after, change });
  }

  /** accepted, documents, and a delta of all differences, whatever this update contained. */
  #told(
    request: Asking,
    asked: ShadowTopic,
    { before, after, change }: { before: Shadow; after: Shadow; change: JsonObject },
  ): readonly Publication[] {
    const { version, timestamp } = after;
    const prefix = shadowPrefix(asked.thing, asked.name);
    const named = SECTIONS.filter((section) => isObject(change[section]));
    const metadata = Object.fromEntries(
      named.map((section) => [
        section,
        metadataFor(change[section] as JsonObject, after.metadata[section] ?? {}),
      ]),
    );
    const answer = accepted(request, { state: change, metadata, version, timestamp });
    const documents = {
      topic: `${prefix}/update/documents`,
      body: { previous: before, current: after, timestamp, ...tokenOf(request) },
      to: 'subscribers',
    } as const;
    const differing = difference(after.state.desired ?? {}, after.state.reported ?? {});
    if (differing === undefined) return [answer, documents];
    const delta = {
      version,
      timestamp,
      state: differing,
      metadata: metadataFor(differing, after.metadata.desired ?? {}),
      ...tokenOf(request),
    };
    return [answer, documents, { topic: `${prefix}/update/delta`, body: delta, to: 'subscribers' }];
  }

  /** A shadow that does not exist yet. Its version goes on for 48 hours after a deletion. */
  #fresh(key: string, nowMs: number): Shadow {
    const gone = this.#deleted.get(key);
    const isKept = gone !== undefined && nowMs - gone.atMs <= this.#limits.shadowVersionKeptMs;
    return { state: {}, metadata: {}, version: isKept ? gone.version : 0, timestamp: 0 };
  }

  #whyNot(body: Readonly<Record<string, unknown>>, before: Shadow): Failure | undefined {
    const bad = (message: string): Failure => ({ code: 400, message });
    const { state, version } = body;
    if (state === undefined) return bad('Missing required node: state');
    if (!isObject(state)) return bad('State node must be an object');
    for (const [name, section] of Object.entries(state)) {
      if (name !== 'desired' && name !== 'reported') return bad('State contains an invalid node');
      if (section !== null && !isObject(section)) return bad(`${name} node must be an object`);
      if (depthOf(section) > this.#limits.shadowDepthMax) {
        return bad(
          `JSON contains too many levels of nesting; maximum is ${this.#limits.shadowDepthMax}`,
        );
      }
    }
    if (version === undefined) return undefined;
    if (!Number.isSafeInteger(version)) return bad('Invalid version');
    return version === before.version ? undefined : { code: 409, message: 'Version conflict' };
  }

  #isWithinRate(thing: string, nowMs: number): boolean {
    const rate = this.#rates.get(thing) ?? new PerSecond();
    this.#rates.set(thing, rate);
    return rate.takes(1, { max: this.#limits.shadowRequestsPerSecondMax, nowMs });
  }

  #no(request: Asking, error: ServiceError | Failure): readonly Publication[] {
    const body = { ...error, timestamp: secondsOf(request.nowMs), ...tokenOf(request) };
    return [{ topic: `${request.topic}/rejected`, body, to: 'subscribers' }];
  }
}

function applied(before: Shadow, change: JsonObject, timestamp: number): Shadow {
  const state: Record<string, JsonObject> = { ...before.state };
  const metadata: Record<string, MetadataObject> = { ...before.metadata };
  for (const section of SECTIONS) {
    const part = change[section];
    if (part === null) {
      delete state[section];
      delete metadata[section];
    } else if (isObject(part)) {
      const now = merged(state[section] ?? {}, part);
      const known = metadata[section] ?? {};
      state[section] = now;
      metadata[section] = stamped(now, { before: known, change: part, timestamp });
    }
  }
  return { state, metadata, version: before.version + 1, timestamp };
}

function shown({ state, metadata, version, timestamp }: Shadow): ShadowDocument {
  const delta = difference(state.desired ?? {}, state.reported ?? {});
  return { state: { ...state, ...(delta && { delta }) }, metadata, version, timestamp };
}

function accepted(request: Asking, body: object): Publication {
  const { topic } = request;
  return { topic: `${topic}/accepted`, body: { ...body, ...tokenOf(request) }, to: 'subscribers' };
}

const missing = ({ name }: ShadowTopic): Failure => ({
  code: 404,
  message: `No shadow exists with name: '${name === '' ? 'classic' : name}'`,
});

/** Names have no slash, so this is unique. */
const keyOf = ({ thing, name }: { readonly thing: string; readonly name: string }): string =>
  `${thing}/${name}`;
