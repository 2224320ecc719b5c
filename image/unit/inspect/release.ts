// Which release lies in a slot: two copies of its manifest and of its signature, one on each
// partition. The pair that fits is the truth; what differs from it is damaged.
import { readFile } from 'node:fs/promises';
import { createPublicKey } from 'node:crypto';
import { OperatorError } from '../../core/errors.ts';
import { enclosedSigner, fits, parseManifest, signer } from '../manifest.ts';
import type { Manifest, Signer } from '../manifest.ts';
import type { Findings } from './findings.ts';

/** One place where a release says what it is. */
export interface Copy {
  /** "on the boot partition" */
  readonly where: string;
  readonly manifest: Buffer | undefined;
  readonly signature: Buffer | undefined;
}

export interface ReleaseFacts {
  readonly manifest: Manifest;
  readonly signature:
    | { readonly state: 'valid'; readonly signer: Signer }
    | { readonly state: 'invalid' }
    | { readonly state: 'not checked' };
}

/** Keys to try. Throws OperatorError `no-key` when `given` (a PEM file) is no public one. */
export async function signersOf(
  given: string | undefined,
  ownKeyFiles: readonly string[],
): Promise<Signer[]> {
  if (given !== undefined) {
    const text = await readFile(given, 'utf8');
    // Node takes the public key out of it: whoever hands it round would hand out what signs.
    if (text.includes('PRIVATE KEY-----')) {
      throw new OperatorError('no-key', `${given} is the private half of a key: it signs`, {
        hint: `Give its public half: openssl pkey -in ${given} -pubout -out public.pem`,
      });
    }
    try {
      return [signer(createPublicKey(text), 'given')];
    } catch (cause) {
      throw new OperatorError('no-key', `${given} holds no public key`, {
        hint: 'Give a PEM file, as "openssl pkey -pubout" writes it',
        cause,
      });
    }
  }
  const own: Signer[] = [];
  for (const file of ownKeyFiles) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text !== '') own.push(signer(text, 'own'));
  }
  return own;
}

interface Judged {
  readonly slot: string;
  readonly signers: readonly Signer[];
  /** Only these keys count: a manifest's own key proves nothing then. */
  readonly strict: boolean;
  readonly findings: Findings;
}

/** The release of one slot; undefined when no manifest can be read, with findings that say why. */
export function judgeRelease(copies: readonly Copy[], judged: Judged): ReleaseFacts | undefined {
  const { slot, findings, signers, strict } = judged;
  const damage = (code: string, text: string): void => findings.damage('release', code, text);
  for (const { where, manifest, signature } of copies) {
    if (manifest === undefined) damage('manifest-missing', `Slot ${slot} has no manifest ${where}`);
    if (signature === undefined) {
      damage('signature-missing', `Slot ${slot} has no signature ${where}`);
    }
  }
  const manifests = copies.flatMap(({ manifest }) => (manifest === undefined ? [] : [manifest]));
  const signatures = copies.flatMap(({ signature }) =>
    signature === undefined ? [] : [signature],
  );
  const parsed = manifests.flatMap((bytes) => {
    const manifest = parseManifest(bytes);
    return manifest === undefined ? [] : [{ bytes, manifest }];
  });
  for (const { bytes, manifest } of parsed) {
    const enclosed = strict ? undefined : enclosedSigner(manifest);
    for (const by of enclosed === undefined ? signers : [...signers, enclosed]) {
      const signature = signatures.find((candidate) => fits(bytes, candidate, by));
      if (signature === undefined) continue;
      blameOthers(copies, { bytes, signature, slot, findings });
      return { manifest, signature: { state: 'valid', signer: by } };
    }
  }
  const [best] = parsed;
  if (best === undefined) {
    if (manifests.length > 0) damage('manifest-damaged', `The manifest of slot ${slot} is damaged`);
    return undefined;
  }
  return { manifest: best.manifest, signature: unsigned(best, { parsed, signatures, judged }) };
}

type Parsed = { readonly bytes: Buffer; readonly manifest: Manifest };

/** No pair fits: either something is damaged, or nobody here knows the key. */
function unsigned(
  { manifest }: Parsed,
  of: { parsed: readonly Parsed[]; signatures: readonly Buffer[]; judged: Judged },
): { state: 'invalid' } | { state: 'not checked' } {
  const { slot, findings, signers, strict } = of.judged;
  const { keyId } = manifest.signedBy;
  const known = signers.some((by) => by.keyId === keyId) || enclosedSigner(manifest) !== undefined;
  const differ = of.parsed.some(({ bytes }) => !bytes.equals(of.parsed[0]!.bytes));
  if (differ) {
    findings.damage('release', 'manifest-damaged', `The manifests of slot ${slot} differ`);
  }
  if (of.signatures.length === 0) return { state: 'invalid' };
  if (strict && !signers.some((by) => by.keyId === keyId)) {
    const text = `Slot ${slot} is signed by another key (${keyId.slice(0, 16)}…) than the one given`;
    findings.damage('release', 'wrong-signer', text);
    return { state: 'invalid' };
  }
  if (known) {
    const text = `The signature of slot ${slot} does not fit its manifest: one of them is damaged`;
    findings.damage('release', 'signature-wrong', text);
    return { state: 'invalid' };
  }
  findings.notChecked(
    `the signature of slot ${slot}: nobody here knows key ${keyId.slice(0, 16)}… (--signer FILE)`,
  );
  return { state: 'not checked' };
}

function blameOthers(
  copies: readonly Copy[],
  good: { bytes: Buffer; signature: Buffer; slot: string; findings: Findings },
): void {
  const { bytes, signature, slot, findings } = good;
  for (const copy of copies) {
    if (copy.manifest !== undefined && !copy.manifest.equals(bytes)) {
      const text = `The manifest of slot ${slot} ${copy.where} is damaged, the other one is good`;
      findings.damage('release', 'manifest-damaged', text);
    }
    if (copy.signature !== undefined && !copy.signature.equals(signature)) {
      const text = `The signature of slot ${slot} ${copy.where} is damaged, the other one is good`;
      findings.damage('release', 'signature-damaged', text);
    }
  }
}
