// Fleet provisioning by claim: a certificate for a request, then a thing for its ownership token.
// Pages provision-wo-cert, fleet-provision-api, pre-provisioning-hook. No I/O.
import { laterOf, mayRegister } from '../../../../image/ledger/registration.ts';
import type { Announcement } from '../../../../image/ledger/registration.ts';
import { readCsr } from '../certificates/issue.ts';
import type { Certificate, Registry } from '../certificates/registry.ts';
import type { ServiceError } from '../faults.ts';
import type { Limits } from '../limits.ts';
import type { PolicyDocument } from '../mqtt/policy.ts';
import { readJson } from '../services.ts';
import type { Publication, Request, Service } from '../services.ts';
import { CREATE_FROM_CSR, readCsrRequest, readRegisterRequest, templateOf } from './wire.ts';
import type { HookRequest } from './wire.ts';

export interface ProvisioningOptions {
  readonly registry: Registry;
  readonly limits: Limits;
  readonly template: string;
  readonly policy: PolicyDocument;
  readonly policyLagMs: number;
  readonly hook: (request: HookRequest) => boolean;
  readonly deviceConfiguration: Readonly<Record<string, string>>;
  /** A token nobody guesses. */
  readonly makeToken: () => string;
}

interface Token {
  readonly certificate: Certificate;
  readonly issuedMs: number;
}

interface Saved {
  readonly tokens: readonly {
    readonly token: string;
    readonly certificateId: string;
    readonly issuedMs: number;
  }[];
  readonly announced: readonly Announcement[];
}

/** SerialNumber as the template wants it; its thing is named after it. */
const SERIAL = /^[0-9a-f]{32}$/;

export class Provisioning implements Service {
  readonly #options: ProvisioningOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #announced = new Map<string, Announcement>();

  constructor(options: ProvisioningOptions) {
    this.#options = options;
  }

  /** What the ledger exports: of each serial the newest card's registration. */
  announce(all: readonly Announcement[]): void {
    for (const one of all)
      this.#announced.set(one.serial, laterOf(this.#announced.get(one.serial), one));
  }

  serves(topic: string): boolean {
    return topic === CREATE_FROM_CSR || templateOf(topic) !== undefined;
  }

  handle(request: Request): readonly Publication[] {
    const body = readJson(request.payload);
    if (request.topic === CREATE_FROM_CSR) return this.#create(request, body);
    return this.#register(request, body);
  }

  reject({ topic }: Request, error: ServiceError): readonly Publication[] {
    return [{ topic: `${topic}/rejected`, body: error, to: 'requester' }];
  }

  #create(request: Request, body: unknown): readonly Publication[] {
    const { registry, makeToken } = this.#options;
    const no = (code: string, message: string): readonly Publication[] =>
      this.#refuse(request, 400, code, message);
    if (body === undefined) return no('InvalidPayload', 'The payload is not JSON');
    const csr = readCsr(readCsrRequest(body) ?? '');
    if (!csr.ok) return no('InvalidCertificateSigningRequest', csr.why);
    const certificate = registry.issue(csr, { nowMs: request.nowMs });
    const token = makeToken();
    this.#tokens.set(token, { certificate, issuedMs: request.nowMs });
    const answer = {
      certificateOwnershipToken: token,
      certificateId: certificate.id,
      certificatePem: certificate.pem,
    };
    return [{ topic: `${request.topic}/accepted`, body: answer, to: 'requester' }];
  }

  #register(request: Request, body: unknown): readonly Publication[] {
    const { registry, template, policy, policyLagMs, hook, deviceConfiguration } = this.#options;
    const { nowMs, by, topic } = request;
    if (templateOf(topic) !== template) {
      return this.#refuse(request, 404, 'ResourceNotFound', 'No such provisioning template');
    }
    const asked = readRegisterRequest(body);
    if (asked === undefined) {
      return this.#refuse(request, 400, 'InvalidPayload', 'Token and parameters are texts');
    }
    const found = this.#tokens.get(asked.token);
    if (found === undefined || nowMs - found.issuedMs > this.#options.limits.ownershipTokenMs) {
      return this.#refuse(
        request,
        400,
        'InvalidCertificateOwnershipToken',
        'Unknown or expired token',
      );
    }
    const { certificate } = found;
    const { parameters } = asked;
    const serial = parameters['SerialNumber'] ?? '';
    if (!SERIAL.test(serial)) {
      return this.#refuse(request, 400, 'InvalidParameters', 'SerialNumber must be 32 hex digits');
    }
    const thing = `clockrpi-${serial}`;
    const isAllowed =
      this.#mayRegister(by.certificate, { certificate, thing, serial, parameters }) &&
      hook({
        claimCertificateId: by.certificate.id,
        certificateId: certificate.id,
        certificatePem: certificate.pem,
        commonName: certificate.commonName,
        clientId: by.clientId,
        parameters,
      });
    if (!isAllowed) return this.#refuse(request, 403, 'ACCESS_DENIED', 'Access Denied');
    // The token stays good for its hour: an answer may be lost, so a repeat must be harmless.
    registry.register(certificate, { thing, parameters, policy, nowMs, policyLagMs });
    const answer = { deviceConfiguration, thingName: thing };
    return [{ topic: `${topic}/accepted`, body: answer, to: 'requester' }];
  }

  /** Our hook at AWS: who is registered already may renew for itself only; with the claim, see there. */
  #mayRegister(
    by: Certificate,
    asked: {
      readonly certificate: Certificate;
      readonly thing: string;
      readonly serial: string;
      readonly parameters: Readonly<Record<string, string>>;
    },
  ): boolean {
    if (!by.isClaim) return by.thing === asked.thing;
    const { registry } = this.#options;
    return mayRegister({
      token: asked.parameters['RegistrationToken'],
      announced: this.#announced.get(asked.serial),
      isKnown: registry.things.has(asked.thing),
      isSameKey: registry.hasKeyOf(asked.certificate, asked.thing),
    }).allowed;
  }

  #refuse(
    request: Request,
    statusCode: number,
    errorCode: string,
    errorMessage: string,
  ): readonly Publication[] {
    return this.reject(request, { statusCode, errorCode, errorMessage });
  }

  /** Tokens with the ids of their certificates. */
  save(): Saved {
    const tokens = [...this.#tokens].map(([token, { certificate, issuedMs }]) => ({
      token,
      certificateId: certificate.id,
      issuedMs,
    }));
    return { tokens, announced: [...this.#announced.values()] };
  }

  load({ tokens, announced }: Saved): void {
    this.announce(announced);
    for (const { token, certificateId, issuedMs } of tokens) {
      const certificate = this.#options.registry.certificates.get(certificateId);
      if (certificate !== undefined) this.#tokens.set(token, { certificate, issuedMs });
    }
  }

  tick(nowMs: number): void {
    for (const [token, { issuedMs }] of this.#tokens) {
      if (nowMs - issuedMs > this.#options.limits.ownershipTokenMs) this.#tokens.delete(token);
    }
  }
}
