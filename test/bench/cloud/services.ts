// What provisioning, shadows and jobs have in common: a request on a reserved topic, and what is
// published because of it. Types, and the reading of a JSON body.
import type { Certificate } from './certificates/registry.ts';
import type { ServiceError } from './faults.ts';

export interface Requester {
  readonly clientId: string;
  readonly certificate: Certificate;
}

export interface Request {
  readonly topic: string;
  readonly payload: Buffer;
  readonly by: Requester;
  readonly nowMs: number;
  /** How many requests to the same thing's service still wait for their answer. */
  readonly waiting: number;
}

export interface Publication {
  readonly topic: string;
  readonly body: object;
  /**
   * Shadows tell everyone who is subscribed; provisioning tells the connection that asked, if it is
   * subscribed; jobs tell the one who asked, subscribed or not (page jobs-mqtt-api).
   */
  readonly to: 'subscribers' | 'requester' | 'requester-unasked';
}

export interface Service {
  serves(topic: string): boolean;
  handle(request: Request): readonly Publication[];
  /** The answer that says no with this error, for scripted faults: nothing is carried out. */
  reject(request: Request, error: ServiceError): readonly Publication[];
}

/** JSON of a payload; an empty one counts as {}; undefined when it is no JSON. */
export function readJson(payload: Buffer): unknown {
  if (payload.length === 0) return {};
  try {
    return JSON.parse(payload.toString()) as unknown;
  } catch {
    return undefined;
  }
}

export function readObject(payload: Buffer): Readonly<Record<string, unknown>> | undefined {
  const value = readJson(payload);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : undefined;
}

export const secondsOf = (ms: number): number => Math.floor(ms / 1_000);

/** A request's clientToken, which its answers carry too. */
export function tokenOf({ payload }: Pick<Request, 'payload'>): { readonly clientToken?: string } {
  const token = readObject(payload)?.['clientToken'];
  return typeof token === 'string' ? { clientToken: token } : {};
}
