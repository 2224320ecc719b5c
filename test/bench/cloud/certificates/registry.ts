// Which certificates and things there are, and which policies a certificate carries. No I/O; time is
// a parameter.
import { X509Certificate } from 'node:crypto';
import type { Limits } from '../limits.ts';
import type { PolicyDocument } from '../mqtt/policy.ts';
import { certificateIdOf, commonNameIn, issueForDevice } from './issue.ts';
import type { Authority } from './issue.ts';

/** page `x509-client-certs`: a certificate is used only while ACTIVE. */
export type CertificateStatus = 'ACTIVE' | 'INACTIVE' | 'PENDING_ACTIVATION' | 'REVOKED';

export interface Certificate {
  readonly id: string;
  readonly pem: string;
  readonly commonName: string;
  readonly isClaim: boolean;
  readonly issuedMs: number;
  status: CertificateStatus;
  /** Attached thing: the double knows one a certificate. */
  thing: string | undefined;
  policy: PolicyDocument | undefined;
  /** From then on its policy holds: it lags behind RegisterThing. */
  policyFromMs: number;
}

export interface Thing {
  readonly name: string;
  readonly createdMs: number;
  /** The parameters it was registered with. */
  parameters: Readonly<Record<string, string>>;
}

/** AWS's own certificates are valid until 2049-12-31 (page device-certs-create). */
const DEVICE_CERTIFICATE_TO_MS = Date.UTC(2049, 11, 31, 23, 59, 59);

const publicKeyOf = (pem: string): Buffer =>
  new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });

interface Saved {
  readonly certificates: readonly Certificate[];
  readonly things: readonly Thing[];
}

export class Registry {
  readonly certificates = new Map<string, Certificate>();
  readonly things = new Map<string, Thing>();
  readonly #authority: Authority;
  readonly #limits: Limits;
  /** How long a unit's next certificates are valid; undefined: as AWS's own. */
  lifetimeMs: number | undefined;

  constructor(authority: Authority, limits: Limits) {
    this.#authority = authority;
    this.#limits = limits;
  }

  /** Signs a certificate for a key; it is of no use until activated. */
  issue(
    key: { readonly subject: Buffer; readonly spki: Buffer },
    options: { readonly nowMs: number; readonly isClaim?: boolean },
  ): Certificate {
    const { nowMs, isClaim = false } = options;
    this.#makeRoom(this.certificates, 'certificates');
    const toMs = this.lifetimeMs === undefined ? DEVICE_CERTIFICATE_TO_MS : nowMs + this.lifetimeMs;
    const validity = { fromMs: nowMs - 86_400_000, toMs };
    const pem = issueForDevice(this.#authority, { ...key, validity });
    const certificate: Certificate = {
      id: certificateIdOf(pem),
      pem,
      commonName: commonNameIn(key.subject),
      isClaim,
      issuedMs: nowMs,
      status: 'PENDING_ACTIVATION',
      thing: undefined,
      policy: undefined,
      policyFromMs: nowMs,
    };
    this.certificates.set(certificate.id, certificate);
    return certificate;
  }

  /** Creates the thing if it is new, attaches the certificate and makes it ACTIVE. */
  register(
    certificate: Certificate,
    options: {
      readonly thing: string;
      readonly parameters: Readonly<Record<string, string>>;
      readonly policy: PolicyDocument;
      readonly nowMs: number;
      readonly policyLagMs: number;
    },
  ): Thing {
    const { thing: name, parameters, policy, nowMs, policyLagMs } = options;
    const known = this.things.get(name);
    if (known === undefined) this.#makeRoom(this.things, 'things');
    const thing = known ?? { name, createdMs: nowMs, parameters };
    thing.parameters = parameters;
    this.things.set(name, thing);
    certificate.thing = name;
    certificate.policy = policy;
    certificate.policyFromMs = nowMs + policyLagMs;
    certificate.status = 'ACTIVE';
    return thing;
  }

  /**
   * What our rule on presence events does at AWS when a certificate has proved to work: the thing's
   * older ones become INACTIVE. So a renewal never ends without one, and a card that was replaced by
   * another with the same serial is shut out.
   */
  retireOlder({ id, thing }: Certificate): void {
    for (const certificate of this.certificates.values()) {
      if (certificate.id === id) return;
      const isOlder = certificate.thing === thing && certificate.status === 'ACTIVE';
      if (isOlder && !certificate.isClaim) certificate.status = 'INACTIVE';
    }
  }

  /** Was this thing registered with the same key before? */
  hasKeyOf({ pem }: Certificate, thing: string): boolean {
    const key = publicKeyOf(pem);
    return [...this.certificates.values()].some(
      (one) => one.thing === thing && publicKeyOf(one.pem).equals(key),
    );
  }

  deleteThing(name: string): void {
    this.things.delete(name);
    for (const certificate of this.certificates.values()) {
      if (certificate.thing === name) certificate.thing = undefined;
    }
  }

  /** Page provision-wo-cert: an unregistered certificate vanishes with its ownership token. */
  tick(nowMs: number): void {
    for (const { id, status, issuedMs } of this.certificates.values()) {
      const isForgotten = nowMs - issuedMs > this.#limits.ownershipTokenMs;
      if (status === 'PENDING_ACTIVATION' && isForgotten) this.certificates.delete(id);
    }
  }

  save(): Saved {
    return { certificates: [...this.certificates.values()], things: [...this.things.values()] };
  }

  load({ certificates, things }: Saved): void {
    for (const one of certificates) {
      this.certificates.set(one.id, { ...one, thing: one.thing, policy: one.policy });
    }
    for (const thing of things) this.things.set(thing.name, thing);
  }

  #makeRoom(map: ReadonlyMap<string, unknown>, what: string): void {
    if (map.size >= this.#limits.registryMax) throw new Error(`More than ${map.size} ${what}`);
  }
}
