// The forms of shadows (pages device-shadow-document, device-shadow-mqtt). Pure.

/** A JSON value without meaning to the cloud. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Timestamps (seconds) in the shape of the state. */
export type Metadata = { readonly timestamp: number } | readonly Metadata[] | MetadataObject;
export interface MetadataObject {
  readonly [key: string]: Metadata;
}

export interface ShadowDocument {
  readonly state: {
    readonly desired?: JsonObject;
    readonly reported?: JsonObject;
    readonly delta?: JsonObject;
  };
  readonly metadata: { readonly desired?: MetadataObject; readonly reported?: MetadataObject };
  readonly version: number;
  readonly timestamp: number;
}

export type ShadowVerb = 'get' | 'update' | 'delete';

/** What a shadow request topic asks for; `name` '' is the classic shadow. */
export interface ShadowTopic {
  readonly thing: string;
  readonly name: string;
  readonly verb: ShadowVerb;
}

export function readShadowTopic(topic: string): ShadowTopic | undefined {
  const form = /^\$aws\/things\/([^/]+)\/shadow\/(?:name\/([^/]+)\/)?(get|update|delete)$/;
  const [, thing, name = '', verb] = form.exec(topic) ?? [];
  return thing === undefined ? undefined : { thing, name, verb: verb as ShadowVerb };
}

export function shadowPrefix(thing: string, name: string): string {
  return `$aws/things/${thing}/shadow${name === '' ? '' : `/name/${name}`}`;
}
