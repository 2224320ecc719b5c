// What certificates.ts uses of node-forge: its DER writer and its PEM writer, no more.
declare module 'node-forge/lib/asn1.js' {
  export interface Node {
    readonly tagClass: number;
  }
  interface Bytes {
    /** One character a byte. */
    getBytes(): string;
  }
  const asn1: {
    readonly Class: { readonly UNIVERSAL: number; readonly CONTEXT_SPECIFIC: number };
    readonly Type: {
      readonly INTEGER: number;
      readonly BITSTRING: number;
      readonly OID: number;
      readonly UTF8: number;
      readonly SEQUENCE: number;
      readonly SET: number;
    };
    create(tagClass: number, type: number, constructed: boolean, value: string | Node[]): Node;
    toDer(node: Node): Bytes;
    fromDer(bytes: string): Node;
    oidToDer(dotted: string): Bytes;
    integerToDer(value: number): Bytes;
  };
  export default asn1;
}
declare module 'node-forge/lib/pem.js' {
  const pem: { encode(message: { readonly type: string; readonly body: string }): string };
  export default pem;
}
