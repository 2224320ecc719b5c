// Fleet provisioning's requests and answers (pages fleet-provision-api, pre-provisioning-hook). Pure.

export const CREATE_FROM_CSR = '$aws/certificates/create-from-csr/json';

/** The template's name in a RegisterThing topic, else undefined. */
export function templateOf(topic: string): string | undefined {
  return /^\$aws\/provisioning-templates\/([^/]+)\/provision\/json$/.exec(topic)?.[1];
}

/** What the pre-provisioning hook is asked. */
export interface HookRequest {
  readonly claimCertificateId: string;
  readonly certificateId: string;
  readonly certificatePem: string;
  readonly clientId: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** The certificate's common name, which its requester chose. */
  readonly commonName: string;
}

export interface ProvisioningError {
  readonly statusCode: number;
  readonly errorCode: string;
  readonly errorMessage: string;
}

export function readCsrRequest(body: unknown): string | undefined {
  const csr = fieldOf(body, 'certificateSigningRequest');
  return typeof csr === 'string' ? csr : undefined;
}

export interface RegisterRequest {
  readonly token: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export function readRegisterRequest(body: unknown): RegisterRequest | undefined {
  const token = fieldOf(body, 'certificateOwnershipToken');
  const parameters = fieldOf(body, 'parameters') ?? {};
  if (typeof token !== 'string' || typeof parameters !== 'object') return undefined;
  // AWS: parameters are strings.
  const isText = Object.values(parameters).every((value) => typeof value === 'string');
  return isText ? { token, parameters: parameters as Record<string, string> } : undefined;
}

function fieldOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name)
    ? (body as Record<string, unknown>)[name]
    : undefined;
}
