// Makes an interface of a signed package, in the process of its service and nowhere else: verifies the manifest
// and the bytes, and evaluates the very bytes that it verified. What keeps the code in is the service's sandbox
// (its user, its addresses, its devices); what is hidden here only makes sure that an interface which asks for
// more than its ServiceHost does not work by chance.
import * as crypto from 'node:crypto';
import * as timers from 'node:timers';
import * as timersPromises from 'node:timers/promises';
import { compileFunction } from 'node:vm';
import { codeOf } from '../core/errors.ts';
import type { AnyInterface } from '../core/interface.ts';
import { isWhole, openPackage } from '../packages/wire.ts';
import type { PackageKeys, PackageManifest } from '../packages/wire.ts';

export type Loaded =
  | { readonly ok: true; readonly interface: AnyInterface; readonly manifest: PackageManifest }
  | { readonly ok: false; readonly why: string };

const { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } = crypto;
const { clearInterval, clearTimeout, setInterval, setTimeout } = timers;
/** All of node's modules that an interface may import, and of each these: what reaches nothing outside. */
export const GIVEN: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'node:buffer': { Buffer },
  'node:crypto': { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual },
  'node:timers': { clearInterval, clearTimeout, setInterval, setTimeout },
  'node:timers/promises': {
    setImmediate: timersPromises.setImmediate,
    setTimeout: timersPromises.setTimeout,
  },
};

function given(name: string): Readonly<Record<string, unknown>> {
  const found = Object.hasOwn(GIVEN, name) ? GIVEN[name] : undefined;
  if (found !== undefined) return { ...found };
  throw new Error(`an interface has no ${name}`);
}

/** Names of node that an interface has no business with: lines, time and chance come from its host. */
const HIDDEN = [
  ...['process', 'global', 'globalThis', 'fetch', 'WebSocket', 'EventSource'],
  ...['BroadcastChannel', 'MessageChannel', 'WebAssembly', 'Function', 'navigator'],
];

/** `name`: the interface that the service is configured for. Never throws. */
export function loadPackage(
  { bytes, jws, name }: { readonly bytes: Buffer; readonly jws: string; readonly name: string },
  keys: PackageKeys,
): Loaded {
  const manifest = openPackage(jws.trim(), keys);
  if (manifest === undefined) return { ok: false, why: 'not signed by a key of this unit' };
  if (manifest.name !== name) return { ok: false, why: `is ${manifest.name}, not ${name}` };
  if (!isWhole(manifest, bytes)) return { ok: false, why: 'not the bytes that were signed' };
  let found: unknown;
  try {
    found = evaluatePackage(bytes.toString('utf8'), `${name}-${manifest.version}.js`);
  } catch (error) {
    return { ok: false, why: `does not load: ${codeOf(error)}` };
  }
  if (!isInterface(found)) return { ok: false, why: 'exports no interface' };
  const isAsSigned =
    found.name === name &&
    found.title === manifest.title &&
    String(found.takes) === String(manifest.takes) &&
    String(found.emits) === String(manifest.emits);
  if (!isAsSigned) return { ok: false, why: 'is not what its manifest says' };
  return { ok: true, interface: found, manifest };
}

/** What the package exports as `packaged` (image/release/package.ts). Runs it: for what was verified. */
export function evaluatePackage(text: string, filename: string): unknown {
  const module: { exports: { readonly packaged?: unknown } } = { exports: {} };
  const names = ['module', 'exports', 'require', ...HIDDEN];
  const body = compileFunction(`'use strict';${text}`, names, { filename });
  Reflect.apply(body, undefined, [module, module.exports, given]);
  return module.exports.packaged;
}

function isInterface(value: unknown): value is AnyInterface {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  const isList = (list: unknown): boolean =>
    Array.isArray(list) && list.every((one) => typeof one === 'string');
  return (
    ['parse', 'needs', 'start', 'test', 'counterpart'].every(
      (name) => typeof fields[name] === 'function',
    ) &&
    ['name', 'title'].every((name) => typeof fields[name] === 'string') &&
    isList(fields['takes']) &&
    isList(fields['emits'])
  );
}

/**
 * For the process of a service with a package, before it loads it: no code from texts, and no way around the
 * hidden names to node's modules. Not to be undone.
 */
export function closeDoors(): void {
  const refuse = (): never => {
    throw new Error('not for an interface');
  };
  const kinds = [
    refuse,
    async () => {},
    function* (): Generator<never> {},
    async function* (): AsyncGenerator<never> {},
  ];
  for (const kind of kinds) {
    Object.defineProperty(Object.getPrototypeOf(kind), 'constructor', { value: refuse });
  }
  Object.defineProperty(globalThis, 'eval', { value: refuse });
  for (const name of ['getBuiltinModule', 'binding', 'mainModule']) {
    Object.defineProperty(process, name, { value: undefined });
  }
}
